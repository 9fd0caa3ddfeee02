"""Look at somebody's own orders, say what they are, and write how they are read into shop.yml.

Which column is what is guessed from names and values; correct the file where the guess is wrong. The
database is built from it by: build --shop shop.yml, or by dbt build --vars "$(cat shop.yml)".

Examples
--------
  python -m customer_segmentation shop 'folder/*.csv'
  python -m customer_segmentation shop orders.parquet --to gifts.yml --time-zone Europe/London --currency GBP
  python -m customer_segmentation shop --table sales.orders warehouse.duckdb
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

import duckdb
import yaml

from customer_segmentation._sql import quoted, sql_text
from customer_segmentation._words import counted
from customer_segmentation.intake import default_settings
from customer_segmentation.publishing import CommandError
from customer_segmentation.shop import (
    NO_CURRENCY,
    NO_CURRENCY_FOUND,
    Look,
    ShopError,
    Source,
    choose_clusters,
    guess_customer_file,
    guess_mapping,
    guess_review_file,
    in_currency,
    in_words,
    left_out,
    look_at,
    mapping_from,
    open_source,
    rows_in_two_files,
)

DEFAULT_FILE = "shop.yml"
# Of one customer: tills and shops write one id for all who have none.
LARGE_SHARE = 0.1
PROJECT = Path()
HEAD = """\
# How somebody's own orders are read, for `make build SHOP={name}` and `dbt build --vars "$(cat {name})"`.
# docs/your_own_orders.md has every key; any var of dbt_project.yml may be added.
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "orders", nargs="+", help="files, or globs in quotes; with --table a database"
    )
    parser.add_argument(
        "--table", help="of a DuckDB, SQLite or PostgreSQL database (default: ORDERS are files)"
    )
    parser.add_argument("--to", metavar="FILE", default=DEFAULT_FILE, help="(default: %(default)s)")
    parser.add_argument("--time-zone", metavar="NAME", help="of the shop (default: UTC)")
    parser.add_argument(
        "--time-format",
        metavar="TEXT",
        help="such as '%%d/%%m/%%Y %%H:%%M' (default: the one that fits every time)",
    )
    parser.add_argument("--currency", metavar="CODE", help="three letters (default: guessed)")
    parser.add_argument(
        "--customers",
        metavar="FILE",
        help="with a row per customer, such as their state and city (default: none)",
    )
    parser.add_argument(
        "--reviews", metavar="FILE", help="of reviews of the orders (default: none)"
    )
    parser.add_argument(
        "--notice", metavar="TEXT", help="printed beside every result (default: Orders of FILE)"
    )


def run(options: argparse.Namespace) -> int:
    """Look, guess, tell and write."""
    orders: Any = options.orders[0] if len(options.orders) == 1 else options.orders
    if options.table:
        orders = {"database": options.orders[0], "table": options.table}
    to = Path(options.to)
    refuse_another_file(to)
    defaults = default_settings(PROJECT, adapter="orders")
    try:
        with duckdb.connect() as connection:
            source = open_source(connection, orders)
            guess = guess_mapping(connection, source)
            known = [
                note for note in guess.notes if not (options.currency and note == NO_CURRENCY_FOUND)
            ]
            notes = (*known, *_notes_of_files(connection, source))
            optional = _optional(connection, options, guess.shop)
        shop = {
            "name": to.stem,
            "orders": orders,
            **guess.shop,
            **optional,
            **({"time_format": options.time_format} if options.time_format else {}),
            "time_zone": options.time_zone or "UTC",
            **({"currency": options.currency} if options.currency else {}),
            "notice": options.notice or f"Orders of {to.stem}",
        }
        write(to, shop)
        look = look_at(
            shop,
            project=PROJECT,
            minimum_customers=defaults["minimum_customers"],
            minimum_history_days=defaults["minimum_history_days"],
        )
        print("\n".join(told(shop, look, notes)), flush=True)
        choice = choose_clusters(shop, defaults, project=PROJECT)
    except ShopError as error:
        written = f"\n{to} has the guess; correct it there." if to.exists() else ""
        raise CommandError(f"{error}{written}") from None
    number = choice.n_clusters or defaults["n_clusters"]
    if number != defaults["n_clusters"]:
        write(to, shop, n_clusters=number)
    print(f"  {number} segments, as of {choice.as_of_date}: {choice.reason}")
    print(f"\n{to} is written. Look at it, then: make build SHOP={shlex.quote(str(to))}")
    return 0


def _notes_of_files(connection: duckdb.DuckDBPyConnection, source: Source) -> list[str]:
    """Say which files hold the same rows."""
    found = rows_in_two_files(connection, source)
    if found is None:
        return []
    count, first, other = found
    return [
        f"{counted(count, 'row is', 'rows are')} in two files, such as in {first} and {other}. If the exports overlap,"
        " the same orders count twice: leave them out of one."
    ]


def _optional(
    connection: duckdb.DuckDBPyConnection, options: argparse.Namespace, shop: dict[str, Any]
) -> dict[str, Any]:
    """Guess the columns of the files beside the orders."""
    found: dict[str, Any] = {}
    if options.customers:
        source = open_source(connection, options.customers, alias="shop_customers")
        found["customers"] = guess_customer_file(
            connection, source, options.customers, customer_id=shop["customer_id"]
        )
        theirs = found["customers"]["traits"]
        if set(theirs) & set(shop.get("traits", {})):
            # Columns of the orders are known as of their day.
            found["customers"]["traits"] = {
                name: column for name, column in theirs.items() if name not in shop["traits"]
            }
            if not found["customers"]["traits"]:
                del found["customers"]
    if options.reviews:
        source = open_source(connection, options.reviews, alias="shop_reviews")
        found["reviews"] = guess_review_file(
            connection, source, options.reviews, order_id=shop.get("order_id")
        )
    return found


def refuse_another_file(to: Path) -> None:
    """Stop when a file that is there is none of a shop: it may be the orders themselves.

    Raises
    ------
    CommandError
    """
    if to.is_dir():
        raise CommandError(f"{to} is a folder; name a file with TO=, such as {to / DEFAULT_FILE}.")
    if to.exists() and not _is_of_a_shop(to):
        raise CommandError(
            f"{to} is there, and is no file that this command has written; it is left as it is. Name another with TO=."
        )


def _is_of_a_shop(file: Path) -> bool:
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, ValueError):
        return False
    return isinstance(found, dict) and "shop" in found


def write(to: Path, shop: dict[str, Any], **settings: Any) -> None:
    """Write the file of vars."""
    text = yaml.safe_dump(
        {"adapter": "orders", "shop": shop, **settings},
        sort_keys=False,
        allow_unicode=True,
        width=120,
    )
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        _keep_corrections(to, text)
        to.write_text(HEAD.format(name=shlex.quote(str(to))) + text, encoding="utf-8")
    except OSError as error:
        raise CommandError(
            f"{to} cannot be written ({error.strerror}); name another file with TO=."
        ) from None


def _keep_corrections(to: Path, text: str) -> None:
    """Put what was there beside it, when it says something else: somebody may have corrected it."""
    if not to.exists():
        return
    before = to.read_text(encoding="utf-8")
    there, here = yaml.safe_load(before), yaml.safe_load(text)
    if {**there, "n_clusters": None} != {**here, "n_clusters": None}:
        kept = to.with_name(f"{to.name}.before")
        kept.write_text(before, encoding="utf-8")
        print(f"{to} said something else; what it said is in {kept}.", flush=True)


def told(shop: dict[str, Any], look: Look, notes: tuple[str, ...]) -> list[str]:
    """Return what a person is told of the orders, a line each."""
    dates = look.as_of_dates
    currency = in_currency(shop.get("currency", NO_CURRENCY))
    missing = left_out(mapping_from(shop).trait_names, has_reviews=bool(shop.get("reviews")))
    written = f", written {in_words(look.time_format)}" if in_words(look.time_format) else ""
    lines = [
        f"  customer_id  {shop['customer_id']}",
        f"  ordered_at   {shop['ordered_at']}{written}, time zone {shop['time_zone']}",
        f"  amount       {shop['amount']}{f',{currency}' if currency else ''}",
        f"  order_id     {shop.get('order_id', 'none: one order per person and day')}",
        *_optional_lines(shop, look),
        "",
        f"  {look.lines:,} rows, {look.rejected:,} of them without a time or an amount, which do not count",
        f"  {look.customers:,} customers, {look.orders:,} orders, net {look.net:,.2f}{currency}",
        f"  {look.guests:,} orders of guests (no customer id), {look.guest_amount:,.2f}{currency}: counted in"
        " marts.data_quality, in no segment",
        f"  {look.refunds:,} refunds and later lines of an order, {look.refund_amount:,.2f}{currency};"
        f" {look.refund_only:,} people have refunds only and are no customers",
        f"  {look.first:%Y-%m-%d} to {look.last:%Y-%m-%d}; the last month may be incomplete",
        f"  {len(dates)} as-of dates, from {dates[0]} to {dates[-1]}"
        if dates
        else "  no as-of date",
        f"  Missing, and left out of what is built: {', '.join(missing)}",
    ]
    if look.net == 0 and not look.refunds:
        notes = (
            *notes,
            f"Every order is worth 0: is {shop['amount']} the amount? If so, segments differ by days and orders only.",
        )
    if look.most_orders >= LARGE_SHARE * look.orders:
        who, share = look.most_orders_of, look.most_orders / look.orders
        notes = (
            *notes,
            f"{who} has {share:.0%} of the orders. If it stands for people who are not known, write customer_id:"
            f" nullif({_in_sql(shop['customer_id'])}, {sql_text(who)}).",
        )
    return lines + [f"  Note: {note}" for note in notes]


def _in_sql(expression: str) -> str:
    """Return a column as it is written in SQL; an expression is such already."""
    return expression if "(" in expression or expression.isidentifier() else quoted(expression)


def _optional_lines(shop: dict[str, Any], look: Look) -> list[str]:
    """Say what is known beside who, when and how much."""
    customers = shop.get("customers") or {}
    columns = {
        **(shop.get("traits") or {}),
        **{
            name: f"{column} of {customers['from']}"
            for name, column in (customers.get("traits") or {}).items()
        },
    }
    lines = [
        f"  trait        {name}: {column}, {look.traits[name]:,} different values"
        for name, column in columns.items()
    ]
    reviews = shop.get("reviews")
    if reviews:
        place = f" of {reviews['from']}" if reviews.get("from") else ""
        elsewhere = (
            f"; {look.reviews_elsewhere:,} of orders that are not there do not count"
            if look.reviews_elsewhere
            else ""
        )
        lines.append(
            f"  reviews      {reviews['score']} at {reviews['answered_at']}{place}, {look.reviews:,} reviews{elsewhere}"
        )
    return lines
