"""A raw table that can be read, and the SQL that reads it: every needed column under its name, as text."""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from customer_segmentation._sql import quoted, sql_text
from customer_segmentation.intake.raw_csv import (
    CsvFile,
    find_columns,
    plain_name,
    write_copy,
)
from customer_segmentation.intake.raw_parquet import ParquetPart
from customer_segmentation.intake.raw_text import RawFileError

# In a file whose values are not separated by commas: 58,90 and 1.234,56.
DECIMAL_COMMA = r"[-+]?([0-9]+|[0-9]{1,3}(\.[0-9]{3})+),[0-9]+"


@dataclass(frozen=True)
class RawTable:
    """A raw table that can be read.

    Attributes
    ----------
    name : str
    label : str
        Its file or folder, as messages name it.
    needed : mapping of str to str
        Needed columns, with the type that staging gives them, or "" for text and whole numbers.
    source : CsvFile or tuple of ParquetPart
    """

    name: str
    label: str
    needed: Mapping[str, str]
    source: CsvFile | tuple[ParquetPart, ...]

    @property
    def is_csv(self) -> bool:
        """Whether it is a CSV file."""
        return isinstance(self.source, CsvFile)

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns, as written."""
        return self.source.header if isinstance(self.source, CsvFile) else self.source[0].columns

    @property
    def times(self) -> list[str]:
        """Needed columns that hold times."""
        return [name for name, kind in self.needed.items() if kind == "timestamp"]

    @property
    def decimals(self) -> list[str]:
        """Needed columns that hold numbers with decimals."""
        return [
            name for name, kind in self.needed.items() if kind.startswith(("decimal", "double"))
        ]

    @property
    def notes(self) -> list[str]:
        """What a person should know although the table can be read, as sentences."""
        wanted = {plain_name(name) for name in self.needed}
        others = [name.strip() for name in self.header if plain_name(name) not in wanted]
        named = dict.fromkeys(name for name in others if plain_name(name))
        notes = []
        if isinstance(self.source, CsvFile) and self.source.notes:
            notes.append(f"{self.label} is read as it is: {'; '.join(self.source.notes)}.")
        if "" in map(plain_name, others):
            notes.append(f"{self.label} has a column without a name, which is not read.")
        if named:
            notes.append(
                f"Schema change: {self.label} has a new column {', '.join(named)}, which is not read. "
                "To use it, add it to models/adapters/olist/staging/_sources.yml and to the table's model "
                "beside it."
            )
        return notes


def sql_path(path: Path) -> str:
    """Return a path as an SQL literal in which ``*``, ``?`` and ``[`` stand for themselves."""
    return sql_text(glob.escape(str(path)))


def table_sql(table: RawTable, *, copy: Path | None = None, keep_rejects: bool = True) -> str:
    """Return the table expression that reads a raw table.

    Parameters
    ----------
    table : RawTable
    copy : Path, optional
        Of a CSV file that needs one, by :func:`~customer_segmentation.intake.raw_csv.write_copy`.
    keep_rejects : bool
        Keep the rows that the CSV reader refuses, in ``rejects_<name>``; otherwise pass them over.

    Returns
    -------
    str
    """
    if isinstance(table.source, CsvFile):
        return csv_sql(table, table.source, copy=copy, keep_rejects=keep_rejects)
    return parquet_sql(table, table.source)


def csv_sql(table: RawTable, file: CsvFile, *, copy: Path | None, keep_rejects: bool) -> str:
    """Return the expression of a CSV file; columns that are not needed are called ``unread_<position>``."""
    found = find_columns(file.header, list(table.needed))
    names = {position: name for name, position in found.items()}
    columns = ", ".join(
        f"{sql_text(names.get(position, f'unread_{position + 1}'))}: 'varchar'"
        for position in range(len(file.header))
    )
    rejects = (
        f"store_rejects = true, rejects_table = 'rejects_{table.name}', "
        f"rejects_scan = 'scans_{table.name}'"
        if keep_rejects
        else "ignore_errors = true"
    )
    expression = (
        f"read_csv({sql_path(copy or file.path)}, header = true, auto_detect = false, "
        f"compression = '{'none' if copy else file.compression}', "
        f"delim = {sql_text(file.delimiter)}, quote = {sql_text(file.quote)}, "
        f"escape = {sql_text(file.quote)}, {rejects}, columns = {{{columns}}})"
    )
    if copy and file.line_ends.stand_in:
        stand_in = ord(file.line_ends.stand_in)
        turned_back = ", ".join(
            f"replace({name}, chr({stand_in}), chr(13)) as {name}" for name in table.needed
        )
        expression = f"(select * replace ({turned_back}) from {expression})"
    if file.delimiter == "," or not table.decimals:
        return expression
    replaced = ", ".join(
        f"case when regexp_full_match(trim({name}), '{DECIMAL_COMMA}') "
        f"then replace(replace(trim({name}), '.', ''), ',', '.') else {name} end as {name}"
        for name in table.decimals
    )
    return f"(select * replace ({replaced}) from {expression})"


def parquet_sql(table: RawTable, parts: tuple[ParquetPart, ...]) -> str:
    """Return the expression of Parquet files; they may differ in order and capitals of their columns."""
    by_header: dict[tuple[str, ...], list[ParquetPart]] = {}
    for part in parts:
        by_header.setdefault(part.columns, []).append(part)
    branches = []
    for header, alike in by_header.items():
        found = find_columns(header, list(table.needed))
        selected = ", ".join(
            f"{quoted(header[position])}::varchar as {name}" for name, position in found.items()
        )
        paths = ", ".join(sql_path(part.path) for part in alike)
        folders = (
            "hive_partitioning = true, hive_types_autocast = false"
            if alike[0].has_folder_columns
            else "hive_partitioning = false"
        )
        branches.append(f"select {selected} from read_parquet([{paths}], {folders})")
    return f"({' union all '.join(branches)})"


def refuse_mixed_offsets(table: RawTable) -> None:
    """Check that in each column all times have an offset from UTC, or none has.

    Parameters
    ----------
    table : RawTable

    Raises
    ------
    RawFileError
        With counts and an example of each, when a column has both.
    """
    if not may_mix_offsets(table):
        return
    key = next(iter(table.needed))
    with as_utf8(table) as copy, duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        expression = table_sql(table, copy=copy, keep_rejects=False)
        for column in table.times:
            counts = connection.execute(offsets_sql(expression, column=column, key=key)).fetchall()
            if len(counts) == 2:
                (_, bare, bare_key, bare_value), (_, aware, aware_key, aware_value) = counts
                raise RawFileError(
                    f"in column {column} {aware:,} of {bare + aware:,} times have an offset from UTC "
                    f"({key} {aware_key}: {aware_value}) and {bare:,} have none "
                    f"({key} {bare_key}: {bare_value}); write all of them one way"
                )


def may_mix_offsets(table: RawTable) -> bool:
    """Tell from what is known without reading whether a column could have times with and without an offset."""
    if not table.times:
        return False
    if isinstance(table.source, CsvFile):
        return table.source.may_have_offsets
    zones = {
        part.zones[position]
        for part in table.source
        for position in find_columns(part.columns, table.times).values()
    }
    return "text" in zones or {"offset", "none"} <= zones


def offsets_sql(expression: str, *, column: str, key: str) -> str:
    """Return the query that counts times without (false) and with (true) an offset, with an example of each.

    Parameters
    ----------
    expression : str
        Reads the table.
    column, key : str
        The times, and what identifies the example: the one with the least key.

    Returns
    -------
    str
        With an offset is what macro ``to_timestamp`` takes for it.
    """
    return f"""
        with times as (
            select
                {key} as key,
                {column} as value,
                regexp_matches(substr({column}, 12), '[-+A-Za-z]') as has_offset,
            from {expression} as raw
        )

        select
            has_offset,
            count(*),
            min(key),
            arg_min(value, (key, value)),
        from times
        where
            case
                when has_offset
                    then try_cast(replace(replace(value, ' +', '+'), ' -', '-') as timestamptz) is not null
                else try_cast(value as timestamp) is not null
            end
        group by has_offset
        order by has_offset
    """


@contextmanager
def as_utf8(table: RawTable) -> Iterator[Path | None]:
    """Give the path of a copy in UTF-8 for as long as it is needed, or None if the file needs none."""
    if not (isinstance(table.source, CsvFile) and table.source.needs_copy):
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{table.name}.csv"
        write_copy(table.source, copy)
        yield copy
