"""Why a date could not be fitted, in words of customers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation._validation import has_distinct_rows


def with_reasons(
    fits: pd.DataFrame,
    rows_of: Callable[[Any], Any],
    *,
    n_clusters: int,
) -> pd.DataFrame:
    """Say of dates without a fit how many customers who differ there are, and how many it takes.

    Parameters
    ----------
    fits : DataFrame
        Of `fit_periods`: a date that could not be fitted has one row without cluster.
    rows_of : callable
        From an as-of date to its matrix of shape (n_rows, n_features), as `fit_periods` takes it;
        called only for those dates.
    n_clusters : int

    Returns
    -------
    DataFrame
        The same rows; ``gate_failures`` is another one where customers who differ are too few.
    """
    told = fits.copy()
    for row in fits.index[fits["cluster"].isna()]:
        reason = too_few(rows_of(fits.loc[row, "as_of_date"]), n_clusters=n_clusters)
        if reason:
            told.loc[row, "gate_failures"] = reason
    return told


def too_few(X: Any, *, n_clusters: int) -> str:
    """Say that fewer customers differ than segments are asked for; nothing where there are enough.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    n_clusters : int

    Returns
    -------
    str
        A sentence.
    """
    matrix = np.asarray(X, dtype=np.float64)
    is_enough, distinct = has_distinct_rows(matrix, minimum=n_clusters)
    if is_enough:
        return ""
    if len(matrix) == 1:
        there = "there is only one customer"
    elif distinct == 1:
        there = f"its {len(matrix):,} customers are all alike"
    elif distinct == len(matrix):
        there = f"there are only {distinct}"
    else:
        there = f"among its {len(matrix):,} customers only {distinct} do"
    mending = "more orders are needed"
    if distinct > 1:
        mending = f"set n_clusters to {distinct} or less, or wait for more orders"
    return (
        f"{n_clusters} segments need at least {n_clusters} customers who differ, and at this date {there}:"
        f" {mending}."
    )
