"""Frames on their way out of DuckDB and into it."""

from __future__ import annotations

from typing import Any

import pandas as pd


def duckdb_projection(columns: dict[str, str]) -> str:
    """Return the select list that casts a frame's columns to their SQL types.

    A frame alone mistypes: pandas hands an all-empty text column over as an integer.

    Parameters
    ----------
    columns : dict of str to str
        SQL type of each column, in order.

    Returns
    -------
    str
        For ``relation.project(…)``.
    """
    return ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in columns.items())


def previous_rows(session: Any, this: Any) -> pd.DataFrame | None:
    """Return what the last build left in a model's own table, or None.

    Parameters
    ----------
    session : duckdb.DuckDBPyConnection
    this : relation
        ``dbt.this``.

    Returns
    -------
    DataFrame or None
    """
    found = session.execute(
        "select 1 from duckdb_tables() where database_name = current_database()"
        " and schema_name = ? and table_name = ?",
        [this.schema, this.identifier],
    ).fetchone()
    return session.table(f"{this.schema}.{this.identifier}").df() if found else None
