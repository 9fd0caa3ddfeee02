"""What clusters of data without structure look like, and whether ours are more than that."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from customer_segmentation._libraries import from_scipy
from customer_segmentation._validation import (
    as_matrix,
    check_count,
    check_seed,
    check_threads,
    encode_labels,
    has_distinct_rows,
)
from customer_segmentation.cluster import (
    best_start,
    distinct_points,
    match_centroids,
    near_order,
    nearest_centroid,
)
from customer_segmentation.distance import silhouette_samples, silhouette_scores
from customer_segmentation.measure.quality import cluster_means
from customer_segmentation.measure.stability import bootstrap_stability, kmeans_refit

# Fewer resamples than this judge nothing.
VERDICT_RESAMPLES = 50
# An excess of similarity or silhouette below this is no difference in kind, however surely known,
LEAST_EXCESS = 0.05
# and one that data without structure reach more often than this, in any of what is compared, is chance.
SIGNIFICANCE = 0.01
# Hennig's lowest mean similarity of a stable cluster, and of one whose members are doubtful.
STABLE_FROM = 0.75
DOUBTFUL_FROM = 0.6


class NullClusters(NamedTuple):
    """Clusters of data without structure, both of shape (permutations, n_clusters), float64.

    Attributes
    ----------
    jaccard : ndarray
        Mean Jaccard similarity over the resamples, 0 to 1.
    silhouette : ndarray
        Mean silhouette of the rows of the cluster, -1 to 1.
    """

    jaccard: np.ndarray
    silhouette: np.ndarray


def permuted_columns(X: Any, *, seed: int) -> np.ndarray:
    """Permute each column on its own: the same values of every feature, and nothing between them.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    seed : int

    Returns
    -------
    ndarray of shape (n_rows, n_features), float64

    Notes
    -----
    Mean and deviation of a column stay as they are, so a scaler need not be measured again. What
    a single feature has, such as a gap, stays as well: this is the null of no structure between
    the features (`customer_segmentation.measure.borders` looks for gaps).
    """
    generator = np.random.default_rng(check_seed(seed))
    return np.column_stack([generator.permutation(column) for column in as_matrix(X).T])


def null_silhouettes(
    X: Any,
    *,
    cluster_counts: Sequence[int],
    maximum_rows: int,
    permutations: int,
    n_init: int,
    max_iter: int = 300,
    seed: int,
    threads: int | None = None,
) -> pd.DataFrame:
    """Measure the silhouette of K-means on data whose columns were permuted independently.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        Scaled.
    cluster_counts : sequence of int
        At least 2 each.
    maximum_rows : int
        Of longer data, each permutation is of so many rows, drawn anew; a mean silhouette hardly
        depends on their number.
    permutations : int
    n_init, max_iter : int
        As in `customer_segmentation.cluster.kmeans.fit_kmeans`.
    seed : int
    threads : int, optional
        The result does not depend on it.

    Returns
    -------
    DataFrame with columns n_clusters, null_silhouette, standard_error
        One row per number of clusters: the mean over the permutations, and the standard error of
        one more silhouette less that mean, ``s * sqrt(1 + 1 / permutations)``; NaN where fewer
        than two permutations have enough distinct rows.

    Notes
    -----
    Sources: permutation of columns as in Buja and Eyuboglu (1992), "Remarks on parallel
    analysis", Multivariate Behavioral Research 27; the standard error as ``s_k`` of Tibshirani,
    Walther and Hastie (2001), with the divisor ``permutations - 1``.
    """
    matrix = as_matrix(X, minimum_rows=2)
    counts = [check_count(count, name="cluster_counts", minimum=2) for count in cluster_counts]
    permutations = check_count(permutations, name="permutations")
    maximum_rows = check_count(maximum_rows, name="maximum_rows", minimum=3)
    found = np.full((permutations, len(counts)), np.nan)
    for number, sequence in enumerate(np.random.SeedSequence(check_seed(seed)).spawn(permutations)):
        generator = np.random.default_rng(sequence)
        rows = matrix
        if len(matrix) > maximum_rows:
            rows = matrix[generator.choice(len(matrix), size=maximum_rows, replace=False)]
        rows = permuted_columns(rows, seed=int(generator.integers(2**32)))
        rows = rows[near_order(rows)]
        points, _ = distinct_points(rows)
        possible = [place for place, count in enumerate(counts) if count <= len(points)]
        start_seeds = generator.integers(2**32, size=len(counts))

        def cut(place: int, rows: np.ndarray = rows, seeds: np.ndarray = start_seeds) -> np.ndarray:
            return _kmeans_labels(rows, counts[place], n_init, max_iter, int(seeds[place]))

        # The compiled starts let go of Python's lock.
        with ThreadPoolExecutor(check_threads(threads)) as pool:
            cuts = dict(zip(possible, pool.map(cut, possible), strict=True))
        partitions = {
            place: labels
            for place, labels in cuts.items()
            if 1 < len(np.unique(labels)) < len(rows)
        }
        if partitions:
            found[number, list(partitions)] = silhouette_scores(rows, list(partitions.values()))
    return pd.DataFrame(
        {
            "n_clusters": counts,
            "null_silhouette": _mean(found),
            "standard_error": _standard_error(found),
        }
    )


def null_clusters(
    X: Any,
    labels: Any,
    *,
    permutations: int,
    resamples: int,
    maximum_rows: int,
    n_init: int,
    max_iter: int = 300,
    seed: int,
    threads: int | None = None,
) -> NullClusters:
    """Measure the K-means clusters of data whose columns were permuted independently.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        Scaled.
    labels : array of shape (n_rows,)
        The K-means partition that the null is for; at least two clusters.
    permutations : int
    resamples : int
        Bootstrap resamples of each permutation.
    maximum_rows : int
        Of `cluster_silhouettes`; everything else is done with all rows.
    n_init, max_iter : int
        As in `customer_segmentation.cluster.kmeans.fit_kmeans`.
    seed : int
    threads : int, optional

    Returns
    -------
    NullClusters
        Clusters of a permutation are numbered like the nearest ones of ``labels`` (assignment
        problem); NaN for a permutation with too few distinct rows.

    Notes
    -----
    Sources: Hennig (2007), whose section 4 compares a stability with that of data drawn from a
    model without clusters; `bootstrap_stability` and `null_silhouettes`.
    """
    matrix = as_matrix(X)
    codes, values = encode_labels(labels, n_rows=len(matrix))
    n_clusters = len(values)
    means = cluster_means(matrix, codes, n_clusters=n_clusters)
    size = (check_count(permutations, name="permutations"), n_clusters)
    found = NullClusters(np.full(size, np.nan), np.full(size, np.nan))
    for number, sequence in enumerate(np.random.SeedSequence(check_seed(seed)).spawn(size[0])):
        permutation_seed, start_seed, bootstrap_seed = (
            int(word) for word in sequence.generate_state(3)
        )
        rows = permuted_columns(matrix, seed=permutation_seed)
        if not has_distinct_rows(rows, minimum=n_clusters)[0]:
            continue
        rows = rows[near_order(rows)]
        cut = _kmeans_labels(rows, n_clusters, n_init, max_iter, start_seed)
        centroids = cluster_means(rows, cut, n_clusters=n_clusters)
        if np.isnan(centroids).any():
            continue
        numbered = match_centroids(means, centroids)[cut]
        stability = bootstrap_stability(
            rows,
            numbered,
            kmeans_refit(n_clusters=n_clusters, n_init=n_init, max_iter=max_iter),
            resamples=resamples,
            seed=bootstrap_seed,
            threads=threads,
        )
        found.jaccard[number] = stability.clusters["mean_jaccard"]
        found.silhouette[number] = cluster_silhouettes(
            rows, numbered, maximum_rows=maximum_rows, seed=start_seed, threads=threads
        )
    return found


def cluster_silhouettes(
    X: Any, labels: Any, *, maximum_rows: int, seed: int, threads: int | None = None
) -> np.ndarray:
    """Compute the mean silhouette of the rows of each cluster.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    labels : array of shape (n_rows,)
        At least two distinct values.
    maximum_rows : int
        Of more rows, so many are drawn at random, and the others are left out altogether.
    seed : int
    threads : int, optional

    Returns
    -------
    ndarray of shape (n_clusters,), float64
        In sorted order of the labels; NaN for a cluster of which no row was drawn.

    Notes
    -----
    Source: Rousseeuw (1987), average silhouette width of a cluster; as
    ``customer_segmentation.distance.silhouette.silhouette_samples``.
    """
    matrix = as_matrix(X)
    codes, values = encode_labels(labels, n_rows=len(matrix))
    if len(matrix) > maximum_rows:
        generator = np.random.default_rng(check_seed(seed))
        drawn = np.sort(generator.choice(len(matrix), size=maximum_rows, replace=False))
        matrix, codes = matrix[drawn], codes[drawn]
    sizes = np.bincount(codes, minlength=len(values))
    if not 1 < (sizes > 0).sum() < len(codes):
        return np.full(len(values), np.nan)
    samples = silhouette_samples(matrix, codes, threads=threads)
    with np.errstate(invalid="ignore"):
        return np.bincount(codes, weights=samples, minlength=len(values)) / sizes


def excess_over_null(observed: Any, null: Any, *, comparisons: int = 1) -> pd.DataFrame:
    """Compare measures with what data without structure give.

    Parameters
    ----------
    observed : array of shape (n_measures,)
    null : array of shape (permutations, n_measures)
        The same measures of each permutation; NaN is left out.
    comparisons : int
        How many measures are compared for one claim, those elsewhere included.

    Returns
    -------
    DataFrame with columns null, standard_error, excess, is_above
        One row per measure: mean of the null; standard error of the excess when there is no
        structure, ``s * sqrt(1 + 1 / permutations)``; observed less null; and whether that is at
        least `LEAST_EXCESS` and more than chance (one-sided, `SIGNIFICANCE` for all comparisons
        together, Student's t with ``permutations - 1`` degrees of freedom). None without two
        permutations.

    Notes
    -----
    Source of the division of `SIGNIFICANCE`: Bonferroni. Without it three clusters of a shop
    without segments, each by two measures, earn a word of praise now and then.
    """
    stdtrit = from_scipy("special", "stdtrit")

    values = np.asarray(observed, dtype=np.float64)
    drawn = np.asarray(null, dtype=np.float64)
    mean, error = _mean(drawn), _standard_error(drawn)
    usable = (~np.isnan(drawn)).sum(axis=0)
    comparisons = check_count(comparisons, name="comparisons")
    limit = stdtrit(np.maximum(usable - 1, 1), 1 - SIGNIFICANCE / comparisons) * error
    excess = values - mean
    is_above = (excess >= LEAST_EXCESS) & (excess > limit)
    return pd.DataFrame(
        {
            "null": mean,
            "standard_error": error,
            "excess": excess,
            "is_above": [
                None if np.isnan(difference) or np.isnan(scale) else bool(above)
                for difference, scale, above in zip(excess, error, is_above, strict=True)
            ],
        }
    )


def verdict(
    mean_jaccard: float, *, resamples: int, null_resamples: int, is_above_null: bool | None
) -> str:
    """Say in words what the stability of a cluster shows.

    Parameters
    ----------
    mean_jaccard : float
        From 0 to 1; NaN when nothing was resampled.
    resamples, null_resamples : int
        Behind it, and behind that of data without structure.
    is_above_null : bool or None
        Whether the similarity or the silhouette is, by `excess_over_null`; None when there is no
        null.

    Returns
    -------
    str
        "group": found again, and more surely or farther apart than in data without structure;
        "reproducible slice": found again, as the same cut of data without structure is; "membership
        doubtful" (mean below 0.75), "unstable" (below 0.6); "not judged: …" with fewer than
        `VERDICT_RESAMPLES` resamples or without a null; "not resampled".

    Notes
    -----
    Limits of the mean: documentation of ``fpc::clusterboot``.
    """
    if np.isnan(mean_jaccard):
        return "not resampled"
    if resamples < VERDICT_RESAMPLES:
        return f"not judged: fewer than {VERDICT_RESAMPLES} resamples"
    if mean_jaccard < DOUBTFUL_FROM:
        return "unstable"
    if mean_jaccard < STABLE_FROM:
        return "membership doubtful"
    if is_above_null is None:
        return "not judged: no null"
    if null_resamples < VERDICT_RESAMPLES:
        return f"not judged: fewer than {VERDICT_RESAMPLES} resamples of the null"
    return "group" if is_above_null else "reproducible slice"


def _kmeans_labels(
    rows: np.ndarray, n_clusters: int, n_init: int, max_iter: int, seed: int
) -> np.ndarray:
    centroids = best_start(
        rows, n_clusters=n_clusters, n_init=n_init, max_iter=max_iter, weights=None, seed=seed
    )
    return nearest_centroid(rows, centroids)[0]


def _mean(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.nansum(values, axis=0) / (~np.isnan(values)).sum(axis=0)


def _standard_error(values: np.ndarray) -> np.ndarray:
    usable = (~np.isnan(values)).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = np.nansum(np.square(values - _mean(values)), axis=0)
        error = np.sqrt(squares / (usable - 1) * (1 + 1 / usable))
    return np.where(usable > 1, error, np.nan)
