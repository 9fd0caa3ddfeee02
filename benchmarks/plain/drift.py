"""How far the features have moved between dates."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, wasserstein_distance

BINS = 10
EMPTY_SHARE = 1e-4


def stability_index(baseline: np.ndarray, current: np.ndarray) -> float:
    """Compute the population stability index over the deciles of the baseline.

    A feature with no more than ten values has one bin for each; an empty bin counts as 1e-4.
    """
    values = np.unique(baseline)
    if len(values) <= BINS:
        edges = np.append(np.nextafter(values[0], -np.inf), values)
    else:
        deciles = np.arange(1, BINS) / BINS
        edges = np.unique(np.quantile(baseline, deciles, method="inverted_cdf"))
    p, q = (
        np.maximum(
            np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1) / len(sample),
            EMPTY_SHARE,
        )
        for sample in (baseline, current)
    )
    return float(((q - p) * np.log(q / p)).sum())


def change(baseline: pd.Series, current: pd.Series) -> dict[str, float]:
    """Measure the change of one feature between two dates."""
    before, now = baseline.dropna().to_numpy(), current.dropna().to_numpy()
    return {
        "missing_share": current.isna().mean(),
        "mean_change": now.mean() - before.mean(),
        "ks_statistic": ks_2samp(before, now).statistic,
        "psi": stability_index(before, now),
        "wasserstein": wasserstein_distance(before, now),
    }


def changes(
    rfm: pd.DataFrame, *, features: list[str], pairs: list[tuple] | None = None
) -> pd.DataFrame:
    """Measure every feature between every two dates, the earlier one being the baseline.

    Parameters
    ----------
    rfm : DataFrame with columns as_of_date and the features
    features : list of str
    pairs : list of (date, date), optional
        Default: all, a date with itself included.

    Returns
    -------
    DataFrame
        baseline_as_of_date, as_of_date, feature and the measures of `change`.
    """
    by_date = dict(iter(rfm.groupby("as_of_date")))
    if pairs is None:
        pairs = list(itertools.combinations_with_replacement(by_date, 2))
    return pd.DataFrame(
        [
            {
                "baseline_as_of_date": baseline,
                "as_of_date": date,
                "feature": feature,
                **change(
                    by_date[baseline][feature].astype(float), by_date[date][feature].astype(float)
                ),
            }
            for baseline, date in pairs
            for feature in features
        ]
    )
