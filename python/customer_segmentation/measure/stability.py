"""Whether the clusters come back when the data or the seed change."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import pandas as pd

from customer_segmentation._validation import (
    as_matrix,
    check_count,
    check_seed,
    check_threads,
    encode_labels,
)
from customer_segmentation.cluster import best_start, distinct_points, near_order, nearest_centroid
from customer_segmentation.measure.agreement import matched_jaccard

RECOVERED_ABOVE = 0.75
DISSOLVED_UP_TO = 0.5
# Shares and standard deviations of fpc::clusterboot's defaults.
SUBSET_SHARE = 0.5
NOISE_SHARE = 0.05
NOISE_REACH = 4.0

Method = Literal["bootstrap", "subset", "noise"]

Refit = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
"""Clusters the rows of (points, weights, seed) anew and returns one label a row."""


@dataclasses.dataclass(frozen=True, eq=False)
class BootstrapStability:
    """Stability of each cluster over bootstrap resamples.

    Attributes
    ----------
    clusters : DataFrame
        One row per cluster in sorted order of the labels: cluster, customers (rows of the
        original cluster), mean_jaccard, recovered_share (of the resamples with a similarity
        above 0.75), dissolved_share (0.5 or below), resamples (those that drew at least one row
        of the cluster).
    jaccard : ndarray of shape (resamples, n_clusters), float64
        Similarity in each resample; NaN where no row of the cluster was drawn.
    """

    clusters: pd.DataFrame
    jaccard: np.ndarray


def bootstrap_stability(
    X: Any,
    labels: Any,
    refit: Refit,
    *,
    resamples: int = 100,
    method: Method = "bootstrap",
    seed: int,
    threads: int | None = None,
) -> BootstrapStability:
    """Measure how well each cluster is found again in bootstrap resamples (Hennig).

    A resample draws ``n_rows`` rows with replacement and is clustered from scratch, each row
    counting as often as it was drawn. Then both partitions are restricted to the rows that were
    drawn at least once, each of them counting **once**, and each original cluster gets its
    highest Jaccard similarity with any cluster of the resample. Two rows with equal values are
    two rows. A resample that drew no row of a cluster says nothing about it and is left out of
    that cluster's figures.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    labels : array of shape (n_rows,)
        The partition whose stability is asked for.
    refit : callable
        ``refit(points, weights, seed) -> labels``: clusters distinct ``points`` of shape
        (n_points, n_features), each counting ``weights`` times, and returns one label a point.
        `kmeans_refit` makes one.
    resamples : int
    method : {"bootstrap", "subset", "noise"}
        What a resample is: ``n_rows`` rows drawn with replacement; half of the rows, drawn
        without; or all of them, each replaced with probability 0.05 by noise: a point drawn
        uniformly from the box around the mean that reaches 4 standard deviations each way along
        the principal components. What replaced a row is clustered and not compared.
    seed : int
        Each resample has a seed of its own drawn from this one, so the result does not depend
        on ``threads``.
    threads : int, optional
        Resamples clustered at the same time. Default: every processor this process may use.

    Returns
    -------
    BootstrapStability

    Raises
    ------
    ValueError
        If ``X``, ``labels`` or an option is malformed, or ``refit`` returns another number of
        labels than it got points.

    Notes
    -----
    Source: Hennig (2007), "Cluster-wise assessment of cluster stability", Computational
    Statistics and Data Analysis 52, 258-271; ``fpc::clusterboot`` in R with ``bootmethod =
    "boot"`` (and "subset", "noise" with its default tuning), whose documentation also gives the
    thresholds: recovered above 0.75, dissolved at 0.5 and below. A high mean says that the cut
    comes back, not that there is a group: cuts of data without any come back, too, so it is
    read beside its null (`customer_segmentation.measure.null`). clusterboot by default keeps one
    copy of each row drawn (``multipleboot = FALSE``); here the copies count in the clustering
    (as with ``TRUE``), because without them a resample is a subset and not a bootstrap.

    Identical rows are clustered as one point with a weight, which cannot change the optimum and
    saves copying the data for each resample.
    """
    matrix = as_matrix(X)
    n_rows = len(matrix)
    codes, values = encode_labels(labels, n_rows=n_rows)
    resamples = check_count(resamples, name="resamples")
    if method not in ("bootstrap", "subset", "noise"):
        raise ValueError(f"method must be 'bootstrap', 'subset' or 'noise', not {method!r}.")
    seed = check_seed(seed)
    threads = check_threads(threads)
    noise_box = _noise_box(matrix) if method == "noise" else None
    points, point_of_row = distinct_points(matrix)
    # Quicker to cluster, and the rows of a resample keep the order.
    order = near_order(points)
    points, point_of_row = points[order], np.argsort(order)[point_of_row]
    n_clusters = len(values)

    def resample(sequence: np.random.SeedSequence) -> np.ndarray:
        generator = np.random.default_rng(sequence)
        drawn = _drawn(n_rows, method, generator)
        weights = np.bincount(point_of_row, weights=drawn, minlength=len(points))
        present = np.flatnonzero(weights > 0)
        rows, counted = points.take(present, axis=0), weights[present]
        if noise_box is not None:
            mean, axes = noise_box
            size = (n_rows - int(drawn.sum()), len(mean))
            rows = np.concatenate([rows, mean + generator.uniform(-1, 1, size=size) @ axes])
            counted = np.concatenate([counted, np.ones(size[0])])
        found = np.asarray(refit(rows, counted, int(generator.integers(2**32))))
        if found.shape != (len(rows),):
            raise ValueError(
                f"refit returned labels of shape {found.shape} for {len(rows)} points; "
                "it must return one label for each point it is given."
            )
        found_codes, found_values = encode_labels(found[: len(present)], name="the labels of refit")
        found_of_point = np.empty(len(points), dtype=np.int64)
        found_of_point[present] = found_codes
        # Rows of one point may carry different labels, so rows are counted and not points.
        once = np.flatnonzero(drawn > 0)
        cells = codes.take(once) * len(found_values) + found_of_point.take(point_of_row.take(once))
        counts = np.bincount(cells, minlength=n_clusters * len(found_values))
        counts = counts.reshape(n_clusters, -1)
        return np.where(counts.any(axis=1), matched_jaccard(counts).jaccard, np.nan)

    sequences = np.random.SeedSequence(seed).spawn(resamples)
    if threads == 1:
        rows = [resample(sequence) for sequence in sequences]
    else:
        with ThreadPoolExecutor(threads) as pool:
            rows = list(pool.map(resample, sequences))
    jaccard = np.stack(rows)
    return BootstrapStability(
        _summary(jaccard, values, np.bincount(codes, minlength=n_clusters)), jaccard
    )


def kmeans_refit(*, n_clusters: int, n_init: int = 10, max_iter: int = 300) -> Refit:
    """Make the ``refit`` of `bootstrap_stability` for K-means with fresh starts.

    Every resample draws new k-means++ starts, and every start runs on the whole resample until
    no row changes its cluster. None begins at the centroids of the full data, which would ask
    only whether those centroids stay where they are; none runs on a part of the resample, which
    now and then picks a poorer optimum and makes the clusters look less stable than they are.

    Parameters
    ----------
    n_clusters : int
        At least 2.
    n_init : int
    max_iter : int
        Limit on the iterations of one start.

    Returns
    -------
    callable
        Of fewer distinct points than clusters each is one of its own: nothing is left within any,
        and a resample of customers who are nearly all alike may have no more.

    Raises
    ------
    ValueError
        If an option makes no sense.
    """
    n_clusters = check_count(n_clusters, name="n_clusters", minimum=2)
    n_init = check_count(n_init, name="n_init")
    max_iter = check_count(max_iter, name="max_iter")

    def refit(points: np.ndarray, weights: np.ndarray, seed: int) -> np.ndarray:
        if len(points) < n_clusters:
            return np.arange(len(points), dtype=np.int32)
        centroids = best_start(
            points,
            n_clusters=n_clusters,
            n_init=n_init,
            max_iter=max_iter,
            weights=weights,
            seed=seed,
        )
        return nearest_centroid(points, centroids)[0]

    return refit


def _drawn(n_rows: int, method: Method, generator: np.random.Generator) -> np.ndarray:
    """Return how often each row is in a resample."""
    if method == "bootstrap":
        return np.bincount(generator.integers(n_rows, size=n_rows), minlength=n_rows)
    drawn = np.zeros(n_rows, dtype=np.int64)
    if method == "subset":
        wanted = max(int(n_rows * SUBSET_SHARE), 1)
        drawn[generator.choice(n_rows, size=wanted, replace=False, shuffle=False)] = 1
    else:
        drawn[generator.random(n_rows) >= NOISE_SHARE] = 1
        if not drawn.any():
            drawn[generator.integers(n_rows)] = 1
    return drawn


def _noise_box(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and, as rows, the half axes of the box that noise is drawn from."""
    mean = matrix.mean(axis=0)
    centred = matrix - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / max(len(matrix) - 1, 1))
    return mean, NOISE_REACH * np.sqrt(np.maximum(values, 0))[:, None] * vectors.T


def _summary(jaccard: np.ndarray, values: np.ndarray, sizes: np.ndarray) -> pd.DataFrame:
    is_drawn = ~np.isnan(jaccard)
    drawn = is_drawn.sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = np.where(is_drawn, jaccard, 0).sum(axis=0) / drawn
        recovered = (jaccard > RECOVERED_ABOVE).sum(axis=0) / drawn
        dissolved = (jaccard <= DISSOLVED_UP_TO).sum(axis=0) / drawn
    return pd.DataFrame(
        {
            "cluster": values,
            "customers": sizes,
            "mean_jaccard": mean,
            "recovered_share": recovered,
            "dissolved_share": dissolved,
            "resamples": drawn,
        }
    )
