"""What the columns of a table look like, and which of them has the most telling name."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import unicodedata

import duckdb

from customer_segmentation._sql import quoted
from customer_segmentation.shop.lines import CURRENCY, TEXT_TYPES, number_sql
from customer_segmentation.shop.mapping import ShopError
from customer_segmentation.shop.source import Source
from customer_segmentation.shop.times import NUMBERS, find_format

# Amounts of text that are numbers all the same, and what turns them into such.
WRITTEN_AMOUNTS = (
    # 1.234,56 and 12,50 €; a point is that of the thousands when other amounts have a comma before the cents.
    (r"[^0-9,-]", r"-?([0-9]{1,3}([. '\x{A0}\x{202F}][0-9]{3})+|[0-9]+)(,[0-9]{1,2})?", ","),
    # $1,234.50 and 12.50 EUR.
    (r"[^0-9.-]", r"-?([0-9]{1,3}([, '][0-9]{3})+|[0-9]+)([.][0-9]+)?", ""),
)


@dataclasses.dataclass(frozen=True)
class Column:
    """What one is called and holds.

    Attributes
    ----------
    name, words : str
        As it is, and as words without accents.
    filled, different : int
        Rows with a value, and different values.
    is_number, is_whole, is_small, is_time : bool
        Of all values; small when half of them are 3 or less.
    said : str
        Its name, or the SQL that makes numbers of it.
    """

    name: str
    words: str
    filled: int
    different: int
    is_number: bool
    is_whole: bool
    is_small: bool
    is_time: bool
    said: str


def _words(name: str) -> str:
    """Return a name as words without accents: InvoiceNo, invoice_no and INVOICE-NO are `invoice no`."""
    name = name.replace("ü", "ue").replace("ö", "oe").replace("ä", "ae").replace("ß", "ss")
    name = "".join(
        letter for letter in unicodedata.normalize("NFD", name) if not unicodedata.combining(letter)
    )
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.sub(r"[^0-9a-zA-Z]+", " ", spaced).casefold().split())


def look_of(connection: duckdb.DuckDBPyConnection, source: Source, name: str) -> Column:
    """Look at a column."""
    kind, column = source.columns[name], quoted(name)
    words = re.sub(rf"\b({NUMBERED})(id|no|nr)$", r"\1 \2", _words(name))
    is_text = kind in TEXT_TYPES
    number = number_sql(name) if is_text else f"try_cast({column} as double)"
    is_typed_time = kind.startswith(("TIMESTAMP", "DATE"))
    if is_typed_time:
        number = "cast(null as double)"
    filled_if = f"{column} is not null" + (f" and trim({column}) != ''" if is_text else "")
    row = connection.execute(
        f"select count(*), count(distinct {column}), count({number}),"
        f" count(*) filter (where {number} = round({number})), coalesce(quantile_disc({number}, 0.5), 0)"
        f" from {source.sql} where {filled_if}"
    ).fetchone()
    filled, different, numbers, whole, middle = row or (0, 0, 0, 0, 0)
    said = name
    if is_text and filled and numbers < filled:
        written = _written_amounts(connection, source, column)
        number, said = (written, written) if written else (number, name)
        numbers, whole, middle = connection.execute(
            f"select count({number}), count(*) filter (where {number} = round({number})),"
            f" coalesce(quantile_disc({number}, 0.5), 0) from {source.sql} where {filled_if}"
        ).fetchone() or (0, 0, 0)
    is_number = filled > 0 and numbers == filled
    return Column(
        name=name,
        words=words,
        filled=filled,
        different=different,
        is_number=is_number,
        is_whole=is_number and whole == filled,
        is_small=middle <= 3,
        is_time=is_typed_time
        or (filled > 0 and _is_time(connection, source, column, words=words, is_text=is_text)),
        said=said,
    )


def _written_amounts(
    connection: duckdb.DuckDBPyConnection, source: Source, column: str
) -> str | None:
    """Return SQL that makes numbers of a column of written amounts; None when it holds others."""
    bare = f"trim(regexp_replace(trim({column}), '{CURRENCY}', '', 'g'))"
    for others, pattern, comma in WRITTEN_AMOUNTS:
        row = connection.execute(
            f"select count(*) filter (where not regexp_full_match({bare}, ?)),"
            f" count(*) filter (where contains({bare}, ?)) from {source.sql} where trim({column}) != ''",
            [pattern, comma],
        ).fetchone()
        if row and not row[0] and row[1]:
            kept = f"regexp_replace({column}, '{others}', '', 'g')"
            if comma:
                kept = f"replace({kept}, ',', '.')"
            return f"try_cast({kept} as double)"
    return None


# What has numbers that are written together with its name; paid and void are no ids.
NUMBERED = (
    "customer|client|user|buyer|member|shopper|account|person|visitor|cust|order|invoice|transaction|basket|receipt|"
    "product|item|store|shop"
)
# What a column of numbers is called that are times; any other such column is one of numbers.
TIMES_OF_NUMBERS = re.compile(
    r"\bts\b|\bat\b|\bon\b|\bwhen\b|time|date|datum|epoch|unix|fecha|\bdata\b|\bday\b|\bdt\b"
)


def _is_time(
    connection: duckdb.DuckDBPyConnection, source: Source, column: str, *, words: str, is_text: bool
) -> bool:
    """Say whether the first thousand values of a column are times."""
    said = column if is_text else f"cast({column} as varchar)"
    is_number_of_times = TIMES_OF_NUMBERS.search(words) is not None
    rows = f"(select * from {source.sql} where {column} is not null limit 1000)"
    with contextlib.suppress(duckdb.Error):
        try:
            found = find_format(connection, said, rows, what=column)
            if found in NUMBERS:
                return is_number_of_times
        except ShopError as error:
            return "two ways" in str(error)
        return True
    return False


def best(telling: tuple[str, ...], columns: list[Column]) -> Column | None:
    """Return the column with the most telling name: the whole name before a part of one."""
    for exact in (True, False):
        for word in telling:
            for column in columns:
                if column.filled and (
                    column.words == word
                    if exact
                    else re.search(rf"\b{re.escape(word)}\b", column.words)
                ):
                    return column
    return None
