"""How far the features have moved between dates: every date is sorted once, for all its pairs.

Evidently, which people use for this, computes each pair anew with the functions of the plain way, and the version that
there is cannot be imported beside pandas 3.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from benchmarks.expert.threads import side_by_side
from benchmarks.plain.drift import BINS, EMPTY_SHARE


def edges_of(ordered: np.ndarray) -> np.ndarray:
    """Return the edges of the bins of `benchmarks.plain.drift.stability_index`."""
    values = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    if len(values) <= BINS:
        return np.append(np.nextafter(values[0], -np.inf), values)
    deciles = np.arange(1, BINS) / BINS
    return np.unique(np.quantile(ordered, deciles, method="inverted_cdf"))


def shares(ordered: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the share of a sorted sample in each bin, none of them 0."""
    # A value at an edge lies below it.
    counts = np.diff(np.searchsorted(ordered, edges, "right"), prepend=0, append=len(ordered))
    return np.maximum(counts / len(ordered), EMPTY_SHARE)


def change(before: np.ndarray, now: np.ndarray) -> dict[str, float]:
    """Measure the change between two sorted samples."""
    merged = np.concatenate([before, now])
    # Two sorted runs are merged, not sorted.
    merged.sort(kind="stable")
    is_last = np.append(merged[1:] != merged[:-1], True)
    steps = merged[is_last]
    distance = np.abs(
        np.searchsorted(before, steps, "right") / len(before)
        - np.searchsorted(now, steps, "right") / len(now)
    )
    p, q = (shares(sample, edges_of(before)) for sample in (before, now))
    return {
        "mean_change": now.mean() - before.mean(),
        "ks_statistic": distance.max(),
        "psi": float(((q - p) * np.log(q / p)).sum()),
        "wasserstein": float((distance[:-1] * np.diff(steps)).sum()),
    }


def changes(rfm: pd.DataFrame, *, features: list[str], pairs: list[tuple]) -> pd.DataFrame:
    """Measure every feature between the two dates of each pair, the earlier one being the baseline.

    Parameters
    ----------
    rfm : DataFrame with columns as_of_date and the features
    features : list of str
    pairs : list of (date, date)

    Returns
    -------
    DataFrame
        As `benchmarks.plain.drift.changes`.
    """
    by_date = dict(iter(rfm.groupby("as_of_date")))
    used = dict.fromkeys(itertools.chain.from_iterable(pairs))
    missing, samples = {}, {}

    def sort(key: tuple) -> None:
        date, feature = key
        values = by_date[date][feature].to_numpy(dtype=float)
        is_missing = np.isnan(values)
        missing[key] = is_missing.mean()
        samples[key] = np.sort(values[~is_missing])

    side_by_side(sort, itertools.product(used, features))

    def measure(job: tuple) -> dict[str, object]:
        (baseline, date), feature = job
        return {
            "baseline_as_of_date": baseline,
            "as_of_date": date,
            "feature": feature,
            "missing_share": missing[date, feature],
            **change(samples[baseline, feature], samples[date, feature]),
        }

    return pd.DataFrame(side_by_side(measure, itertools.product(pairs, features)))
