"""Quality of a partition by its centroids, and the gap statistic for the number of clusters."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation._libraries import from_scipy
from customer_segmentation._validation import as_matrix, check_count, check_seed, encode_labels
from customer_segmentation.cluster import fit_kmeans


@dataclasses.dataclass(frozen=True)
class PartitionQuality:
    """Measures of one partition.

    Attributes
    ----------
    n_clusters : int
    inertia : float
        Sum of squared distances to the mean of the cluster, in squared units of ``X``.
    davies_bouldin : float
        At least 0, lower is better.
    calinski_harabasz : float
        At least 0, higher is better.
    smallest_cluster_share : float
        Share of the rows, 0 to 1.
    """

    n_clusters: int
    inertia: float
    davies_bouldin: float
    calinski_harabasz: float
    smallest_cluster_share: float


@dataclasses.dataclass(frozen=True, eq=False)
class GapStatistic:
    """Gap statistic of several numbers of clusters.

    Attributes
    ----------
    table : DataFrame
        One row per number of clusters: n_clusters, log_dispersion (natural logarithm of the
        inertia), reference_log_dispersion (its mean over the references), gap (their
        difference), standard_error (``s_k`` of the article).
    chosen : int or None
        The smallest number of clusters whose gap is at least that of the next number less its
        standard error; None when no number but the last could be.
    """

    table: pd.DataFrame
    chosen: int | None


def partition_quality(X: Any, labels: Any) -> PartitionQuality:
    """Measure a partition in one pass over the rows.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    labels : array of shape (n_rows,)
        From 2 to ``n_rows - 1`` distinct values.

    Returns
    -------
    PartitionQuality

    Raises
    ------
    ValueError
        If ``X`` or ``labels`` is malformed, or the number of labels is not from 2 to
        ``n_rows - 1`` (as in scikit-learn).

    Notes
    -----
    Sources: Davies and Bouldin (1979), IEEE PAMI 1; Calinski and Harabasz (1974),
    Communications in Statistics 3; limits as in ``sklearn.metrics.davies_bouldin_score`` and
    ``calinski_harabasz_score``: clusters without any spread are 0 and 1, two clusters with the
    same mean are left out of each other's comparison.
    """
    matrix = as_matrix(X)
    n_rows = len(matrix)
    codes, values = encode_labels(labels, n_rows=n_rows)
    n_clusters = len(values)
    if not 2 <= n_clusters <= n_rows - 1:
        raise ValueError(
            f"The measures need from 2 to {n_rows - 1} (rows - 1) distinct labels, there are "
            f"{n_clusters}; score only partitions with at least two clusters and fewer clusters "
            "than rows."
        )
    sizes = np.bincount(codes)
    # Sums around the grand mean lose no digits to a far origin.
    centred = matrix - matrix.mean(axis=0)
    sums = np.stack([np.bincount(codes, weights=column) for column in centred.T], axis=1)
    means = sums / sizes[:, None]
    squared = np.zeros(n_rows)
    for column, mean in zip(centred.T, means.T, strict=True):
        squared += np.square(column - mean[codes])
    within = float(squared.sum())
    between = float((sizes * np.square(means).sum(axis=1)).sum())
    spread = np.bincount(codes, weights=np.sqrt(squared)) / sizes
    return PartitionQuality(
        n_clusters=n_clusters,
        inertia=within,
        davies_bouldin=_davies_bouldin(means, spread),
        calinski_harabasz=(
            between * (n_rows - n_clusters) / (within * (n_clusters - 1)) if within else 1.0
        ),
        smallest_cluster_share=float(sizes.min() / n_rows),
    )


def gap_statistic(
    X: Any,
    *,
    cluster_counts: Sequence[int] = tuple(range(1, 9)),
    references: int = 10,
    n_init: int = 10,
    max_iter: int = 300,
    seed: int,
) -> GapStatistic:
    """Compare the inertia of K-means with that on data without clusters.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    cluster_counts : sequence of int
        At least 1 each; consecutive ones, so that "the next number" of the rule is the next one.
    references : int
        Data sets drawn uniformly from the box around ``X``, with as many rows.
    n_init, max_iter : int
        As in `customer_segmentation.cluster.kmeans.fit_kmeans`.
    seed : int

    Returns
    -------
    GapStatistic

    Raises
    ------
    ValueError
        If ``X`` is malformed, all its rows are the same, a count is not possible or the counts
        are not consecutive.

    Notes
    -----
    Source: Tibshirani, Walther and Hastie (2001), "Estimating the number of clusters in a data
    set via the gap statistic", JRSS B 63, with references of kind (a), the box along the
    features, ``s_k = sd_k sqrt(1 + 1 / references)`` and the rule of one standard error. Very
    skewed features, such as money spent, fill only a corner of their box, so that even one
    cluster is far denser than the references and the rule tends to stop at 1: look at the
    whole table, where a number of clusters shows as a local peak of the gap.
    """
    matrix = as_matrix(X, minimum_rows=2)
    counts = [check_count(count, name="cluster_counts") for count in cluster_counts]
    if not counts or counts != list(range(counts[0], counts[0] + len(counts))):
        raise ValueError(
            f"cluster_counts must be consecutive, smallest first, not {list(cluster_counts)}; "
            "for example range(1, 9)."
        )
    references = check_count(references, name="references")
    generator = np.random.default_rng(check_seed(seed))
    low, high = matrix.min(axis=0), matrix.max(axis=0)
    if (low == high).all():
        raise ValueError("All rows of X are the same; there is no box to draw references from.")

    def log_dispersions(rows: np.ndarray) -> np.ndarray:
        return np.log([_inertia(rows, count, n_init, max_iter, seed) for count in counts])

    with np.errstate(divide="ignore"):
        observed = log_dispersions(matrix)
    if np.isneginf(observed).any():
        raise ValueError(
            f"With {counts[int(np.isneginf(observed).argmax())]} clusters no dispersion is left; "
            "ask for fewer clusters than distinct rows."
        )
    drawn = np.stack(
        [
            log_dispersions(generator.uniform(low, high, size=matrix.shape))
            for _ in range(references)
        ]
    )
    gap = drawn.mean(axis=0) - observed
    error = drawn.std(axis=0) * np.sqrt(1 + 1 / references)
    return GapStatistic(
        pd.DataFrame(
            {
                "n_clusters": counts,
                "log_dispersion": observed,
                "reference_log_dispersion": drawn.mean(axis=0),
                "gap": gap,
                "standard_error": error,
            }
        ),
        _first_enough(counts, gap, error),
    )


def _first_enough(counts: list[int], gap: np.ndarray, error: np.ndarray) -> int | None:
    is_enough = gap[:-1] >= gap[1:] - error[1:]
    return counts[int(is_enough.argmax())] if is_enough.any() else None


def _davies_bouldin(means: np.ndarray, spread: np.ndarray) -> float:
    cdist = from_scipy("spatial.distance", "cdist")

    distance = cdist(means, means)
    if np.allclose(spread, 0) or np.allclose(distance, 0):
        return 0.0
    distance[distance == 0] = np.inf
    return float(((spread[:, None] + spread[None, :]) / distance).max(axis=1).mean())


def _inertia(rows: np.ndarray, count: int, n_init: int, max_iter: int, seed: int) -> float:
    if count == 1:
        return float(np.square(rows - rows.mean(axis=0)).sum())
    return fit_kmeans(
        rows, n_clusters=count, n_init=n_init, max_iter=max_iter, fast_starts=True, seed=seed
    ).inertia


def partition_inertia(X: np.ndarray, labels: np.ndarray) -> float:
    """Compute the sum of squared distances to the mean of the own cluster.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
    labels : ndarray of shape (n_rows,), integers of at least 0

    Returns
    -------
    float
        In squared units of ``X``.
    """
    means = cluster_means(X, labels, n_clusters=int(labels.max()) + 1)
    return float(np.square(X - means[labels]).sum())


def cluster_means(X: np.ndarray, labels: np.ndarray, *, n_clusters: int) -> np.ndarray:
    """Compute the mean of each cluster; NaN for one without rows.

    Returns
    -------
    ndarray of shape (n_clusters, n_features), float64
    """
    sizes = np.bincount(labels, minlength=n_clusters)
    totals = np.stack(
        [np.bincount(labels, weights=column, minlength=n_clusters) for column in X.T], axis=1
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return totals / sizes[:, None]
