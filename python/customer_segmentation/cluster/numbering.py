"""Numbers of clusters that mean the same in every run and period."""

from __future__ import annotations

from typing import Any

import numpy as np

from customer_segmentation._libraries import from_scipy
from customer_segmentation._validation import as_matrix


def match_centroids(reference: Any, candidate: Any) -> np.ndarray:
    """Give the clusters of a new fit the numbers of the nearest clusters of an older one.

    The pairing has the smallest sum of squared Euclidean distances of all one-to-one pairings.
    Clusters left over, when the candidate has more, are numbered after those of the reference,
    in their own order; when it has fewer, some numbers of the reference stay unused.

    Parameters
    ----------
    reference : array of shape (n_reference, n_features)
    candidate : array of shape (n_candidate, n_features)
        In the same units; standardise both with the same scaler.

    Returns
    -------
    ndarray of shape (n_candidate,), int64
        New number of each candidate cluster, so ``permutation[labels]`` renumbers its labels.

    Raises
    ------
    ValueError
        If the numbers of features differ, or a value is NaN or infinite.

    Notes
    -----
    Source: ``scipy.optimize.linear_sum_assignment`` (Kuhn 1955). Of equally good pairings one is
    taken, always the same.
    """
    old = as_matrix(reference, name="reference")
    new = as_matrix(candidate, name="candidate")
    if old.shape[1] != new.shape[1]:
        raise ValueError(
            f"reference has {old.shape[1]} features and candidate {new.shape[1]}; "
            "pass centroids of the same features in the same order."
        )
    squared = ((old[:, np.newaxis, :] - new[np.newaxis, :, :]) ** 2).sum(axis=2)
    # Where each has another nearest, no pairing has a smaller sum, and scipy need not be loaded.
    nearest_old, nearest_new = squared.argmin(axis=0), squared.argmin(axis=1)
    if len(set(nearest_old)) == len(new):
        return _assign(nearest_old, np.arange(len(new)), len(old), len(new))
    if len(set(nearest_new)) == len(old):
        return _assign(np.arange(len(old)), nearest_new, len(old), len(new))
    linear_sum_assignment = from_scipy("optimize", "linear_sum_assignment")

    rows, columns = linear_sum_assignment(squared)
    return _assign(rows, columns, len(old), len(new))


def _assign(rows: np.ndarray, columns: np.ndarray, n_old: int, n_new: int) -> np.ndarray:
    permutation = np.full(n_new, -1, dtype=np.int64)
    permutation[columns] = rows
    is_left = permutation < 0
    permutation[is_left] = n_old + np.arange(is_left.sum())
    return permutation


def unusualness_permutation(centroids: np.ndarray) -> np.ndarray:
    """Number clusters from the most ordinary to the most unusual.

    That is by the distance of the centroid from the mean customer, in standard deviations
    (robust features: from the median, in interquartile ranges); equal ones by their
    coordinates.

    Parameters
    ----------
    centroids : ndarray of shape (n_clusters, n_features)
        Scaled.

    Returns
    -------
    ndarray of shape (n_clusters,), int64
        New number of each cluster.
    """
    distance = np.linalg.norm(centroids, axis=1)
    keys = [*centroids.T[::-1], distance]
    permutation = np.empty(len(distance), dtype=np.int64)
    permutation[np.lexsort(keys)] = np.arange(len(distance))
    return permutation
