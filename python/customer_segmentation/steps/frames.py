"""Features as they are stated, their quantiles, and tables below each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.cluster import Transforms
from customer_segmentation.steps.engines import Engine, of_date


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


def quantile_reader(
    engine: Engine, customers: Any, *, features: Sequence[str], transforms: Transforms
) -> Callable[[Any], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Return what reads the quantiles of a date.

    Parameters
    ----------
    engine : Engine
    customers : relation
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
            pairs = engine.query(
                f"select distinct {name} as share, {name}_in_own_unit as value"
                f" from {{customers}} as customers where is_in_fit and {of_date(as_of_date)}",
                customers=customers,
            )
            columns = engine.arrays(pairs, ["share", "value"], order="share")
            found[name] = columns["share"], columns["value"]
        return found

    return quantiles_of


def stacked(tables: list[pd.DataFrame], columns: Mapping[str, str]) -> pd.DataFrame:
    """Put tables below each other; without any, an empty one with the columns."""
    if not tables:
        return pd.DataFrame(columns=list(columns))
    return pd.concat([table.astype(object) for table in tables], ignore_index=True)
