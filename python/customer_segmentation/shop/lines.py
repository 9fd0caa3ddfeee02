"""The lines of the orders under our names, typed: the SQL that reads them."""

from __future__ import annotations

import dataclasses
import difflib

import duckdb

from customer_segmentation.shop.errors import ShopError
from customer_segmentation.shop.mapping import Mapping, column_of, columns_in, is_name
from customer_segmentation.shop.source import Source, quoted
from customer_segmentation.shop.times import find_format, time_sql

# What programs write for a missing value.
MISSING = r"[-.?]*|[(<]?null[)>]?|none|nan|nat|<?na>?|#?n/a|n[.]a[.]|nil|undefined|\\N"
TEXT_TYPES = ("VARCHAR",)
WHOLE_TYPES = ("BIGINT", "INTEGER", "SMALLINT", "UBIGINT", "UINTEGER", "HUGEINT")
# 1.234,56 and 12,50: a comma before the cents.
DECIMAL_COMMA = r"-?[0-9]{1,3}([.\s][0-9]{3})*,[0-9]{1,2}|-?[0-9]+,[0-9]{1,2}"


@dataclasses.dataclass(frozen=True)
class Lines:
    """How lines are read.

    Attributes
    ----------
    sql : str
        A select of order_id, customer_id, ordered_at, amount and status.
    time_format : str
        As of `customer_segmentation.shop.times`.
    """

    sql: str
    time_format: str | None


def typed_lines(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    mapping: Mapping,
) -> Lines:
    """Say how the lines of a source are read.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        On which the source can be read.
    source : Source
    mapping : Mapping

    Returns
    -------
    Lines

    Raises
    ------
    ShopError
        With a sentence for each column that is missing or does not hold what it must.
    """
    roles = {
        "customer_id": mapping.customer_id,
        "ordered_at": mapping.ordered_at,
        "amount": mapping.amount,
        **({"order_id": mapping.order_id} if mapping.order_id else {}),
        **({"status": mapping.status} if mapping.status else {}),
    }
    missing = [
        _missing(role, expression, source)
        for role, expression in roles.items()
        if column_of(expression, source.columns) is None
        and (is_name(expression) or not columns_in(expression, source.columns))
    ]
    if missing:
        raise ShopError(*missing)
    problems: list[str] = []
    parts: dict[str, str] = {}
    time_format = mapping.time_format
    for role in ("order_id", "customer_id", "status"):
        parts[role] = (
            key_sql(_expression(roles[role], source)) if role in roles else "cast(null as varchar)"
        )
    try:
        parts["ordered_at"], time_format = _time(connection, source, mapping)
    except ShopError as error:
        problems += error.problems
    try:
        amount, numbers = _amount(connection, source, mapping.amount)
    except ShopError as error:
        problems += error.problems
    if problems:
        raise ShopError(*problems)
    typed = ", ".join(f"{number_sql(name)} as {quoted(name)}" for name in numbers)
    rows = f"select *{f' replace ({typed})' if typed else ''}" + "".join(
        f", {parts[role]} as shop_{role}"
        for role in ("order_id", "customer_id", "ordered_at", "status")
    )
    sql = (
        "select shop_order_id as order_id, shop_customer_id as customer_id, shop_ordered_at as ordered_at,"
        f" {amount} as amount, shop_status as status from ({rows} from {source.sql})"
    )
    _bind(connection, sql)
    return Lines(sql=sql, time_format=time_format)


def _bind(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Return the type of the first column of a select."""
    try:
        return str((connection.execute(f"describe {sql}").fetchone() or ("", "VARCHAR"))[1])
    except duckdb.Error as error:
        sentence = str(error).splitlines()[0]
        raise ShopError(f"the mapping is no SQL that can be run: {sentence}") from None


def _missing(role: str, expression: str, source: Source) -> str:
    alike = difflib.get_close_matches(
        expression.casefold(), {name.casefold(): name for name in source.columns}, n=1, cutoff=0.5
    )
    nearest = next((name for name in source.columns if alike and name.casefold() == alike[0]), None)
    hint = f" Did you mean {nearest}?" if nearest else ""
    return (
        f"{role} is {expression}, and {source.label} has no such column: its header is "
        f"{', '.join(source.columns)}.{hint}"
    )


def _expression(expression: str, source: Source) -> str:
    column = column_of(expression, source.columns)
    return quoted(column) if column is not None else f"({expression})"


def key_sql(value: str) -> str:
    """Return SQL of the name of a person or an order: no blanks around it, null where it is none.

    Programs that hold whole numbers as doubles write 17850.0 for 17850.
    """
    said = f"trim(cast({value} as varchar))"
    return (
        f"case when regexp_full_match({said}, '(?i){MISSING}') then null"
        f" else regexp_replace({said}, '^([0-9]+)[.]0+$', '\\1') end"
    )


def number_sql(name: str) -> str:
    """Return SQL of a column of text as a number; null where it is none."""
    return f"try_cast(nullif(trim({quoted(name)}), '') as double)"


def _time(
    connection: duckdb.DuckDBPyConnection, source: Source, mapping: Mapping
) -> tuple[str, str | None]:
    """Return the SQL of the time, and its format."""
    value = _expression(mapping.ordered_at, source)
    column = column_of(mapping.ordered_at, source.columns)
    if column is not None:
        kind = source.columns[column]
    else:
        kind = _bind(connection, f"select {value} as ordered_at from {source.sql}")
    if kind.startswith("TIMESTAMP WITH TIME ZONE"):
        return f"{value} at time zone '{mapping.time_zone}'", None
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"cast({value} as timestamp)", None
    said = value if kind in TEXT_TYPES else f"cast({value} as varchar)"
    if kind not in TEXT_TYPES and kind not in WHOLE_TYPES:
        raise ShopError(
            f"ordered_at is {mapping.ordered_at}, which is of type {kind.lower()} and no time: give an SQL expression."
        )
    what = f"{mapping.ordered_at} of {source.label}"
    found = mapping.time_format
    if found is None:
        found = find_format(connection, said, source.sql, what=what)
    else:
        _check_format(connection, said, source, found, what)
    return time_sql(said, found, mapping.time_zone), found


def _check_format(
    connection: duckdb.DuckDBPyConnection, said: str, source: Source, found: str | None, what: str
) -> None:
    try:
        bad = connection.execute(
            f"select count(*), min(said, 3) from (select trim({said}) as said from {source.sql})"
            f" where said != '' and {time_sql('said', found, 'UTC')} is null"
        ).fetchone()
    except duckdb.Error as error:
        raise ShopError(f"time_format is '{found}', which is none: {error}") from None
    if bad and bad[0]:
        shown = ", ".join(f"'{one}'" for one in bad[1])
        raise ShopError(
            f"{bad[0]:,} times in {what} are not written as time_format '{found}', such as {shown}."
        )


def _amount(
    connection: duckdb.DuckDBPyConnection, source: Source, expression: str
) -> tuple[str, list[str]]:
    """Return the SQL of the amount, and the columns of text in it that are numbers."""
    column = column_of(expression, source.columns)
    texts = [
        name
        for name in columns_in(column or expression, source.columns)
        if source.columns[name] in TEXT_TYPES
    ]
    numbers = []
    for name in texts:
        said = f"trim({quoted(name)})"
        found = connection.execute(
            f"select count(*) filter (where {number_sql(name)} is null), count(*),"
            f" min(said, 3) filter (where {number_sql(name)} is null),"
            f" count(*) filter (where regexp_full_match(said, '{DECIMAL_COMMA}'))"
            f" from (select {quoted(name)}, {said} as said from {source.sql}) where said != ''"
        ).fetchone()
        bad, total, shown, commas = found or (0, 0, None, 0)
        if column is not None and not total:
            raise ShopError(f"amount is {expression}, and every row of it is empty.")
        if not bad:
            numbers.append(name)
        elif column is not None:
            how = (
                f" They have a decimal comma: write amount: replace(replace({quoted(name)}, '.', ''), ',', '.')::double"
                if commas
                else f" Correct them, or give an SQL expression, such as"
                f" regexp_replace({quoted(name)}, '[^0-9.-]', '', 'g')"
                "::double"
            )
            values = ", ".join(f"'{one}'" for one in shown)
            raise ShopError(
                f"{bad:,} of {total:,} amounts in {name} of {source.label} are no numbers, such as {values}.{how}"
            )
    return (quoted(column) if column is not None else f"({expression})"), numbers
