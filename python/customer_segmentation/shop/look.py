"""What somebody's orders are: counted as the models count them, with what speaks against them."""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import re
from collections.abc import Mapping as AnyMapping
from pathlib import Path
from typing import Any

import duckdb

from customer_segmentation._sql import sql_text
from customer_segmentation._words import counted
from customer_segmentation.shop.lines import Lines, typed_lines, typed_reviews
from customer_segmentation.shop.mapping import Mapping, ShopError, mapping_from
from customer_segmentation.shop.source import Source, open_source

EVENTS = Path("models/adapters/orders/work/shop_events.sql")
FIRST_POSSIBLE_YEAR = 1900
# What programs write for no time: where Unix, and spreadsheets, begin to count.
NO_TIMES = ("1900-01-01", "1970-01-01")
# In currency; decimals with two places hold what is below it.
LARGEST_TOTAL = 10**12
# A number that a spreadsheet has written shorter: 1.23457E+12.
ROUNDED = "[0-9]([.,][0-9]+)?[eE][+][0-9]+"
# Of a trait with more, no segment could be told apart by it; a city is counted by its size.
MOST_VALUES = 200
# Reviews that are columns of the orders are on each line of an order.
REVIEWS_OF_LINES = """
    select distinct
        coalesce(order_id, customer_unique_id || '@' || cast(ordered_at as date)) as order_id,
        review_score,
        review_answered_at
    from shop_lines
    where review_score is not null
"""


@dataclasses.dataclass(frozen=True)
class Look:
    """What the orders are.

    Attributes
    ----------
    lines, rejected, customers, orders, guests, refunds, refund_only : int
        Rows; rows without a time or an amount; people who have bought; their orders; orders and
        refunds without a person; refunds of people; people with refunds only.
    guest_amount, refund_amount, net : float
        Of the guests; of the refunds, negative; of the customers' orders and refunds.
    first, last : datetime
        Of all events.
    as_of_dates : tuple of date
        Those that would be used.
    time_format : str or None
        How the times are written; None when they are ISO or no texts.
    traits : dict of str to int
        Name of each trait, and how many different values it has.
    reviews, reviews_elsewhere : int
        Answered reviews of the customers' orders, and of orders that are not there.
    most_orders_of : str
        Who has the most orders.
    most_orders : int
        How many they are.
    """

    lines: int
    rejected: int
    customers: int
    orders: int
    guests: int
    refunds: int
    refund_only: int
    guest_amount: float
    refund_amount: float
    net: float
    first: datetime.datetime
    last: datetime.datetime
    as_of_dates: tuple[datetime.date, ...]
    time_format: str | None
    traits: dict[str, int]
    reviews: int
    reviews_elsewhere: int
    most_orders_of: str
    most_orders: int


def events_sql(project: Path) -> str:
    """Return the SQL of the model that makes orders and refunds of lines, on a table shop_lines."""
    model = (project / EVENTS).read_text(encoding="utf-8")
    without_config = re.sub(r"\{\{ config\(.*?\) \}\}", "", model, flags=re.DOTALL)
    return re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", without_config)


def read_lines(
    connection: duckdb.DuckDBPyConnection, shop: AnyMapping[str, Any]
) -> tuple[Source, Lines]:
    """Put the lines into a temporary table shop_lines, as the model of that name does, and the reviews into another.

    Raises
    ------
    ShopError
    """
    connection.execute("set timezone = 'UTC'")
    mapping = mapping_from(shop)
    source = open_source(connection, shop.get("orders"))
    lines = typed_lines(connection, source, mapping)
    statuses = ", ".join(sql_text(one) for one in mapping.refund_statuses)
    traits = "".join(f", trait_{name}" for name in mapping.trait_names)
    try:
        connection.execute(
            "create or replace temp table shop_lines as select order_id, customer_id as customer_unique_id, ordered_at,"
            f" try_cast(amount as decimal(24, 6)) as amount, try_cast(amount as double) as said_amount, status,"
            f" coalesce(status in ({statuses or 'null'}), false) as is_refund_status{traits}, review_score,"
            f" review_answered_at from ({lines.sql})"
        )
        reviews = typed_reviews(connection, mapping)
        connection.execute(
            f"create or replace temp table shop_reviews as {reviews.sql if reviews else REVIEWS_OF_LINES}"
        )
    except duckdb.Error as error:
        raise ShopError(
            f"{source.label} cannot be read as var shop says: {str(error).splitlines()[0]}"
        ) from None
    found = [
        *_of_amounts(connection, source, mapping.amount),
        *_of_rounded_ids(connection),
        *_of_statuses(connection, mapping),
    ]
    if found:
        raise ShopError(*found)
    return source, lines


def _of_amounts(connection: duckdb.DuckDBPyConnection, source: Source, amount: str) -> list[str]:
    """Say which amounts are none, or too large to be summed in decimals."""
    none, sample, total, largest = connection.execute(
        """
        with said as (
            select said_amount, isfinite(said_amount) as is_finite from shop_lines
        )

        select count(*) filter (where not is_finite), max(said_amount) filter (where not is_finite),
            coalesce(sum(abs(said_amount)) filter (where is_finite), 0),
            coalesce(max(abs(said_amount)) filter (where is_finite), 0)
        from said
        """
    ).fetchone() or (0, None, 0.0, 0.0)
    if none:
        return [
            f"{counted(none, 'amount')} in {amount} of {source.label}"
            f" {'is no number' if none == 1 else 'are no numbers'} ({sample}):"
            f" correct {'it, or leave it' if none == 1 else 'them, or leave them'} empty."
        ]
    if total >= LARGEST_TOTAL:
        return [
            f"the amounts in {amount} of {source.label} add up to {total:,.2f}, the largest is {largest:,.2f}; a shop"
            f" has less than {LARGEST_TOTAL:,}. Correct what is no amount, or name another column; if they are right,"
            f" count in thousands: amount: ({amount}) / 1000."
        ]
    return []


def _of_rounded_ids(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Say which ids have lost digits: two of them may look like one."""
    found = []
    for role, column in (("customer_id", "customer_unique_id"), ("order_id", "order_id")):
        rows, sample = connection.execute(
            f"select count(*), min({column}) from shop_lines where regexp_full_match({column}, '{ROUNDED}')"
        ).fetchone() or (0, None)
        if rows:
            found.append(
                f"{role} is rounded in {counted(rows, 'row')}, such as {sample}: a spreadsheet, or a program"
                " that holds ids as numbers with a decimal point, has lost digits, and different ids may look like one."
                " Export the column as text."
            )
    return found


def _of_statuses(connection: duckdb.DuckDBPyConnection, mapping: Mapping) -> list[str]:
    """Say which refund statuses are written otherwise in the orders: their money would count as bought."""
    if not mapping.refund_statuses:
        return []
    there = [
        row[0]
        for row in connection.execute(
            f"select distinct status from shop_lines where status is not null order by 1 limit {MOST_VALUES}"
        ).fetchall()
    ]
    folded = {one.casefold(): one for one in there}
    found = []
    for status in mapping.refund_statuses:
        alike = difflib.get_close_matches(status.strip().casefold(), folded, n=1, cutoff=0.85)
        if alike and status not in there:
            found.append(
                f"refund_statuses has {status}, and no row of {mapping.status} has it; did you mean"
                f" {folded[alike[0]]}?"
            )
    return found


def look_at(
    shop: AnyMapping[str, Any],
    *,
    project: Path,
    minimum_customers: int,
    minimum_history_days: int,
    first_as_of_date: datetime.date | None = None,
) -> Look:
    """Count the orders.

    Parameters
    ----------
    shop : mapping
        Var shop.
    project : Path
        Folder with dbt_project.yml.
    minimum_customers, minimum_history_days : int
        Vars of these names.
    first_as_of_date : date, optional
        Var of that name.

    Raises
    ------
    ShopError
    """
    with duckdb.connect() as connection:
        source, lines = read_lines(connection, shop)
        connection.execute(f"create temp table shop_events as {events_sql(project)}")
        found = problems_in(
            connection,
            source,
            minimum_customers=minimum_customers,
            minimum_history_days=minimum_history_days,
            first_as_of_date=first_as_of_date,
        )
        if found:
            raise ShopError(*found)
        row = connection.execute(
            """
            with people as (
                select customer_unique_id, count(*) filter (where kind = 'order') as orders, sum(amount) as amount
                from shop_events where customer_unique_id is not null group by all
            )
            select
                (select count(*) from shop_lines),
                (select count(*) from shop_lines where ordered_at is null or amount is null),
                (select count(*) from people where orders > 0),
                (select coalesce(sum(orders), 0) from people),
                count(*) filter (where customer_unique_id is null),
                count(*) filter (where customer_unique_id is not null and kind = 'refund'),
                (select count(*) from people where orders = 0),
                coalesce(sum(amount) filter (where customer_unique_id is null), 0)::double,
                coalesce(sum(amount) filter (where customer_unique_id is not null and kind = 'refund'), 0)::double,
                (select coalesce(sum(amount), 0)::double from people where orders > 0),
                min(event_at) filter (where kind = 'order' and customer_unique_id is not null),
                max(event_at) filter (where customer_unique_id is not null)
            from shop_events
            """
        ).fetchone()
        assert row is not None
        names = [field.name for field in dataclasses.fields(Look)][: len(row)]
        dates = as_of_dates(
            connection,
            minimum_customers=minimum_customers,
            minimum_history_days=minimum_history_days,
            first_as_of_date=first_as_of_date,
        )
        traits = {name: _values_of(connection, name)[0] for name in mapping_from(shop).trait_names}
        reviews, elsewhere = connection.execute(
            """
            select count(*) filter (where is_known), count(*) filter (where not is_known)
            from (
                select order_id in (
                    select order_id from shop_events where kind = 'order' and customer_unique_id is not null
                ) as is_known
                from shop_reviews where review_score is not null and review_answered_at is not null
            )
            """
        ).fetchone() or (0, 0)
        who, most = connection.execute(
            "select customer_unique_id, count(*) from shop_events where kind = 'order' and customer_unique_id is not"
            " null group by all order by 2 desc, 1 limit 1"
        ).fetchone() or ("", 0)
        return Look(
            most_orders_of=who,
            most_orders=most,
            **dict(zip(names, row, strict=True)),
            as_of_dates=dates,
            time_format=lines.time_format,
            traits=traits,
            reviews=reviews,
            reviews_elsewhere=elsewhere,
        )


def _values_of(connection: duckdb.DuckDBPyConnection, trait: str) -> tuple[int, int]:
    """Return how many different values a trait has, and how many lines have one."""
    column = f"trait_{trait}"
    return connection.execute(
        f"select count(distinct {column}), count({column}) from shop_lines"
    ).fetchone() or (0, 0)


def as_of_dates(
    connection: duckdb.DuckDBPyConnection,
    *,
    minimum_customers: int,
    minimum_history_days: int,
    first_as_of_date: datetime.date | None,
) -> tuple[datetime.date, ...]:
    """Return the dates that marts.periods will have, from the table shop_events."""
    first, last, enough = connection.execute(
        f"""
        with firsts as (
            select customer_unique_id, min(event_at)::date as day
            from shop_events where kind = 'order' and customer_unique_id is not null group by all
        )
        select
            (select min(day) from firsts),
            (select max(event_at)::date from shop_events where customer_unique_id is not null),
            (select day from firsts order by day, customer_unique_id limit 1 offset {minimum_customers - 1})
        """
    ).fetchone() or (None, None, None)
    if first is None or last is None:
        return ()
    one = datetime.timedelta(days=1)
    known = _month_after(first)
    begin = first_as_of_date
    if begin is None and enough is not None:
        needed = max(enough + one, first + datetime.timedelta(days=minimum_history_days))
        begin = _month_after(needed - one)
    day = max(begin or known, known)
    dates = []
    while day <= last:
        dates.append(day)
        day = _month_after(day)
    return tuple(sorted({*dates, last + one}))


def _month_after(day: datetime.date) -> datetime.date:
    return (day.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)


def problems_of(
    shop: AnyMapping[str, Any],
    *,
    project: Path,
    minimum_customers: int,
    minimum_history_days: int,
    first_as_of_date: datetime.date | None = None,
) -> list[str]:
    """Say in sentences why orders cannot be used; empty when they can."""
    try:
        look_at(
            shop,
            project=project,
            minimum_customers=minimum_customers,
            minimum_history_days=minimum_history_days,
            first_as_of_date=first_as_of_date,
        )
    except ShopError as error:
        return list(error.problems)
    return []


def problems_in(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    *,
    minimum_customers: int,
    minimum_history_days: int,
    first_as_of_date: datetime.date | None,
) -> list[str]:
    """Say in sentences what speaks against the orders in the tables shop_lines and shop_events."""
    row = connection.execute(
        """
        select count(*), count(customer_unique_id), count(*) filter (where ordered_at is null),
            count(*) filter (where amount is null),
            count(*) filter (where ordered_at > now()::timestamp + interval 1 day),
            cast(max(ordered_at)::date as varchar),
            count(*) filter (where ordered_at < make_date(?, 1, 1)), cast(min(ordered_at)::date as varchar),
            count(*) filter (where cast(cast(ordered_at as date) as varchar) in (?, ?))
        from shop_lines
        """,
        [FIRST_POSSIBLE_YEAR, *NO_TIMES],
    ).fetchone()
    assert row is not None
    rows, people, without_time, without_amount, future, latest, ancient, earliest, none = row
    if not rows:
        return [f"{source.label} has no row."]
    found = []
    if not people:
        found.append(
            f"customer_id is empty in all {rows:,} rows of {source.label}: nobody can be recognised."
            " Name another column."
        )
    found += [
        f"{count:,} of {rows:,} rows have no {what}: fill it in, or leave the rows out of the file."
        for count, what in ((without_time, "time"), (without_amount, "amount"))
        if count > 0.01 * rows
    ]
    if future:
        found.append(
            f"{counted(future, 'order is', 'orders are')} later than today, the last on {latest}: correct the dates,"
            " or give time_format."
        )
    if ancient:
        found.append(
            f"{counted(ancient, 'order is', 'orders are')} before {FIRST_POSSIBLE_YEAR}, the first on"
            f" {earliest}: correct the dates, or give time_format."
        )
    if none:
        found.append(
            f"{counted(none, 'order is', 'orders are')} on {' or '.join(NO_TIMES)}, which is what programs write"
            " for no time: correct the dates, or leave the rows out of the file."
        )
    found += _orders_of_two(connection)
    found += _of_traits(connection, source)
    found += _of_reviews(connection, source)
    if found:
        return found
    first, last, customers, guests = connection.execute(
        "select min(event_at) filter (where customer_unique_id is not null),"
        " max(event_at) filter (where customer_unique_id is not null), count(distinct customer_unique_id),"
        " count(*) filter (where customer_unique_id is null) from shop_events where kind = 'order'"
    ).fetchone() or (None, None, 0, 0)
    if first is None:
        return [f"{source.label} has refunds only, and no order of a customer."]
    days = (last.date() - first.date()).days + 1
    if customers < minimum_customers or days < minimum_history_days:
        without = f", and {counted(guests, 'order')} without a customer id," if guests else ""
        return [
            f"{source.label} has {counted(customers, 'customer')}{without} in {counted(days, 'day')}"
            f" ({first:%Y-%m-%d} to {last:%Y-%m-%d}); segments need {minimum_customers:,} customers and"
            f" {minimum_history_days:,} days. Give more orders, or lower vars minimum_customers and"
            " minimum_history_days."
        ]
    if first_as_of_date is not None and not first.date() < first_as_of_date <= last.date():
        return [
            f"first_as_of_date is {first_as_of_date}, and the orders go from {first:%Y-%m-%d} to {last:%Y-%m-%d}:"
            f" name the first of a month from {_month_after(first.date())} to {last.date().replace(day=1)},"
            " or leave it out."
        ]
    return []


def _of_traits(connection: duckdb.DuckDBPyConnection, source: Source) -> list[str]:
    """Say which traits tell nothing."""
    names = [
        row[0].removeprefix("trait_")
        for row in connection.execute("describe shop_lines").fetchall()
        if row[0].startswith("trait_")
    ]
    found = []
    for name in names:
        values, filled = _values_of(connection, name)
        if not filled:
            found.append(
                f"trait {name} is empty in all rows of {source.label}, or the customers that have it are none of these:"
                " name another column, or leave it out."
            )
        elif values > MOST_VALUES and name != "city":
            found.append(
                f"trait {name} has {values:,} different values, and at most {MOST_VALUES} can be compared: name a"
                " coarser column, or leave it out."
            )
    return found


def _of_reviews(connection: duckdb.DuckDBPyConnection, source: Source) -> list[str]:
    """Say why reviews cannot be used."""
    reviews, future, latest, known = connection.execute(
        """
        select count(*), count(*) filter (where review_answered_at > now()::timestamp + interval 1 day),
            cast(max(review_answered_at)::date as varchar), count(*) filter (where order_id in (
                select coalesce(order_id, customer_unique_id || '@' || cast(ordered_at as date)) from shop_lines
            ))
        from shop_reviews where review_score is not null
        """
    ).fetchone() or (0, 0, None, 0)
    if future:
        return [
            f"{counted(future, 'review is', 'reviews are')} answered later than today, the last on {latest}:"
            " correct the times, or give time_format under reviews."
        ]
    if reviews and not known:
        return [
            f"none of the {reviews:,} reviews is of an order of {source.label}: name another column as order_id of"
            " reviews."
        ]
    return []


def _orders_of_two(connection: duckdb.DuckDBPyConnection) -> list[str]:
    of_two = connection.execute(
        """
        select count(*), arg_min(order_id, order_id), arg_min(people, order_id) from (
            select order_id, list_sort(list(distinct customer_unique_id))[:2] as people
            from shop_lines where order_id is not null group by all
            having count(distinct customer_unique_id) > 1
        )
        """
    ).fetchone()
    if not of_two or not of_two[0]:
        return []
    count, order, people = of_two
    if people[0].casefold() == people[1].casefold():
        return [
            f"{counted(count, 'order is', 'orders are')} of two people who differ in capitals only, such as {order} of"
            f" {' and '.join(people)}: name customer_id as lower(column)."
        ]
    return [
        f"{counted(count, 'order is', 'orders are')} of two people, such as {order} of {' and '.join(people)}:"
        " an order has one. Name another column as order_id, or leave it out (then there is one order per person and"
        " day)."
    ]
