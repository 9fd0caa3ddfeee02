"""Look at the seeds before dbt starts: what a spreadsheet makes of a CSV file, dbt reads as something else."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from customer_segmentation.intake import raw_csv
from customer_segmentation.intake.raw_text import RawFileError

SAVE_AS = (
    "save it as CSV in UTF-8, separated by commas, with decimal points (as `git diff` shows it)"
)
WHOLE_NUMBER = (re.compile(r"[+-]?\d{1,9}", re.ASCII), "a whole number of at most nine digits")
NUMBER = (
    re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE),
    "a number such as 0.25",
)
# How numbers of a type are written, and what that is called. Python and DuckDB also take nan, inf and 1_000.
NUMBERS = {"int": WHOLE_NUMBER, "integer": WHOLE_NUMBER, "bigint": WHOLE_NUMBER, "double": NUMBER}
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def problems(folder: Path) -> list[str]:
    """Say what is wrong with the seeds that are described in a folder.

    Parameters
    ----------
    folder : Path
        Holds ``<seed>.csv`` and the YAML that describes the seeds; its folders may hold others of the
        same name, which are for another adapter.

    Returns
    -------
    list of str
        A sentence for each seed that must be mended.
    """
    found = []
    for described in sorted(folder.glob("*.yml")):
        for seed in read_yaml(described).get("seeds", []):
            name = f"{seed['name']}.csv"
            types = seed.get("config", {}).get("column_types", {})
            for path in (folder / name, *sorted(folder.glob(f"*/{name}"))):
                where = path.relative_to(folder.parent).as_posix()
                try:
                    look_at_seed(path, [column["name"] for column in seed["columns"]], types)
                except OSError as error:
                    found.append(f"{where}: the seed cannot be read ({error.strerror}).")
                except RawFileError as error:
                    found.append(f"{where}: {error}.")
    return found


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file, by the parser in C where there is one."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)


def look_at_seed(path: Path, columns: Sequence[str], types: Mapping[str, str]) -> None:
    """Check that dbt will read a seed as it is meant.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        Columns that it must have; it may have others.
    types : mapping of str to str
        Types of columns.

    Raises
    ------
    RawFileError
        With a sentence that says what is wrong, where, and how to mend it, less its full stop.
    """
    file = raw_csv.look(path, needed=columns, may_be_empty=True)
    odd = [note for note in file.notes if "line ends" not in note]
    if file.compression != "none":
        odd.append("it is compressed")
    if odd:
        raise RawFileError(f"{'; '.join(odd)}; {SAVE_AS}")
    missing = [name for name in columns if name not in file.header]
    if missing:
        raise RawFileError(
            f"no column {', '.join(missing)}; its header has {', '.join(file.header)}. "
            "Give the columns the names that the YAML beside it has"
        )
    if not all(name.strip() for name in file.header) or len(set(file.header)) < len(file.header):
        raise RawFileError(
            f"its header ({','.join(file.header)}) has a column without a name, or one name twice; "
            "delete the column"
        )
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines)
        for number, record in enumerate(reader):
            if number and record:
                check_record(record, file.header, types, line=reader.line_num)


def check_record(
    record: Sequence[str], header: Sequence[str], types: Mapping[str, str], *, line: int
) -> None:
    """Check one record of a seed.

    Parameters
    ----------
    record, header : sequence of str
    types : mapping of str to str
    line : int
        Where the record ends, from 1.

    Raises
    ------
    RawFileError
        If it has too few or too many values, a blank is around one, one has a character that is not
        printed, or a number is none.
    """
    if len(record) != len(header):
        raise RawFileError(
            f"line {line} has {len(record)} values, and the header {len(header)} columns; a value with a "
            "comma in it must be in quotes"
        )
    if not any(value.strip() for value in record):
        raise RawFileError(f"line {line} has no values, only commas; delete it")
    for name, value in zip(header, record, strict=True):
        if value != value.strip():
            raise RawFileError(
                f"in line {line}, column {name}: {value!r} has a blank before or after it; delete the blank"
            )
        if CONTROL.search(value):
            raise RawFileError(
                f"in line {line}, column {name}: {value!r} has a line break or another character that is not "
                "printed; put a blank there"
            )
        number = NUMBERS.get(types.get(name, "").lower())
        if number is None or not value:
            continue
        pattern, kind = number
        if not pattern.fullmatch(value):
            raise RawFileError(f"in line {line}, column {name}: {value!r} is not {kind}; {SAVE_AS}")
