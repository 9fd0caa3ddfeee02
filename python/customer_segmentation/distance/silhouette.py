"""Silhouette over all pairs of rows, exact and quick, and an estimate for longer data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from customer_segmentation._validation import as_matrix, check_count, check_seed, encode_labels
from customer_segmentation.distance._pairs import Precision, all_samples, cell_groups, score_chosen
from customer_segmentation.distance._tree import DistanceTree

MINIMUM_SAMPLE_ROWS = 2_000
# A distance that a tree measures takes the time of about so many in the pair kernel (which spares
# itself identical rows, so that among many of them the tree may be the slower one),
TREE_COST = 10
# and for each row there are at least about so many. With fewer rows the tree saves nothing.
TREE_EVALUATIONS_OF_ROW = 1_000
# A tree holds a sum for every row and cluster, and adds to each for every pair of boxes.
TREE_CLUSTERS = 32


@dataclasses.dataclass(frozen=True)
class SilhouetteEstimate:
    """A mean silhouette and how well it is known.

    Attributes
    ----------
    score : float
        Mean silhouette, from -1 to 1.
    standard_error : float
        Of ``score`` as an estimate of the mean over all rows; 0 when exact.
    is_exact : bool
    rows_scored : int
        Rows whose silhouette was computed, each against all rows.
    """

    score: float
    standard_error: float
    is_exact: bool
    rows_scored: int


def silhouette_samples(
    X: Any,
    labels: Any,
    *,
    precision: Precision = "auto",
    threads: int | None = None,
) -> np.ndarray:
    """Compute the silhouette of every row, from the distances to all other rows.

    ``s = (b - a) / max(a, b)`` with ``a`` the mean distance to the other rows of its own cluster
    and ``b`` the lowest mean distance to the rows of another cluster; 0 for a row that is alone
    in its cluster.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    labels : array of shape (n_rows,)
        From 2 to ``n_rows - 1`` distinct values.
    precision : {"auto", "float32", "float64"}
        Of one distance, when all pairs are measured; sums of many are float64 in every case.
        "auto" lets a `DistanceTree` (float64; sums of distances within 5e-7 of themselves, mostly
        within 1e-9) measure fewer where that is quicker. Otherwise it takes float64 for up to 10,000 distinct rows and
        for clusters too far apart for their size for float32, and else float32 (twice as fast;
        the mean agrees to about 1e-8).
    threads : int, optional
        Default: every processor this process may use. The result is the same bit for bit.

    Returns
    -------
    ndarray of shape (n_rows,), float64
        Without unit, from -1 to 1.

    Raises
    ------
    ValueError
        If ``X`` or ``labels`` is malformed, or the number of labels is not from 2 to
        ``n_rows - 1`` (as in scikit-learn).

    Notes
    -----
    Source: Rousseeuw (1987), "Silhouettes", J. Comput. Appl. Math. 20; edge cases as in
    ``sklearn.metrics.silhouette_samples``. Memory grows with ``n_rows``, not with its square.
    When all pairs are measured, identical rows of one cluster are computed once and counted as
    often as they occur.
    """
    matrix = as_matrix(X)
    codes, n_labels = _codes(labels, len(matrix))
    tree = _quick_tree(matrix, [n_labels]) if precision == "auto" else None
    if tree is not None:
        return _tree_samples(tree, codes, n_labels, threads=threads)
    samples = all_samples(matrix, codes, [codes], [n_labels], precision=precision, threads=threads)
    return samples[0]


def silhouette_scores(
    X: Any,
    partitions: Sequence[Any],
    *,
    precision: Precision = "auto",
    threads: int | None = None,
) -> np.ndarray:
    """Compute the mean silhouette of several partitions of the same rows.

    The distance of two rows does not depend on the partition, and its square root is most of
    the work. So the rows are sorted by cell, a cell being the rows that no partition tells
    apart; each row's distances are summed once per cell, and a partition's sums are those of
    its cells. Sixty partitions of a grid search cost two or three times what one costs.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    partitions : sequence of arrays of shape (n_rows,)
        Labels; of each from 2 to ``n_rows - 1`` distinct values.
    precision : {"auto", "float32", "float64"}
        As in `silhouette_samples`.
    threads : int, optional

    Returns
    -------
    ndarray of shape (n_partitions,), float64
        From -1 to 1; each what `silhouette_score` gives, up to the rounding of distances.

    Raises
    ------
    ValueError
        As `silhouette_samples`.
    """
    matrix = as_matrix(X)
    encoded = [_codes(labels, len(matrix)) for labels in partitions]
    tree = _quick_tree(matrix, [n for _, n in encoded]) if precision == "auto" else None
    if tree is not None:
        return np.array(
            [_tree_samples(tree, *each, threads=threads).mean() for each in encoded], dtype=float
        )
    scores = np.empty(len(encoded))
    for members, cells in cell_groups([codes for codes, _ in encoded]):
        samples = all_samples(
            matrix,
            cells,
            [encoded[i][0] for i in members],
            [encoded[i][1] for i in members],
            precision=precision,
            threads=threads,
        )
        scores[members] = samples.mean(axis=1)
    return scores


def silhouette_score(
    X: Any,
    labels: Any,
    *,
    precision: Precision = "auto",
    threads: int | None = None,
) -> float:
    """Compute the mean of `silhouette_samples`.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    labels : array of shape (n_rows,)
    precision : {"auto", "float32", "float64"}
    threads : int, optional

    Returns
    -------
    float
        From -1 to 1.

    Raises
    ------
    ValueError
        As `silhouette_samples`.
    """
    return float(silhouette_samples(X, labels, precision=precision, threads=threads).mean())


def silhouette_estimate(
    X: Any,
    labels: Any,
    *,
    maximum_rows: int,
    seed: int,
    sample_rows: int | None = None,
    precision: Precision = "auto",
    threads: int | None = None,
) -> SilhouetteEstimate:
    """Compute the mean silhouette exactly, or estimate it when that would take too long.

    When exact would take longer than to measure all pairs of ``maximum_rows``, a sample stratified
    by cluster (in proportion to the sizes, at least two rows of each) is scored. Each sampled row
    is measured against **all** rows, so its silhouette is exact and the only error is that of the
    sample; scikit-learn's ``sample_size`` drops the partners too, which adds a bias that its
    result does not show.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    labels : array of shape (n_rows,)
    maximum_rows : int
        Exact up to this many rows, and above while a `DistanceTree` takes no longer than all
        pairs of so many would.
    seed : int
    sample_rows : int, optional
        Rows to score above it. Default: as many as cost what an exact score of
        ``maximum_rows`` costs, ``maximum_rows ** 2 / n_rows``, and at least 2,000.
    precision : {"auto", "float32", "float64"}
    threads : int, optional

    Returns
    -------
    SilhouetteEstimate

    Raises
    ------
    ValueError
        As `silhouette_samples`, or if an option makes no sense.

    Notes
    -----
    Source of the estimator and its standard error: stratified sampling without replacement,
    Cochran (1977), "Sampling Techniques", chapter 5.
    """
    maximum_rows = check_count(maximum_rows, name="maximum_rows", minimum=3)
    seed = check_seed(seed)
    matrix = as_matrix(X)
    n_rows = len(matrix)
    codes, n_labels = _codes(labels, n_rows)
    if n_rows <= maximum_rows:
        score = silhouette_score(matrix, codes, precision=precision, threads=threads)
        return SilhouetteEstimate(score, 0.0, is_exact=True, rows_scored=n_rows)
    limit = maximum_rows**2 / TREE_COST
    tree = _tree_within(matrix, limit, n_labels) if precision == "auto" else None
    if tree is not None:
        score = float(_tree_samples(tree, codes, n_labels, threads=threads).mean())
        return SilhouetteEstimate(score, 0.0, is_exact=True, rows_scored=n_rows)
    if sample_rows is None:
        sample_rows = max(MINIMUM_SAMPLE_ROWS, maximum_rows**2 // n_rows)
    sample_rows = check_count(sample_rows, name="sample_rows")

    sizes = np.bincount(codes, minlength=n_labels)
    wanted = np.ceil(sizes * (min(sample_rows, n_rows) / n_rows)).astype(np.int64)
    wanted = np.minimum(np.maximum(wanted, 2), sizes)
    generator = np.random.default_rng(seed)
    order = np.argsort(codes, kind="stable")
    starts = np.cumsum(sizes) - sizes
    chosen = np.concatenate(
        [
            start + np.sort(generator.choice(size, size=count, replace=False, shuffle=False))
            for start, size, count in zip(starts, sizes, wanted, strict=True)
        ]
    )
    samples = score_chosen(
        matrix[order],
        codes[order],
        [codes[order]],
        [n_labels],
        np.ones(n_rows),
        chosen,
        precision=precision,
        threads=threads,
    )[0]
    score = variance = 0.0
    for values, size in zip(np.split(samples, np.cumsum(wanted)[:-1]), sizes, strict=True):
        share = size / n_rows
        score += share * values.mean()
        if len(values) < size:
            variance += share**2 * values.var(ddof=1) / len(values) * (1 - len(values) / size)
    return SilhouetteEstimate(
        score=float(score),
        standard_error=math.sqrt(variance),
        is_exact=len(samples) == n_rows,
        rows_scored=len(samples),
    )


def _codes(labels: Any, n_rows: int) -> tuple[np.ndarray, int]:
    codes, values = encode_labels(labels, n_rows=n_rows)
    if not 2 <= len(values) <= n_rows - 1:
        raise ValueError(
            f"The silhouette needs from 2 to {n_rows - 1} (rows - 1) distinct labels, "
            f"there are {len(values)}; score only partitions with at least two clusters "
            "and fewer clusters than rows."
        )
    return codes, len(values)


def _quick_tree(matrix: np.ndarray, n_labels: Sequence[int]) -> DistanceTree | None:
    """Return a tree when it scores the partitions sooner than the pair kernel does."""
    if not n_labels:
        return None
    return _tree_within(matrix, len(matrix) ** 2 / (TREE_COST * len(n_labels)), max(n_labels))


def _tree_within(matrix: np.ndarray, evaluations: float, n_labels: int) -> DistanceTree | None:
    if n_labels > TREE_CLUSTERS or len(matrix) * TREE_EVALUATIONS_OF_ROW > evaluations:
        return None
    return DistanceTree.of(matrix, maximum_evaluations=evaluations)


def _tree_samples(
    tree: DistanceTree, codes: np.ndarray, n_labels: int, *, threads: int | None
) -> np.ndarray:
    """Score every row in one partition: shape (n_rows,)."""
    sums = tree.cluster_sums(codes, n_clusters=n_labels, threads=threads)
    sizes = np.bincount(codes, minlength=n_labels)
    rows = np.arange(len(codes))
    inside = sums[codes, rows] / np.maximum(sizes - 1, 1)[codes]
    sums /= sizes[:, np.newaxis]
    sums[codes, rows] = np.inf
    outside = sums.min(axis=0)
    largest = np.maximum(inside, outside)
    is_scored = (sizes[codes] > 1) & (largest > 0)
    samples = np.zeros(len(codes))
    np.divide(outside - inside, largest, out=samples, where=is_scored)
    return samples
