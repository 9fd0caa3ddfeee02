"""How Spark reads a raw table: every needed column under its name, as text, and what its CSV reader refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from customer_segmentation.intake.raw_csv import CsvFile, find_columns
from customer_segmentation.intake.raw_parquet import ParquetPart
from customer_segmentation.intake.raw_table import DECIMAL_COMMA, RawTable
from customer_segmentation.intake.raw_text import RawFileError

# Of a record that is not like the header, and of every record; no column that is needed has such a name.
CORRUPT = "_corrupt_record"
NUMBER = "_record_number"
# Hadoop takes these in a path for patterns.
PATTERNS = "*?[]{}\\"


@dataclass(frozen=True)
class SparkView:
    """A temporary view of Spark's.

    Attributes
    ----------
    name : str
    format : {"csv", "parquet"}
    paths : tuple of str
    options : mapping of str to str
        Of the reader.
    schema : str or None
        Columns and types; None for what the files say themselves.
    is_numbered : bool
        Whether it is written as Parquet first, with the number of each record: a CSV file is then read once, and what
        its reader refuses can be asked for.
    """

    name: str
    format: str
    paths: tuple[str, ...]
    options: Mapping[str, str]
    schema: str | None = None
    is_numbered: bool = False


@dataclass(frozen=True)
class SparkReading:
    """How Spark reads a raw table.

    Attributes
    ----------
    views : tuple of SparkView
        To be made first.
    rows : str
        Table expression: the needed columns of the rows that could be read.
    refused : str or None
        Query of the others, ``record_number``, ``reason`` and ``raw_text``, a row for each line; None for Parquet.
    """

    views: tuple[SparkView, ...]
    rows: str
    refused: str | None = None


def spark_reading(table: RawTable, *, copy: Path | None = None) -> SparkReading:
    """Say how Spark reads a raw table.

    Parameters
    ----------
    table : RawTable
    copy : Path, optional
        Of a CSV file that needs one.

    Raises
    ------
    RawFileError
        When a path cannot be given to Spark.
    """
    if isinstance(table.source, CsvFile):
        return _csv(table, table.source, copy=copy)
    return _parquet(table, table.source)


def _csv(table: RawTable, file: CsvFile, *, copy: Path | None) -> SparkReading:
    """Read a CSV file whole: a record may have line breaks, so that a file is read by one task."""
    found = find_columns(file.header, list(table.needed))
    names = {position: name for name, position in found.items()}
    columns = [
        names.get(position, f"unread_{position + 1}") for position in range(len(file.header))
    ]
    view = SparkView(
        name=f"raw_{table.name}",
        format="csv",
        paths=(_path(copy or file.path),),
        options={
            "header": "true",
            "sep": file.delimiter,
            "quote": file.quote,
            "escape": file.quote,
            "multiLine": "true",
            "mode": "PERMISSIVE",
            "columnNameOfCorruptRecord": CORRUPT,
            # The names are ours, whatever the header says; an empty value is no value, with quotes or without.
            "enforceSchema": "true",
            "nullValue": "",
            "emptyValue": "",
        },
        schema=", ".join(f"`{column}` string" for column in [*columns, CORRUPT]),
        is_numbered=True,
    )
    wanted = ", ".join(_value(table, file, name) for name in table.needed)
    refused = (
        "select record_number, 'csv: not like the header' as reason, "
        f"rtrim('\\r', {_turned_back('raw_text', file)}) as raw_text from ("
        f"select {NUMBER} as record_number, posexplode(split({CORRUPT}, '\\n')) as (position, raw_text)"
        f" from {view.name} where {CORRUPT} is not null"
        ") as lines where position = 0 or trim(raw_text) != ''"
    )
    return SparkReading(
        (view,), f"(select {wanted} from {view.name} where {CORRUPT} is null)", refused
    )


def _value(table: RawTable, file: CsvFile, name: str) -> str:
    """Return the expression of a column; where commas do not separate values, one may be in a number."""
    if file.delimiter == "," or name not in table.decimals:
        turned_back = _turned_back(name, file)
        return name if turned_back == name else f"{turned_back} as {name}"
    pattern = DECIMAL_COMMA.replace("\\.", "[.]")
    return (
        f"case when regexp_like(trim({name}), r'^(?:{pattern})\\z')"
        f" then replace(replace(trim({name}), '.', ''), ',', '.') else {name} end as {name}"
    )


def _turned_back(text: str, file: CsvFile) -> str:
    """Return an expression with the carriage returns that something stands in for in a copy."""
    stand_in = file.line_ends.stand_in
    return f"replace({text}, char({ord(stand_in)}), char(13))" if stand_in else text


def _parquet(table: RawTable, parts: Sequence[ParquetPart]) -> SparkReading:
    """Read Parquet files; they may differ in order and capitals of their columns."""
    by_header: dict[tuple[str, ...], list[ParquetPart]] = {}
    for part in parts:
        by_header.setdefault(part.columns, []).append(part)
    views, branches = [], []
    for number, (header, alike) in enumerate(by_header.items(), start=1):
        found = find_columns(header, list(table.needed))
        selected = ", ".join(
            f"cast(`{header[position].replace('`', '``')}` as string) as {name}"
            for name, position in found.items()
        )
        view = SparkView(
            name=f"raw_{table.name}_{number}",
            format="parquet",
            paths=tuple(_path(part.path) for part in alike),
            options={"basePath": _base(alike[0])} if alike[0].has_folder_columns else {},
        )
        views.append(view)
        branches.append(f"select {selected} from {view.name}")
    return SparkReading(tuple(views), f"({' union all '.join(branches)})")


def _base(part: ParquetPart) -> str:
    """Return the folder above those whose names are columns."""
    folder = part.path.parent
    while "=" in folder.name:
        folder = folder.parent
    return _path(folder)


def _path(path: Path) -> str:
    """Return a path as Spark takes it."""
    name = str(path.absolute())
    if any(letter in name for letter in PATTERNS):
        raise RawFileError(
            f"{path.name}: Spark takes one of {' '.join(PATTERNS)} in {path.parent} for a pattern; give the folder"
            " or file another name"
        )
    return name
