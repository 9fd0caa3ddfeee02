"""Whether an expression reads written amounts as they are meant: a later file may write them otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb

from customer_segmentation._sql import quoted
from customer_segmentation.shop.mapping import LITERAL, ShopError
from customer_segmentation.shop.source import Source

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


def check_written_amounts(
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
