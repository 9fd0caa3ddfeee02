"""How far apart the segments are on each feature: every sample is sorted once, for all its pairs."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from scipy.stats import kstwo

from benchmarks.expert.threads import side_by_side
from benchmarks.plain.separation import with_holm


def separation(rows: pd.DataFrame, *, features: list[str]) -> pd.DataFrame:
    """Test every pair of clusters on every feature.

    Parameters
    ----------
    rows : DataFrame with column cluster and the features
    features : list of str

    Returns
    -------
    DataFrame
        As `benchmarks.plain.separation.separation`.
    """
    cluster = rows["cluster"].to_numpy()
    members = {number: np.flatnonzero(cluster == number) for number in np.unique(cluster)}

    def of_feature(feature: str) -> list[dict[str, object]]:
        values = rows[feature].to_numpy(dtype=float)
        samples = {}
        for number, positions in members.items():
            sample = values[positions]
            samples[number] = np.sort(sample[~np.isnan(sample)])
        return [
            {"feature": feature, "cluster_a": a, "cluster_b": b, **compare(samples[a], samples[b])}
            for a, b in itertools.combinations(samples, 2)
        ]

    tests = itertools.chain.from_iterable(side_by_side(of_feature, features))
    return with_holm(pd.DataFrame(list(tests)))


def compare(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """Test two sorted samples and measure Cliff's delta."""
    below, up_to = (np.searchsorted(a, b, side) for side in ("left", "right"))
    at_a = np.searchsorted(b, a, "right") / len(b)
    distance = max(
        np.abs(np.arange(1, len(a) + 1) / len(a) - at_a)[last_of_its_value(a)].max(),
        np.abs(np.arange(1, len(b) + 1) / len(b) - up_to / len(a))[last_of_its_value(b)].max(),
    )
    pairs = len(a) * len(b)
    return {
        "ks_statistic": distance,
        "p_value": kstwo.sf(distance, round(pairs / (len(a) + len(b)))),
        "effect": (pairs - up_to.sum() - below.sum()) / pairs,
    }


def last_of_its_value(ordered: np.ndarray) -> np.ndarray:
    """Mark where a sorted sample changes: a step of its distribution ends there."""
    return np.append(ordered[1:] != ordered[:-1], True)
