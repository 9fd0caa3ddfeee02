"""Frames on their way out of DuckDB and into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.cluster import Transforms


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


def features_with(features: Mapping[str, Mapping[str, Any]], attribute: str) -> list[str]:
    """Return the names of the features that have an attribute.

    Parameters
    ----------
    features : mapping of str to mapping
        The features as dbt_project.yml states them.
    attribute : str

    Returns
    -------
    list of str
    """
    return [name for name, stated in features.items() if stated.get(attribute)]


def rows_fingerprint(columns: Sequence[str]) -> str:
    """Return the aggregate that changes when a row does, whatever the order of the rows.

    Parameters
    ----------
    columns : sequence of str
        What of a row counts.

    Returns
    -------
    str
        For ``relation.aggregate(…)``; the same text as macro ``rows_fingerprint`` gives.
    """
    # A sum, not an exclusive or, so that a row that occurs twice does not cancel itself.
    return f"count(*) || '-' || sum(hash({', '.join(columns)}))"


def one_list(session: Any, frame: pd.DataFrame, columns: dict[str, str], *, name: str) -> Any:
    """Return a frame as a relation of one row: a list of structs, null without rows.

    Parameters
    ----------
    session : duckdb.DuckDBPyConnection
    frame : DataFrame
    columns : dict of str to str
        SQL type of each field, in order.
    name : str
        Of the list.

    Returns
    -------
    duckdb.DuckDBPyRelation
    """
    fields = ", ".join(f"{column} := {column}" for column in columns)
    rows = session.from_df(frame).project(duckdb_projection(columns))
    return rows.aggregate(f"list(struct_pack({fields})) as {name}")


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


def quantile_reader(
    customers: Any, *, features: Sequence[str], transforms: Transforms
) -> Callable[[Any], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Return what reads the quantiles of a date.

    Parameters
    ----------
    customers : duckdb.DuckDBPyRelation
        With columns as_of_date, is_in_fit and, for each feature with the transform quantile,
        the share under its name and the value as ``<feature>_in_own_unit``.
    features : sequence of str
    transforms : mapping or sequence of (str, str)

    Returns
    -------
    callable
        From an as-of date to its `Quantiles`, over the customers in the fit.
    """
    of = dict(transforms)
    ranked = [name for name in features if of.get(name) == "quantile"]

    def quantiles_of(as_of_date: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        found = {}
        for name in ranked:
            fitted = customers.filter(f"is_in_fit and as_of_date = '{as_of_date:%Y-%m-%d}'")
            pairs = fitted.project(f"{name} as share, {name}_in_own_unit as value")
            columns = pairs.distinct().order("share").fetchnumpy()
            found[name] = columns["share"], columns["value"]
        return found

    return quantiles_of


def stacked(tables: list[pd.DataFrame], columns: Mapping[str, str]) -> pd.DataFrame:
    """Put tables below each other; without any, an empty one with the columns."""
    if not tables:
        return pd.DataFrame(columns=list(columns))
    return pd.concat([table.astype(object) for table in tables], ignore_index=True)
