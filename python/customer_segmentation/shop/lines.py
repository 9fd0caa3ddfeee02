"""The lines of the orders under our names, typed: the SQL that reads them."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import re
from collections.abc import Iterator, Sequence

import duckdb

from customer_segmentation._sql import quoted
from customer_segmentation._words import counted
from customer_segmentation.shop.mapping import (
    LITERAL,
    Customers,
    Mapping,
    Reviews,
    ShopError,
    column_of,
    columns_in,
    is_name,
)
from customer_segmentation.shop.source import Source, open_source
from customer_segmentation.shop.times import find_format, time_sql

# What programs write for a missing value.
MISSING = r"[-.?]*|[(<]?null[)>]?|none|nan|nat|<?na>?|#?n/a|n[.]a[.]|nil|undefined|\\N"
TEXT_TYPES = ("VARCHAR",)
WHOLE_TYPES = ("BIGINT", "INTEGER", "SMALLINT", "UBIGINT", "UINTEGER", "HUGEINT")
# Spreadsheets write a time as a number of days with parts of one.
PARTS_TYPES = ("DOUBLE", "FLOAT", "DECIMAL")
# What stands around a name without being seen: blanks of every kind, tabs, marks of direction.
UNSEEN = r"[\p{Z}\p{Cc}\p{Cf}]"
# 1.234,56 and 12,50: a comma before the cents.
DECIMAL_COMMA = r"-?[0-9]{1,3}([.\s][0-9]{3})*,[0-9]{1,2}|-?[0-9]+,[0-9]{1,2}"
CURRENCY = r"[$€£¥₹]\s*|^[A-Z]{3}\s*|\s*[A-Z]{3}$"
# What can be read in one way only: digits, or a comma or a point before one or two digits at the end;
# of amounts below 0 a minus before or after them, or parentheses around them.
PLAIN = (
    r"[(-]?([0-9]+"
    r"|([0-9]{1,3}([. '\x{A0}\x{202F}][0-9]{3})+|[0-9]+),[0-9]{1,2}"
    r"|([0-9]{1,3}([, '\x{A0}\x{202F}][0-9]{3})+|[0-9]+)[.][0-9]{1,2})[)-]?"
)
IS_BELOW_0 = r".*[(-].*|.*[)-]"
# An expression may take a tax off: a line is worth more or less than is written, but not another sign or power of ten.
LARGEST_RATIO = 5


@dataclasses.dataclass(frozen=True)
class Lines:
    """How lines are read.

    Attributes
    ----------
    sql : str
        A select of order_id, customer_id, ordered_at, amount, status, a column trait_… for each trait, review_score
        and review_answered_at.
    time_format : str
        As of `customer_segmentation.shop.times`.
    sources : tuple of Source
        The orders, and the customers where there are such.
    """

    sql: str
    time_format: str | None
    sources: tuple[Source, ...]


@contextlib.contextmanager
def _in_a_sentence(label: str) -> Iterator[None]:
    """Turn an error of DuckDB on the values of a source into one sentence."""
    try:
        yield
    except duckdb.Error as error:
        raise ShopError(
            f"{label} cannot be read as var shop says: {str(error).splitlines()[0]}"
        ) from None


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
    with _in_a_sentence(source.label):
        return _typed_lines(connection, source, mapping)


def _typed_lines(connection: duckdb.DuckDBPyConnection, source: Source, mapping: Mapping) -> Lines:
    roles = {
        "customer_id": mapping.customer_id,
        "ordered_at": mapping.ordered_at,
        "amount": mapping.amount,
        **({"order_id": mapping.order_id} if mapping.order_id else {}),
        **({"status": mapping.status} if mapping.status else {}),
    }
    inline = mapping.reviews if mapping.reviews and mapping.reviews.source is None else None
    asked = {
        **roles,
        **{f"trait {name}": expression for name, expression in mapping.traits.items()},
        **(
            {"score of reviews": inline.score, "answered_at of reviews": inline.answered_at}
            if inline
            else {}
        ),
    }
    missing = missing_columns(asked, source) or _missing_in_files(roles, source)
    if missing:
        raise ShopError(*missing)
    problems: list[str] = []
    parts: dict[str, str] = {}
    time_format = mapping.time_format
    for role in ("order_id", "customer_id", "status"):
        parts[role] = (
            key_sql(_expression(roles[role], source)) if role in roles else "cast(null as varchar)"
        )
    for name, expression in mapping.traits.items():
        parts[f"trait_{name}"] = key_sql(_expression(expression, source))
    try:
        parts["ordered_at"], time_format = time_of(
            connection,
            source,
            role="ordered_at",
            expression=mapping.ordered_at,
            time_format=mapping.time_format,
            zone=mapping.time_zone,
        )
    except ShopError as error:
        problems += error.problems
    parts["review_answered_at"], score = "cast(null as timestamp)", "cast(null as int)"
    numbers: list[str] = []
    if inline:
        try:
            score, parts["review_answered_at"], numbers = review_parts(
                connection, source, inline, zone=mapping.time_zone
            )
        except ShopError as error:
            problems += error.problems
    people = None
    try:
        people = _people(connection, mapping.customers)
    except ShopError as error:
        problems += error.problems
    try:
        amount, of_amount = _amount(connection, source, mapping.amount)
    except ShopError as error:
        problems += error.problems
    if problems:
        raise ShopError(*problems)
    prefix = _free_prefix(source)
    rows = f"select {_typed(sorted({*numbers, *of_amount}))}" + "".join(
        f", {part} as {prefix}{role}" for role, part in parts.items()
    )
    named = ", ".join(f"{prefix}{role} as {role}" for role in parts)
    kind = _bind(connection, f"select {amount} from (select {_typed(of_amount)} from {source.sql})")
    if kind in ("DOUBLE", "FLOAT"):
        # What programs of numbers write for a missing one.
        amount = f"case when not isnan({amount}) then {amount} end"
    sql = f"select {named}, {amount} as amount, {score} as review_score from ({rows} from {source.sql})"
    sources = [source]
    if people is not None and mapping.customers is not None:
        people_source, people_sql = people
        sources.append(people_source)
        theirs = "".join(f", people.trait_{name}" for name in mapping.customers.traits)
        sql = (
            f"select lines.*{theirs} from ({sql}) as lines left join ({people_sql}) as people"
            " on lines.customer_id = people.customer_id"
        )
    _bind(connection, sql)
    return Lines(sql=sql, time_format=time_format, sources=tuple(sources))


def _free_prefix(source: Source) -> str:
    """Return what no column of a source begins with: the names of ours that stand beside them begin so."""
    prefix = "shop_"
    while any(name.casefold().startswith(prefix) for name in source.columns):
        prefix = f"_{prefix}"
    return prefix


def _typed(numbers: Sequence[str]) -> str:
    """Return all columns, those that are numbers as such."""
    typed = ", ".join(f"{number_sql(name)} as {quoted(name)}" for name in numbers)
    return f"* replace ({typed})" if typed else "*"


def _people(
    connection: duckdb.DuckDBPyConnection, customers: Customers | None
) -> tuple[Source, str] | None:
    """Return a select of customer_id and traits, one row per customer, and where it reads."""
    if customers is None:
        return None
    source = open_source(connection, customers.source, alias="shop_customers")
    roles = {"customer_id": customers.customer_id}
    roles |= {f"trait {name}": expression for name, expression in customers.traits.items()}
    missing = missing_columns(roles, source)
    if missing:
        raise ShopError(*(f"customers: {one}" for one in missing))
    traits = "".join(
        f", {key_sql(_expression(expression, source))} as trait_{name}"
        for name, expression in customers.traits.items()
    )
    rows = (
        f"select distinct {key_sql(_expression(customers.customer_id, source))} as customer_id{traits}"
        f" from {source.sql}"
    )
    _bind(connection, rows)
    with _in_a_sentence(source.label):
        of_two = connection.execute(
            f"select count(*), min(customer_id) from (select customer_id from ({rows})"
            " where customer_id is not null group by all having count(*) > 1)"
        ).fetchone()
    if of_two and of_two[0]:
        raise ShopError(
            f"{counted(of_two[0], 'customer')} of {source.label} {'has' if of_two[0] == 1 else 'have'} several rows"
            f" that differ, such as {of_two[1]}: a customer has one."
        )
    return source, f"select * from ({rows}) where customer_id is not null"


def review_parts(
    connection: duckdb.DuckDBPyConnection, source: Source, reviews: Reviews, *, zone: str
) -> tuple[str, str, list[str]]:
    """Return the SQL of the score and of the time of reviews, and the columns of text that the score takes as numbers.

    Raises
    ------
    ShopError
        When a score is none of 1 to 5, or a time cannot be read.
    """
    is_column = column_of(reviews.score, source.columns) is not None
    numbers = [] if is_column else _amount(connection, source, reviews.score)[1]
    said = key_sql(_expression(reviews.score, source))
    score = f"try_cast({said} as double)"
    rows = (
        f"select {said} as said, {score} as score from (select {_typed(numbers)} from {source.sql})"
    )
    _bind(connection, rows)
    bad = connection.execute(
        "select count(*) filter (where coalesce(score not in (1, 2, 3, 4, 5), true)), count(*),"
        " min(distinct said, 3) filter (where coalesce(score not in (1, 2, 3, 4, 5), true))"
        f" from ({rows}) where said is not null"
    ).fetchone()
    if bad and bad[0]:
        shown = ", ".join(f"'{one}'" for one in bad[2])
        raise ShopError(
            f"{bad[0]:,} of {bad[1]:,} scores in {reviews.score} of {source.label} are none of 1 to 5, such as {shown}."
            " Correct them, or give an SQL expression, such as ceil(stars / 2)."
        )
    answered_at, _ = time_of(
        connection,
        source,
        role="answered_at",
        expression=reviews.answered_at,
        time_format=reviews.time_format,
        zone=zone,
    )
    return f"cast({score} as int)", answered_at, numbers


def typed_reviews(connection: duckdb.DuckDBPyConnection, mapping: Mapping) -> Lines | None:
    """Say how reviews are read that are no columns of the orders.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    mapping : Mapping

    Returns
    -------
    Lines or None
        Their SQL is a select of order_id, review_score and review_answered_at; None without such reviews.

    Raises
    ------
    ShopError
    """
    reviews = mapping.reviews
    if reviews is None or reviews.source is None:
        return None
    source = open_source(connection, reviews.source, alias="shop_reviews")
    with _in_a_sentence(source.label):
        return _typed_reviews(connection, source, reviews, mapping.time_zone)


def _typed_reviews(
    connection: duckdb.DuckDBPyConnection, source: Source, reviews: Reviews, zone: str
) -> Lines:
    missing = missing_columns(
        {
            "order_id": str(reviews.order_id),
            "score": reviews.score,
            "answered_at": reviews.answered_at,
        },
        source,
    )
    if missing:
        raise ShopError(*(f"reviews: {one}" for one in missing))
    score, answered_at, numbers = review_parts(connection, source, reviews, zone=zone)
    order_id = key_sql(_expression(str(reviews.order_id), source))
    prefix = _free_prefix(source)
    sql = (
        f"select {prefix}order_id as order_id, {score} as review_score, {prefix}answered_at as review_answered_at"
        f" from (select {_typed(numbers)}, {order_id} as {prefix}order_id, {answered_at} as {prefix}answered_at"
        f" from {source.sql})"
    )
    _bind(connection, sql)
    return Lines(sql=sql, time_format=None, sources=(source,))


def missing_columns(roles: dict[str, str], source: Source) -> list[str]:
    """Say which columns a source does not have, or has twice."""
    found = [
        _missing(role, expression, source)
        for role, expression in roles.items()
        if column_of(expression, source.columns) is None
        and (is_name(expression) or not columns_in(expression, source.columns))
    ]
    for role, expression in roles.items():
        named = columns_in(column_of(expression, source.columns) or expression, source.columns)
        found += [
            f"{role} is {expression}, and the header of {source.label} has {name} twice: which one counts cannot be"
            " told. Delete the other, or give it another name."
            for name in named
            if name.casefold() in source.repeated
        ]
    return found


def _missing_in_files(roles: dict[str, str], source: Source) -> list[str]:
    """Say which files have none of the columns by which the others say who, when or how much."""
    found = []
    for role, expression in roles.items():
        named = columns_in(column_of(expression, source.columns) or expression, source.columns)
        lacking = [
            file
            for file, header in source.headers.items()
            if not {name.casefold() for name in named} & set(header)
        ]
        if lacking:
            others = f", as have {len(lacking) - 1:,} others" if len(lacking) > 1 else ""
            found.append(
                f"{role} is {expression}, and {lacking[0]} has no such column{others}: its header is"
                f" {', '.join(source.headers[lacking[0]])}. Give its columns the names of the others."
            )
    return found


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
    """Return SQL of the name of a person or an order: nothing unseen around it, null where it is none.

    Programs that hold whole numbers as doubles write 17850.0 for 17850.
    """
    said = f"regexp_replace(cast({value} as varchar), '^{UNSEEN}+|{UNSEEN}+$', '', 'g')"
    return (
        f"case when regexp_full_match({said}, '(?i){MISSING}') then null"
        f" else regexp_replace({said}, '^([0-9]+)[.]0+$', '\\1') end"
    )


def number_sql(name: str) -> str:
    """Return SQL of a column of text as a number; null where it is none."""
    return f"try_cast(nullif(trim({quoted(name)}), '') as double)"


def time_of(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    *,
    role: str,
    expression: str,
    time_format: str | None,
    zone: str,
) -> tuple[str, str | None]:
    """Return the SQL of a time, and its format."""
    value = _expression(expression, source)
    column = column_of(expression, source.columns)
    if column is not None:
        kind = source.columns[column]
    else:
        kind = _bind(connection, f"select {value} as {role} from {source.sql}")
    if kind.startswith("TIMESTAMP WITH TIME ZONE"):
        return f"{value} at time zone '{zone}'", None
    if kind.startswith(("TIMESTAMP", "DATE")):
        return f"cast({value} as timestamp)", None
    said = value if kind in TEXT_TYPES else f"cast({value} as varchar)"
    if kind not in TEXT_TYPES and not _is_number(kind):
        raise ShopError(
            f"{role} is {expression}, which is of type {kind.lower()} and no time: give an SQL expression."
        )
    what = f"{expression} of {source.label}"
    found = time_format
    if found is None:
        found = find_format(connection, said, source.sql, what=what)
    else:
        _check_format(connection, said, source, found, what)
    return time_sql(said, found, zone), found


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
            f"{counted(bad[0], 'time')} in {what} {'is' if bad[0] == 1 else 'are'} not written as time_format"
            f" '{found}', such as {shown}."
        )


def _is_number(kind: str) -> bool:
    return kind in WHOLE_TYPES or kind.startswith(PARTS_TYPES)


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
    numbers, written = [], []
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
        elif column is None:
            written.append(name)
        else:
            minus = (
                f"case when {quoted(name)} like '(%' then -1 else 1 end * "
                if any(one.startswith("(") for one in shown)
                else ""
            )
            how = (
                f" They have a decimal comma: write amount: replace(replace({quoted(name)}, '.', ''), ',', '.')::double"
                if commas
                else f" Correct them, or give an SQL expression, such as"
                f" {minus}regexp_replace({quoted(name)}, '[^0-9.-]', '', 'g')"
                "::double"
            )
            values = ", ".join(f"'{one}'" for one in shown)
            raise ShopError(
                f"{bad:,} of {total:,} amounts in {name} of {source.label} are no numbers, such as {values}.{how}"
            )
    if len(written) == 1:
        others = [name for name in columns_in(expression, source.columns) if name not in written]
        if all(name in numbers or _is_number(source.columns[name]) for name in others):
            _check_written_amounts(connection, source, expression, column=written[0], others=others)
    return (quoted(column) if column is not None else f"({expression})"), numbers


def _check_written_amounts(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    expression: str,
    *,
    column: str,
    others: Sequence[str],
) -> None:
    """Refuse an expression that loses amounts of a column of text, or reads them in two ways.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    source : Source
    expression : str
        SQL of the amount.
    column : str
        The text in it that is no number as it is, such as $1,234.50.
    others : sequence of str
        Names of its other columns, which are numbers; a price is looked at as if they were all 1.

    Raises
    ------
    ShopError
        Of amounts that can be read in one way only (`PLAIN`): when one is null, when one has
        another sign than the rest, or when one is `LARGEST_RATIO` times as much of what is written as another.
    """
    ones = "".join(f", 1.0::double as {quoted(name)}" for name in others)
    replaced = f"* replace ({ones[2:]})" if ones else "*"
    # Of a sum the ratio says nothing.
    is_product = not others or not re.search("[+-]", LITERAL.sub("", expression))
    bare = f"trim(regexp_replace(trim({quoted(column)}), '{CURRENCY}', '', 'g'))"
    row = connection.execute(
        f"""
        with rows as (
            select {quoted(column)} as said, {bare} as bare, try_cast({expression} as double) as found
            from (select {replaced} from {source.sql})
        ),
        meant as (
            select said, found, cast(regexp_replace(bare, '[^0-9]', '', 'g') as double)
                / pow(10, length(regexp_extract(bare, '[,.]([0-9]{{1,2}})[)-]?$', 1)))
                * case when regexp_full_match(bare, $below) then -1 else 1 end as meant
            from rows
            where regexp_full_match(bare, $plain)
        ),
        ratios as (
            select said, found, case when {is_product} and found != 0 then found / meant end as ratio
            from meant where meant != 0
        )
        select count(*) filter (where found is null), min(said) filter (where found is null), count(*),
            min(ratio), max(ratio), arg_min(said, ratio), arg_min(found, ratio), arg_max(said, ratio),
            arg_max(found, ratio)
        from ratios
        """,
        {"plain": PLAIN, "below": IS_BELOW_0},
    ).fetchone()
    if row is None:
        return
    lost, one_lost, total, lowest, highest, *shown = row
    if lost:
        raise ShopError(
            f"{lost:,} of {total:,} amounts in {column} of {source.label} are lost, such as '{one_lost}': amount is"
            f" {expression}, which makes nothing of them.{_how(column)}"
        )
    if lowest is not None and (
        lowest * highest < 0
        or max(abs(lowest), abs(highest)) > LARGEST_RATIO * min(abs(lowest), abs(highest))
    ):
        raise ShopError(
            f"the amounts in {column} of {source.label} are written in several ways: '{shown[0]}' is read as"
            f" {shown[1]:,.2f} and '{shown[2]}' as {shown[3]:,.2f} (amount is {expression}).{_how(column)}"
        )


def _how(column: str) -> str:
    return (
        f" Write {column} alike in all files, or give an expression that reads each way, such as case when"
        f" {quoted(column)} like '(%' then … else … end."
    )
