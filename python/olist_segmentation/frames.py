"""Frames on their way into DuckDB."""

from __future__ import annotations


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
