"""Var feature_transforms in Python: who is scaled robustly, and the way back to a feature's own unit.

=========  ===============================================  ======================================
transform  column that the models read                      scaler
=========  ===============================================  ======================================
log1p      natural logarithm of 1 + x                       mean and standard deviation
robust     x                                                median and interquartile range
quantile   mid-rank share among the fitted customers of     mean and standard deviation
           the date, 0 to 1 (macro mid_rank)
=========  ===============================================  ======================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

# Feature and the name of its transform; features that are not named are as they were.
Transforms = Mapping[str, str] | Sequence[tuple[str, str]]
# The shares of a date, in ascending order, and the values that have them, by feature.
Quantiles = Mapping[str, tuple[np.ndarray, np.ndarray]]


def robust_columns(features: Sequence[str], transforms: Transforms) -> tuple[int, ...]:
    """Return the places of the features that are scaled by median and interquartile range."""
    of = dict(transforms)
    return tuple(place for place, name in enumerate(features) if of.get(name) == "robust")


def own_units(
    rows: np.ndarray,
    *,
    features: Sequence[str],
    transforms: Transforms,
    quantiles: Quantiles,
) -> np.ndarray:
    """Carry rows of transformed features back to the features' own units.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features), float64
        For example centroids, not scaled; NaN stays NaN.
    features : sequence of str
        In the order of the columns.
    transforms : mapping or sequence of (str, str)
    quantiles : mapping of str to (ndarray, ndarray)
        Of each feature with the transform quantile, as `quantile_reader` gives them.

    Returns
    -------
    ndarray of shape (n_rows, n_features), float64

    Notes
    -----
    A share is carried back by the empirical quantile function of the date: exact at the share of
    a value, linear between those of neighbouring values, and the extreme value beyond
    (``numpy.interp``). Source: Parzen (2004), "Quantile probability and statistical data
    modeling", Statistical Science 19, the mid-quantile function.
    """
    of = dict(transforms)
    back = rows.copy()
    for place, feature in enumerate(features):
        if of.get(feature) == "log1p":
            back[:, place] = np.expm1(rows[:, place])
        elif of.get(feature) == "quantile":
            back[:, place] = np.interp(rows[:, place], *quantiles[feature])
    return back
