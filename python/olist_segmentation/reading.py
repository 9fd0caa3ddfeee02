"""Open the published database to read it, or say in a sentence why that cannot be."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb


class ReadingError(Exception):
    """The database cannot be read; the message says why and how to mend it."""


class LockedError(ReadingError):
    """Another program has it open for writing."""


def open_to_read(database: Path) -> duckdb.DuckDBPyConnection:
    """Open a database read-only.

    Parameters
    ----------
    database : Path

    Returns
    -------
    duckdb.DuckDBPyConnection

    Raises
    ------
    LockedError
        When another program has it open for writing.
    ReadingError
        When it is missing or no DuckDB database.
    """
    if not database.exists():
        raise ReadingError(
            f"{database} does not exist; run `make build` first, or set OLIST_DATABASE."
        )
    try:
        return duckdb.connect(str(database), read_only=True)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].rstrip(".!")
    if "Could not set lock" in reason:
        holder = re.search(r"PID \d+", reason)
        raise LockedError(
            f"{database} is open for writing in another program"
            f"{f' ({holder.group()})' if holder else ''}; close it there, or open it there read-only."
        )
    raise ReadingError(f"{database} cannot be read ({reason}).")
