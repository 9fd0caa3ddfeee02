"""Look at the nine raw tables before anything is built: which files they are in, and how each must be read.

A table is one CSV file (also compressed with gzip), one Parquet file, or a folder of Parquet files; which of them is
told from its bytes, not from its name. The columns that it must have are those of
``models/adapters/olist/staging/_sources.yml``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from customer_segmentation.intake import raw_csv, raw_parquet, seed_files
from customer_segmentation.intake.raw_table import RawTable, refuse_mixed_offsets
from customer_segmentation.intake.raw_text import RawFileError
from customer_segmentation.intake.seed_files import read_yaml

SOURCES = "models/adapters/olist/staging/_sources.yml"
# Of a table's file, in small letters; without one it is a folder of Parquet files.
ENDINGS = (".csv", ".csv.gz", ".parquet", "")
GET_FILES = "`make data` fetches the real set, `make sample` makes synthetic data"


@dataclass(frozen=True)
class Findings:
    """What was found in a folder: tables that can be read, by name; problems and notes as sentences."""

    tables: Mapping[str, RawTable]
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def problems(folder: Path, *, project: Path) -> list[str]:
    """Say what is wrong with the raw files and the seeds.

    Parameters
    ----------
    folder : Path
        Folder that should hold the nine tables.
    project : Path
        Folder with dbt_project.yml.

    Returns
    -------
    list of str
        A sentence for each file that must be mended; none if the build may start.
    """
    found = look_into(folder, needed_columns(project))
    return [*found.problems, *seed_files.problems(project / "seeds")]


def needed_columns(project: Path) -> dict[str, dict[str, str]]:
    """Read which columns each raw table must have.

    Parameters
    ----------
    project : Path
        Folder with dbt_project.yml.

    Returns
    -------
    dict of str to dict
        By table, the type of each column, or "" for text and whole numbers.
    """
    described = read_yaml(project / SOURCES)
    tables = next(source["tables"] for source in described["sources"] if source["name"] == "olist")
    return {
        table["name"]: {column["name"]: column.get("data_type", "") for column in table["columns"]}
        for table in tables
    }


def look_into(folder: Path, needed: Mapping[str, Mapping[str, str]]) -> Findings:
    """Look at all raw tables of a folder.

    Parameters
    ----------
    folder : Path
    needed : mapping
        As from :func:`needed_columns`.

    Returns
    -------
    Findings
    """
    try:
        entries = sorted(os.listdir(folder))
    except OSError as error:
        return Findings(tables={}, problems=(folder_problem(folder, error),), notes=())
    tables: dict[str, RawTable] = {}
    found: list[str] = []
    for name, columns in needed.items():
        try:
            tables[name] = look_at_table(folder, name, columns, entries=entries)
        except RawFileError as error:
            found.append(f"{error}.")
    notes = [note for table in tables.values() for note in table.notes]
    return Findings(tables=tables, problems=tuple(sorted(found)), notes=tuple(notes))


def folder_problem(folder: Path, error: OSError) -> str:
    """Say why a folder cannot be listed."""
    if isinstance(error, FileNotFoundError):
        return f"{folder}: there is no such folder; OLIST_RAW_DIR says which is read: {GET_FILES}."
    if isinstance(error, NotADirectoryError):
        return (
            f"{folder}: this is a file, and OLIST_RAW_DIR must name the folder that holds the nine files; "
            "an archive is unpacked by `make data FROM=archive.zip`."
        )
    return f"{folder}: the folder cannot be read ({error.strerror}); allow it: chmod u+rx."


def look_at_table(
    folder: Path, name: str, needed: Mapping[str, str], *, entries: Sequence[str] | None = None
) -> RawTable:
    """Find the file of one raw table and how it must be read.

    Parameters
    ----------
    folder : Path
    name : str
        Name of the table.
    needed : mapping of str to str
        Its columns, with types.
    entries : sequence of str, optional
        Names in the folder, if they are known.

    Returns
    -------
    RawTable

    Raises
    ------
    RawFileError
        With a sentence that begins with the file, less its full stop.
    """
    try:
        path = find(folder, name, os.listdir(folder) if entries is None else entries)
    except OSError as error:
        raise RawFileError(folder_problem(folder, error).removesuffix(".")) from None
    columns = list(needed)
    try:
        source: raw_csv.CsvFile | tuple[raw_parquet.ParquetPart, ...]
        if path.is_dir():
            source = raw_parquet.look_at_folder(path, needed=columns)
        elif raw_parquet.is_parquet(path):
            source = raw_parquet.look_at_file(path, needed=columns)
        else:
            source = raw_csv.look(path, needed=columns, has_times="timestamp" in needed.values())
            raw_csv.find_columns(source.header, columns)
        table = RawTable(name=name, label=path.name, needed=needed, source=source)
        refuse_mixed_offsets(table)
    except PermissionError:
        raise RawFileError(
            f"{path.name}: the file cannot be read (permission denied); allow it: chmod u+r {path}"
        ) from None
    except OSError as error:
        raise RawFileError(
            f"{path.name}: the file cannot be read ({error.strerror or error}); get it again"
        ) from None
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise RawFileError(
            f"{path.name}: the file cannot be read ({reason}); get it again"
        ) from None
    except RawFileError as error:
        raise RawFileError(f"{path.name}: {error}") from None
    return table


def find(folder: Path, name: str, entries: Sequence[str]) -> Path:
    """Find the one file or folder of a table.

    Parameters
    ----------
    folder : Path
    name : str
    entries : sequence of str
        Names in the folder.

    Returns
    -------
    Path

    Raises
    ------
    RawFileError
        If there is none or more than one, or it is neither a file nor a folder.
    """
    names = {f"{name}{ending}" for ending in ENDINGS}
    found = [
        entry
        for entry in entries
        if entry.lower() in names
        and (entry.lower() != name or any(raw_parquet.paths_of_parts(folder / entry)))
    ]
    if not found:
        others = [entry for entry in entries if entry.lower().startswith(name)]
        instead = f" (there is {', '.join(others)})" if others else ""
        raise RawFileError(
            f"{name}.csv: the file is missing{instead}; put it into {folder}, as .csv, .csv.gz or .parquet: "
            f"{GET_FILES}"
        )
    if len(found) > 1:
        raise RawFileError(
            f"{' and '.join(found)}: the table is there {len(found)} times; which one counts cannot be told, "
            "leave one of them in the folder"
        )
    path = folder / found[0]
    if not path.exists():
        raise RawFileError(
            f"{path.name}: the file is a link to {os.readlink(path)}, which is not there; mend the link"
        )
    if not (path.is_dir() or stat.S_ISREG(path.stat().st_mode)):
        raise RawFileError(
            f"{path.name}: this is neither a file nor a folder; put the file itself there"
        )
    return path
