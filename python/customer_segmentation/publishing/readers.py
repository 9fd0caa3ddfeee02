"""Open the published database to read it, or say in a sentence why that cannot be."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from customer_segmentation.publishing.errors import CommandError, InUseError


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
    InUseError
        When another program has it open for writing.
    CommandError
        When it is missing or no DuckDB database.
    """
    if not database.exists():
        raise CommandError(
            f"{database} does not exist; run `make build` first, or name another one with SEGMENTATION_DATABASE."
        )
    try:
        return duckdb.connect(str(database), read_only=True)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0].rstrip(".!")
    if "Could not set lock" in reason:
        holder = re.search(r"PID \d+", reason)
        raise InUseError(
            f"{database} is open for writing in another program"
            f"{f' ({holder.group()})' if holder else ''}; close it there, or open it there read-only."
        )
    raise CommandError(f"{database} cannot be read ({reason}).")


@contextlib.contextmanager
def reading(published: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published database to read it.

    Parameters
    ----------
    published : Path

    Yields
    ------
    duckdb.DuckDBPyConnection

    Raises
    ------
    CommandError
        When there is no such file, it cannot be opened, or it lacks a table that is asked for.
    """
    with open_to_read(published) as connection:
        try:
            yield connection
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise CommandError(
                f"{published} lacks what is asked for; run `make build` without a selection. "
                + str(error).splitlines()[0]
            ) from None


def one_row(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()
) -> tuple[Any, ...]:
    """Return the row of a query that gives exactly one."""
    (row,) = connection.execute(sql, list(parameters)).fetchall()
    return row


def vars_of(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return the vars with which dbt reads the project as the database was built: whose data, but not where they are.

    Empty for Olist's.
    """
    if not connection.execute(
        "select 1 from information_schema.tables where table_schema = 'input_work' and table_name = 'shop_lines'"
    ).fetchone():
        return {}
    found = connection.execute(
        "select data_name, currency, notice from marts.data_origin"
    ).fetchone()
    shop = dict(zip(("name", "currency", "notice"), found or (), strict=False))
    return {"adapter": "orders", "shop": shop}
