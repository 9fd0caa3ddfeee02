"""Quality of partitions of the same rows, each measured once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.distance import silhouette_estimate, silhouette_scores
from customer_segmentation.measure import (
    adjusted_rand_index,
    partition_quality,
)


class Scorer:
    """Quality of partitions of the same rows; equal partitions are scored once.

    Exact silhouettes wait until one is asked for, because many of them together cost little
    more than one (see `customer_segmentation.distance.silhouette.silhouette_scores`).

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Scaled.
    exact_silhouette_rows : int
    seed : int
        Of the estimate above that many rows.
    """

    def __init__(self, X: np.ndarray, *, exact_silhouette_rows: int, seed: int) -> None:
        self._rows = X
        self._exact_rows = exact_silhouette_rows
        self._seed = seed
        self._known: dict[bytes, dict[str, float]] = {}
        self._waiting: dict[bytes, np.ndarray] = {}

    def measure(self, labels: np.ndarray) -> dict[str, float]:
        """Return inertia, Davies-Bouldin, Calinski-Harabasz and shares: all but the silhouette."""
        return self._measured(first_seen_numbers(labels))[1]

    def add(self, labels: np.ndarray) -> bytes:
        """Take a partition in and return the key of its scores, the same for equal partitions."""
        canonical = first_seen_numbers(labels)
        key, known = self._measured(canonical)
        if key in self._waiting or "silhouette" in known:
            return key
        if len(self._rows) <= self._exact_rows:
            self._waiting[key] = canonical
        else:
            score = silhouette_estimate(
                self._rows, canonical, maximum_rows=self._exact_rows, seed=self._seed
            )
            known["silhouette"] = score.score
            known["silhouette_standard_error"] = score.standard_error
        return key

    def _measured(self, canonical: np.ndarray) -> tuple[bytes, dict[str, float]]:
        key = hashlib.sha256(canonical.tobytes()).digest()
        if key not in self._known:
            measures = partition_quality(self._rows, canonical)
            self._known[key] = {
                "davies_bouldin": measures.davies_bouldin,
                "calinski_harabasz": measures.calinski_harabasz,
                "inertia": measures.inertia,
                "smallest_cluster_share": measures.smallest_cluster_share,
            }
        return key, self._known[key]

    def scores(self, key: bytes) -> dict[str, float]:
        """Return silhouette (and its standard error), Davies-Bouldin, Calinski-Harabasz, shares."""
        if self._waiting:
            silhouettes = silhouette_scores(self._rows, list(self._waiting.values()))
            for waiting, score in zip(self._waiting, silhouettes, strict=True):
                self._known[waiting]["silhouette"] = float(score)
                self._known[waiting]["silhouette_standard_error"] = 0.0
            self._waiting.clear()
        return self._known[key]


def first_seen_numbers(labels: np.ndarray) -> np.ndarray:
    """Renumber labels in the order in which they first occur, so that equal partitions are equal.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of shape (n_rows,), int32
    """
    return pd.factorize(labels)[0].astype(np.int32)


def with_scores(candidate: dict[str, Any], scorer: Scorer) -> dict[str, Any]:
    """Add the quality of a candidate: means over its partitions, and spreads.

    Parameters
    ----------
    candidate : dict
        Of `kmeans_candidates` or `spectral_candidates`.
    scorer : Scorer
        The one that they were given.

    Returns
    -------
    dict
        The candidate without its keys; a spread is the largest minus the smallest value, and
        the smallest cluster is that of all partitions. One without keys is as it was.
    """
    if "partitions" not in candidate:
        return candidate
    scores = pd.DataFrame([scorer.scores(key) for key in candidate["partitions"]])
    spreads = {}
    if len(scores) > 1:
        spreads = {
            f"{name}_spread": float(scores[name].max() - scores[name].min())
            for name in ("inertia", "silhouette")
        }
    return {
        **{name: value for name, value in candidate.items() if name != "partitions"},
        **scores.mean().to_dict(),
        **spreads,
        "smallest_cluster_share": float(scores["smallest_cluster_share"].min()),
    }


def partition_keys(partitions: list[np.ndarray], scorer: Scorer) -> dict[str, Any]:
    """Take the partitions of a candidate in: their number, keys and mean agreement."""
    agreement = [
        adjusted_rand_index(one, other)
        for i, one in enumerate(partitions)
        for other in partitions[i + 1 :]
    ]
    return {
        "seeds": len(partitions),
        "partitions": [scorer.add(labels) for labels in partitions],
        "seed_agreement": float(np.mean(agreement)) if agreement else np.nan,
    }


def inertia_and_spread(measures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean inertia of several partitions and, of more than one, its spread."""
    inertia = pd.Series([each["inertia"] for each in measures])
    spread = {"inertia_spread": float(inertia.max() - inertia.min())} if len(inertia) > 1 else {}
    return {"inertia": float(inertia.mean())} | spread
