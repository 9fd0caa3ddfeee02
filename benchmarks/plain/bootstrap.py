"""Stability of clusters over bootstrap resamples (Hennig's Jaccard)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans


def kmeans_of(n_clusters: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """Return a function from rows and a seed to K-means labels, ten starts each."""
    return lambda X, seed: KMeans(n_clusters=n_clusters, n_init=10, random_state=seed).fit_predict(
        X
    )


def jaccard_by_cluster(original: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the highest Jaccard similarity of each original cluster with any one found."""
    common = pd.crosstab(original, found).to_numpy()
    union = common.sum(axis=1, keepdims=True) + common.sum(axis=0, keepdims=True) - common
    return (common / union).max(axis=1)


def bootstrap(
    X: np.ndarray,
    labels: np.ndarray,
    cluster: Callable[[np.ndarray, int], np.ndarray],
    *,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """Cluster resamples anew and compare them with the original partition.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_features)
        Scaled.
    labels : ndarray of shape (n_customers,)
    cluster : callable
        From rows and a seed to labels.
    resamples, seed : int

    Returns
    -------
    ndarray of shape (resamples, n_clusters)
        Over the customers that were drawn, each once.
    """
    generator = np.random.default_rng(seed)
    similarities = []
    for number in range(resamples):
        drawn = generator.integers(len(X), size=len(X))
        found = cluster(X[drawn], number)
        rows, first = np.unique(drawn, return_index=True)
        similarities.append(jaccard_by_cluster(labels[rows], found[first]))
    return np.stack(similarities)
