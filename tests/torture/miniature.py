"""Databases of this project in miniature: a build number stands in several tables of one file."""

from __future__ import annotations

from pathlib import Path

import duckdb

TABLES = ("seeds.segment_playbook", "marts.orders", "bi.calendar")
# Enough for several row groups, so that a mixed file would show.
ROWS = 20_000


class MixedError(AssertionError):
    """The tables of one file are of two builds."""


def make_miniature(path: Path, number: int, *, rows: int = ROWS) -> Path:
    """Write a database that says its build number in every row of three tables.

    Parameters
    ----------
    path : Path
        Replaced when it exists.
    number : int
        1 or more.
    rows : int
        Of each table.

    Returns
    -------
    Path
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        for table in TABLES:
            connection.execute(f"create schema {table.split('.')[0]}")
            connection.execute(
                f"create table {table} as select {number} as build, i as row_number from range({rows}) as t (i)"
            )
    return path


def number_in(path: Path) -> int:
    """Return the build number that a reader sees.

    Raises
    ------
    MixedError
        When the rows are of two builds, or some are missing.
    """
    with duckdb.connect(str(path), read_only=True) as connection:
        return number_seen_by(connection)


def number_seen_by(connection: duckdb.DuckDBPyConnection) -> int:
    """As `number_in`, by a connection that is open: one query a table, as readers do."""
    seen = {
        table: connection.execute(
            f"select min(build), max(build), count(*) from {table}"
        ).fetchone()
        for table in TABLES
    }
    low, high, rows = seen[TABLES[0]]
    if low != high or set(seen.values()) != {(low, high, rows)}:
        raise MixedError(f"the tables are of different builds: {seen}")
    return low


def has_edit(path: Path) -> bool:
    """Say whether a reader of a database sees what `LEAVES_LOG` writes."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return bool(
            connection.execute("select 1 from duckdb_tables() where table_name = 'edit'").fetchone()
        )
