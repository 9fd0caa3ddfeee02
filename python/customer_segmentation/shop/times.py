"""Which format the times of a column have."""

from __future__ import annotations

import itertools
import re

import duckdb

from customer_segmentation._sql import sql_text
from customer_segmentation.shop.mapping import ShopError

# What a time must have as often as its format has it.
SIGNS = "-/.:,"
WRITTEN_OUT = re.compile("%[bBp]")
# As strptime of DuckDB writes them. Of one that fits all times, no other is asked.
DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%y-%m-%d", "%y/%m/%d", "%y.%m.%d")
# Which of day and month comes first is seen only where one of them is above 12.
DAY_OR_MONTH_FIRST = tuple(
    f"{one}{sign}{other}{sign}{year}"
    for sign, year in itertools.product("/-.", ("%Y", "%y"))
    for one, other in (("%d", "%m"), ("%m", "%d"))
)
NAMED_MONTHS = ("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
ISO = "(iso)"
# A year of four digits first: neither infinity, nor the year 20200, nor 13/02/20 as a day of the year 13.
LOOKS_ISO = "[0-9]{4}[^0-9(][^(]*"
# Of a year of two digits, only such as are not in the future: 28/02/20 is no day of 2028.
SHORT_YEAR = re.compile("%y")
# Times that are numbers: how such a number looks, and the SQL of its time, in UTC or as the shop's clock shows it.
NUMBERS = {
    "(seconds since 1970)": ("[0-9]{10}([.][0-9]+)?", "make_timestamptz(cast(round({} * 1000000) as bigint))"),
    "(milliseconds since 1970)": ("[0-9]{13}([.]0+)?", "make_timestamptz(cast({} * 1000 as bigint))"),
    "(microseconds since 1970)": ("[0-9]{16}([.]0+)?", "make_timestamptz(cast({} as bigint))"),
    # Of spreadsheets: 44197.5 is noon of 2021-01-01.
    "(days since 1899-12-30)": (
        "[2-5][0-9]{4}([.][0-9]+)?",
        "timestamp '1899-12-30' + to_seconds(cast(round({} * 86400) as bigint))",
    ),
}  # fmt: skip

WORDS = {
    "%d": "day", "%m": "month", "%b": "month", "%B": "month", "%Y": "year", "%y": "year", "%H": "hour", "%I": "hour",
    "%M": "minute", "%S": "second", "%p": "am or pm", "%z": "offset",
}  # fmt: skip


def in_words(time_format: str | None) -> str:
    """Say a format in words, such as day/month/year; nothing for ISO times and for none."""
    if time_format in (None, ISO):
        return ""
    if time_format in NUMBERS:
        return str(time_format).strip("()")
    return re.sub("%[A-Za-z]", lambda found: WORDS.get(found[0], found[0]), str(time_format))


def time_sql(value: str, time_format: str | None, zone: str) -> str:
    """Return SQL that reads a text as a time of the shop; null where it is none.

    Parameters
    ----------
    value : str
        SQL of a text.
    time_format : str or None
        None or `ISO` for ISO 8601, with or without an offset.
    zone : str
        Time zone of the shop.
    """
    trimmed = f"trim({value})"
    if time_format in NUMBERS:
        looks, read = NUMBERS[str(time_format)]
        time = read.format(f"try_cast({trimmed} as decimal(24, 6))")
        zoned = f" at time zone {sql_text(zone)}" if "timestamptz" in read else ""
        return f"case when regexp_full_match({trimmed}, '{looks}') then ({time}){zoned} end"
    if time_format is not None and time_format != ISO:
        if "%z" in time_format:
            return f"try_strptime({trimmed}, {sql_text(time_format)}) at time zone {sql_text(zone)}"
        read = f"cast(try_strptime({trimmed}, {sql_text(time_format)}) as timestamp)"
        # It takes infinity in any format, and years of fewer digits.
        return f"case when regexp_matches({trimmed}, '[0-9]') and {read} >= timestamp '0100-01-01' then {read} end"
    spaced = f"replace(replace({trimmed}, ' +', '+'), ' -', '-')"
    return (
        f"case when not regexp_full_match({trimmed}, '{LOOKS_ISO}') then null"
        f" when regexp_matches(substr({trimmed}, 12), '[-+A-Za-z]')"
        f" then try_cast({spaced} as timestamptz) at time zone {sql_text(zone)}"
        f" else try_cast({trimmed} as timestamp) end"
    )


def find_format(connection: duckdb.DuckDBPyConnection, value: str, rows: str, *, what: str) -> str:
    """Find the format that fits every time of a column.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    value : str
        SQL of the text.
    rows : str
        What follows `from`.
    what : str
        What a message calls the column.

    Returns
    -------
    str
        A format, or `ISO`.

    Raises
    ------
    ShopError
        When none fits all of them, or several that differ do.
    """
    connection.execute(
        f"create or replace temp table shop_times as select trim({value}) as said, count(*) as times"
        f" from {rows} where trim({value}) != '' group by all"
    )
    counts = ", ".join(f"max(length(said) - length(replace(said, '{sign}', '')))" for sign in SIGNS)
    total, has_digits, has_letters, *most = connection.execute(
        "select coalesce(sum(times), 0), bool_or(regexp_matches(said, '[0-9]')),"
        f" bool_or(regexp_matches(said, '[A-Za-z]')), {counts} from shop_times"
    ).fetchone() or (0, False, False)
    if not total:
        raise ShopError(f"{what} has no time at all: every row is empty.")
    (as_iso,) = connection.execute(
        f"select coalesce(sum(times), 0) from shop_times where {time_sql('said', ISO, 'UTC')} is not null"
    ).fetchone() or (0,)
    if as_iso == total:
        return ISO
    known = (
        *NUMBERS,
        *(day + clock for day in (*DAYS, *DAY_OR_MONTH_FIRST, *NAMED_MONTHS) for clock in CLOCKS),
    )
    # A format takes milliseconds to plan, so only such as can fit a value are asked.
    formats = [
        one
        for one in known
        if has_digits
        and (one in NUMBERS or has_letters or not WRITTEN_OUT.search(one))
        and (
            one in NUMBERS
            or all(one.count(sign) <= there for sign, there in zip(SIGNS, most, strict=True))
        )
    ]
    counted = ", ".join(
        f"coalesce(sum(times) filter (where {_fits(one)}), 0)" for one in (ISO, *formats)
    )
    read = connection.execute(f"select {counted} from shop_times").fetchone() or ()
    fitting = [one for one, count in zip((ISO, *formats), read, strict=True) if count == total]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        return _only_one(connection, fitting, what)
    best = max(zip(read, (ISO, *formats), strict=True), key=lambda pair: pair[0])[1]
    bad = connection.execute(
        f"select said, times from shop_times where {time_sql('said', best, 'UTC')} is null order by said"
    ).fetchall()
    count = sum(row[1] for row in bad)
    shown = ", ".join(f"'{row[0]}'" for row in bad[:3])
    raise ShopError(
        f"{count:,} of {total:,} times in {what} cannot be read, such as {shown}. Correct them, or say how they are "
        "written with time_format, such as '%d/%m/%Y %H:%M' (day, month, year, hour, minute)."
    )


def _fits(time_format: str) -> str:
    """Return SQL of whether a text may be a time in a format."""
    time = time_sql("said", time_format, "UTC")
    if SHORT_YEAR.search(time_format):
        return f"{time} <= now()::timestamp + interval 1 day"
    return f"{time} is not null"


def _only_one(connection: duckdb.DuckDBPyConnection, fitting: list[str], what: str) -> str:
    """Return the first of several formats that fit, if all of them say the same."""
    first, *others = fitting
    for other in others:
        differing = connection.execute(
            f"select said from shop_times where {time_sql('said', first, 'UTC')}"
            f" is distinct from {time_sql('said', other, 'UTC')} order by said limit 1"
        ).fetchone()
        if differing:
            raise ShopError(
                f"times in {what} such as '{differing[0]}' can be read in two ways: say which with time_format: "
                f"'{first}' or '{other}'."
            )
    return first
