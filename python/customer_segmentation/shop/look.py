"""What somebody's orders are: counted as the models count them, with what speaks against them."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import shutil
from collections.abc import Mapping as AnyMapping
from pathlib import Path
from typing import Any

import duckdb

from customer_segmentation._sql import sql_text
from customer_segmentation.shop.errors import ShopError
from customer_segmentation.shop.lines import Lines, typed_lines, typed_reviews
from customer_segmentation.shop.mapping import mapping_from
from customer_segmentation.shop.source import Source, open_source

EVENTS = Path("models/adapters/orders/work/shop_events.sql")
FIRST_POSSIBLE_YEAR = 1900
# Of a trait with more, no segment could be told apart by it; a city is counted by its size.
MOST_VALUES = 200
# As the models shop_lines and shop_reviews have them; engines round differently.
REVIEW_TYPES = {"order_id": "varchar", "review_score": "int", "review_answered_at": "timestamp"}
LINE_TYPES = {
    **REVIEW_TYPES,
    "customer_id": "varchar",
    "ordered_at": "timestamp",
    "amount": "decimal(24, 6)",
    "status": "varchar",
}
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
            f" cast(amount as decimal(24, 6)) as amount, coalesce(status in ({statuses or 'null'}), false)"
            f" as is_refund_status{traits}, review_score, review_answered_at from ({lines.sql})"
        )
        reviews = typed_reviews(connection, mapping)
        connection.execute(
            f"create or replace temp table shop_reviews as {reviews.sql if reviews else REVIEWS_OF_LINES}"
        )
    except duckdb.Error as error:
        raise ShopError(
            f"{source.label} cannot be read as var shop says: {str(error).splitlines()[0]}"
        ) from None
    return source, lines


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
        return Look(
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
            count(*) filter (where ordered_at > now()::timestamp + interval 1 day), max(ordered_at),
            count(*) filter (where year(ordered_at) < ?), min(ordered_at)
        from shop_lines
        """,
        [FIRST_POSSIBLE_YEAR],
    ).fetchone()
    assert row is not None
    rows, people, without_time, without_amount, future, latest, ancient, earliest = row
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
            f"{future:,} orders are later than today, the last on {latest:%Y-%m-%d}: correct their dates,"
            " or give time_format."
        )
    if ancient:
        found.append(
            f"{ancient:,} orders are before {FIRST_POSSIBLE_YEAR}, the first on {earliest:%Y-%m-%d}: correct their"
            " dates, or give time_format."
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
        without = f", and {guests:,} orders without a customer id," if guests else ""
        return [
            f"{source.label} has {customers:,} customers{without} in {days:,} days ({first:%Y-%m-%d} to"
            f" {last:%Y-%m-%d}); segments need {minimum_customers:,} customers and {minimum_history_days:,} days."
            " Give more orders, or lower vars minimum_customers and minimum_history_days."
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
            max(review_answered_at), count(*) filter (where order_id in (
                select coalesce(order_id, customer_unique_id || '@' || cast(ordered_at as date)) from shop_lines
            ))
        from shop_reviews where review_score is not null
        """
    ).fetchone() or (0, 0, None, 0)
    if future:
        return [
            f"{future:,} reviews are answered later than today, the last on {latest:%Y-%m-%d}: correct their times, or"
            " give time_format under reviews."
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
            f"{count:,} orders are of two people who differ in capitals only, such as {order} of"
            f" {' and '.join(people)}: name customer_id as lower(column)."
        ]
    return [
        f"{count:,} orders are of two people, such as {order} of {' and '.join(people)}: an order has one."
        " Name another column as order_id, or leave it out (then there is one order per person and day)."
    ]


class ShopAnswers:
    """What the macros of dbt ask about somebody's own orders; each answer is a JSON object.

    Parameters
    ----------
    named : Path
        Folder with dbt_project.yml; where it has no models, the one that this package lies in is taken.
    copies : bool
        Whether the engine of the build reads a copy in Parquet, rather than what DuckDB reads.
    """

    def __init__(self, named: Path, *, copies: bool = False) -> None:
        self.project = named if (named / EVENTS).exists() else Path(__file__).parents[3]
        self.copies = copies

    def problems(self, shop: str, settings: str) -> str:
        """Look at the orders.

        Parameters
        ----------
        shop : str
            Var shop, as JSON.
        settings : str
            minimum_customers, minimum_history_days and first_as_of_date, as JSON.

        Returns
        -------
        str
            JSON object with a list of sentences: ``problems``.
        """
        found = self._problems(json.loads(shop), json.loads(settings))
        return json.dumps({"problems": found})

    def _problems(self, shop: dict[str, Any], settings: dict[str, Any]) -> list[str]:
        first = settings.get("first_as_of_date")
        return problems_of(
            shop,
            project=self.project,
            minimum_customers=settings["minimum_customers"],
            minimum_history_days=settings["minimum_history_days"],
            first_as_of_date=datetime.date.fromisoformat(first) if first else None,
        )

    def reading(self, shop: str, model: str, scratch: str) -> str:
        """Say how the lines are read.

        Parameters
        ----------
        shop : str
            Var shop, as JSON.
        model : str
            JSON object: relation of a dbt model, Parquet file with a copy of it to look at, which is
            removed, and the settings of `problems`; empty for orders elsewhere.
        scratch : str
            Folder for a copy of what the build's engine cannot read.

        Returns
        -------
        str
            JSON object: ``sql``, and of a copy its ``file``; or ``problems``, sentences.
        """
        said, named = json.loads(shop), json.loads(model)
        try:
            if named:
                return self._reading_of_model(said, named)
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                source = open_source(connection, said.get("orders"))
                lines = typed_lines(connection, source, mapping_from(said))
                if self.copies or any(_is_elsewhere(one) for one in lines.sources):
                    return json.dumps(_copied(connection, lines.sql, scratch, LINE_TYPES))
        except ShopError as error:
            return json.dumps({"problems": list(error.problems)})
        return json.dumps({"sql": lines.sql})

    def reviews(self, shop: str, scratch: str) -> str:
        """Say how reviews are read that are no columns of the orders.

        Parameters
        ----------
        shop : str
            Var shop, as JSON.
        scratch : str
            Folder for a copy of what the build's engine cannot read.

        Returns
        -------
        str
            JSON object: ``sql``, null where there are none, and of a copy its ``file``; or ``problems``, sentences.
        """
        said = json.loads(shop)
        try:
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                reviews = typed_reviews(connection, mapping_from(said))
                if reviews is None:
                    return json.dumps({"sql": None})
                if self.copies or any(_is_elsewhere(one) for one in reviews.sources):
                    return json.dumps(_copied(connection, reviews.sql, scratch, REVIEW_TYPES))
        except ShopError as error:
            return json.dumps({"problems": list(error.problems)})
        return json.dumps({"sql": reviews.sql})

    def _reading_of_model(self, shop: dict[str, Any], named: dict[str, Any]) -> str:
        copy, label = named["copy"], f"model {shop['orders']['model']}"
        shop = {**shop, "orders": copy}
        try:
            problems = self._problems(shop, named["settings"])
            if problems:
                return json.dumps({"problems": [one.replace(copy, label) for one in problems]})
            with duckdb.connect() as connection:
                connection.execute("set timezone = 'UTC'")
                source = open_source(connection, copy)
                lines = typed_lines(connection, source, mapping_from(shop))
                if any(_is_elsewhere(one) for one in lines.sources[1:]):
                    raise ShopError(
                        "customers of a database cannot be joined to orders of a dbt model: join them in the model, or"
                        " give a file in UTF-8."
                    )
        finally:
            Path(copy).unlink(missing_ok=True)
        return json.dumps({"sql": lines.sql.replace(source.sql, named["relation"])})


def _is_elsewhere(source: Source) -> bool:
    """Say whether the connection of the build cannot read a source as it is said."""
    return not source.sql.startswith(("read_csv(", "read_parquet("))


def _copied(
    connection: duckdb.DuckDBPyConnection, sql: str, scratch: str, types: AnyMapping[str, str]
) -> dict[str, str]:
    """Copy what a select reads, with the types that its model gives it, and return a select of the copy."""
    folder = Path(scratch)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    file = str(folder / "copy.parquet")
    typed = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in types.items())
    connection.execute(f"copy (select * replace ({typed}) from ({sql})) to {sql_text(file)}")
    return {"sql": f"select * from read_parquet({sql_text(file)})", "file": file}
