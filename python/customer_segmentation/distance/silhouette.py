"""Silhouette over all pairs of rows, exact and quick, and an estimate for longer data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numba
import numpy as np

from customer_segmentation._validation import (
    as_matrix,
    check_count,
    check_seed,
    check_threads,
    encode_labels,
)
from customer_segmentation.distance._tree import DistanceTree

Precision = Literal["auto", "float32", "float64"]

# Up to this many distinct rows float64 takes a fraction of a second, so nothing is gained by less.
FLOAT64_ROWS = 10_000
# float32 is fine while rounding moves the rows by less than this share of the clusters' spread,
FLOAT32_ROUNDING = 1e-6
# and while the squares of usual distances, in shares of the largest value, do not underflow.
FLOAT32_SPREAD = 1e-12
# The pair kernel works on whole groups of this many features.
FEATURE_GROUP = 4
# Each cell is filled up to a multiple of this many rows with some that weigh nothing, because the
# vector unit takes so many at once and the rest of a run one by one.
LANE_ROWS = 8
# Rows that the pair kernel scores together; their sums stay in the processor's cache.
BLOCK_ROWS = 32
# Rows that a thread takes at a time.
TASK_ROWS = 1_024
# Partitions are scored together while they cut the rows into no more pieces than this: with more,
# the pieces are too short for the vector unit.
MAXIMUM_CELLS = 3_000
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
    samples = _all_samples(matrix, codes, [codes], [n_labels], precision=precision, threads=threads)
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
    for members, cells in _cell_groups([codes for codes, _ in encoded]):
        samples = _all_samples(
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
    samples = _score(
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


def _cell_groups(partitions: list[np.ndarray]) -> Iterator[tuple[list[int], np.ndarray]]:
    """Give the positions of partitions that are scored together, in order, and their cells."""
    members: list[int] = []
    cells = np.empty(0, dtype=np.int64)
    for position, codes in enumerate(partitions):
        joint = codes
        if members:
            # The pairs of a cell and a label that occur.
            joint, pairs = encode_labels(cells * (int(codes.max()) + 1) + codes)
            if len(pairs) > MAXIMUM_CELLS:
                yield members, cells
                members, joint = [], codes
        members.append(position)
        cells = joint
    if members:
        yield members, cells


def _collapse(matrix: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sort the rows by cell and value, and find the runs of identical ones.

    Returns the order, the start of each run in it, and the run of each sorted row.
    """
    order = np.lexsort((*matrix.T, cells))
    is_new = np.empty(len(order), dtype=bool)
    is_new[0] = True
    is_new[1:] = cells[order[1:]] != cells[order[:-1]]
    for column in matrix.T:
        values = column[order]
        is_new[1:] |= values[1:] != values[:-1]
    return order, np.flatnonzero(is_new), np.cumsum(is_new) - 1


def _all_samples(
    matrix: np.ndarray,
    cells: np.ndarray,
    partitions: list[np.ndarray],
    n_labels: list[int],
    *,
    precision: Precision,
    threads: int | None,
) -> np.ndarray:
    """Score every row in every partition: shape (n_partitions, n_rows)."""
    order, first, group = _collapse(matrix, cells)
    representatives = order[first]
    distinct = _score(
        matrix[representatives],
        cells[representatives],
        [codes[representatives] for codes in partitions],
        n_labels,
        np.diff(np.append(first, len(order))).astype(np.float64),
        np.arange(len(representatives)),
        precision=precision,
        threads=threads,
    )
    samples = np.empty((len(partitions), len(matrix)))
    samples[:, order] = distinct[:, group]
    return samples


def _score(
    matrix: np.ndarray,
    cells: np.ndarray,
    partitions: list[np.ndarray],
    n_labels: list[int],
    weights: np.ndarray,
    chosen: np.ndarray,
    *,
    precision: Precision,
    threads: int | None,
) -> np.ndarray:
    """Score the chosen ones of rows that are sorted by cell: shape (n_partitions, n_chosen)."""
    if precision not in ("auto", "float32", "float64"):
        raise ValueError(f"precision must be 'auto', 'float32' or 'float64', not {precision!r}.")
    n_features = matrix.shape[1]
    # A silhouette does not change when the rows are moved or rescaled; both keep float32 in range.
    centred = matrix - np.median(matrix, axis=0)
    largest = np.abs(centred).max()
    if largest > 0:
        centred /= largest
    is_float64 = precision == "float64" or (
        precision == "auto" and not all(_is_float32_enough(centred, codes) for codes in partitions)
    )
    dtype = np.float64 if is_float64 else np.float32
    # The clusters of all partitions are numbered one after the other.
    offsets = np.concatenate([[0], np.cumsum(n_labels)])
    numbered = np.stack(partitions) + offsets[:-1, np.newaxis]
    first = np.searchsorted(cells, np.arange(int(cells[-1]) + 2))
    clusters_of_cell = np.ascontiguousarray(numbered[:, first[:-1]].T)
    starts = np.concatenate([[0], np.cumsum(-(-np.diff(first) // LANE_ROWS) * LANE_ROWS)])
    places = np.arange(len(matrix)) + (starts - first)[cells]
    groups = -(-n_features // FEATURE_GROUP) * FEATURE_GROUP
    columns = np.zeros((groups, starts[-1]), dtype=dtype)
    columns[:n_features, places] = centred.T
    kernel_weights = np.zeros(starts[-1], dtype=dtype)
    kernel_weights[places] = weights
    sizes = np.concatenate(
        [
            np.bincount(codes, weights=weights, minlength=n)
            for codes, n in zip(partitions, n_labels, strict=True)
        ]
    )
    rows_scored = places[chosen]
    own = numbered[:, chosen]
    samples = np.empty((len(partitions), len(chosen)))

    def work(begin: int) -> None:
        rows = slice(begin, begin + TASK_ROWS)
        _score_rows(
            columns,
            kernel_weights,
            starts,
            clusters_of_cell,
            offsets,
            sizes,
            rows_scored[rows],
            own[:, rows],
            samples[:, rows],
        )

    begins = range(0, len(chosen), TASK_ROWS)
    threads = min(check_threads(threads), len(begins))
    if threads == 1:
        for begin in begins:
            work(begin)
    else:
        # Each row is summed by one thread in one order, whichever thread that is.
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, begins))
    return samples


def _is_float32_enough(matrix: np.ndarray, codes: np.ndarray) -> bool:
    if len(matrix) <= FLOAT64_ROWS:
        return False
    sizes = np.bincount(codes)
    spread = np.zeros(len(sizes))
    rounding = np.zeros(len(sizes))
    for column in matrix.T:
        means = np.bincount(codes, weights=column) / sizes
        spread += np.bincount(codes, weights=np.abs(column - means[codes]))
        rounding += np.bincount(codes, weights=np.abs(column - column.astype(np.float32)))
    # Rows of a cluster without spread stay identical to each other in any precision.
    is_spread = spread > 0
    return bool(
        (spread > FLOAT32_SPREAD * sizes)[is_spread].all()
        and (rounding < FLOAT32_ROUNDING * spread)[is_spread].all()
    )


# Reassociation lets the compiler add several partners at once, in the same order every time.
# The assumption that there are no infinities, also in fastmath=True, would not hold.
FAST = {"reassoc", "contract", "nsz", "arcp", "afn"}


@numba.njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _distance_total(first, second, third, fourth, weights, x1, x2, x3, x4):
    total = weights.dtype.type(0)
    for j in range(weights.shape[0]):
        d1 = first[j] - x1
        d2 = second[j] - x2
        d3 = third[j] - x3
        d4 = fourth[j] - x4
        total += weights[j] * np.sqrt(d1 * d1 + d2 * d2 + d3 * d3 + d4 * d4)
    return total


@numba.njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _add_squares(squared, first, second, third, fourth, x1, x2, x3, x4):
    for j in range(squared.shape[0]):
        d1 = first[j] - x1
        d2 = second[j] - x2
        d3 = third[j] - x3
        d4 = fourth[j] - x4
        squared[j] += d1 * d1 + d2 * d2 + d3 * d3 + d4 * d4


@numba.njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _root_total(squared, weights):
    total = weights.dtype.type(0)
    for j in range(squared.shape[0]):
        total += weights[j] * np.sqrt(squared[j])
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _distances_to_cells(columns, weights, starts, row, totals, buffer):
    # Short runs keep the partial sums in the precision of one distance accurate.
    run = buffer.shape[0]
    for cell in range(starts.shape[0] - 1):
        total = 0.0
        for begin in range(starts[cell], starts[cell + 1], run):
            end = min(begin + run, starts[cell + 1])
            if columns.shape[0] == 4:
                total += _distance_total(
                    columns[0, begin:end],
                    columns[1, begin:end],
                    columns[2, begin:end],
                    columns[3, begin:end],
                    weights[begin:end],
                    columns[0, row],
                    columns[1, row],
                    columns[2, row],
                    columns[3, row],
                )
            else:
                squared = buffer[: end - begin]
                squared[:] = 0
                for feature in range(0, columns.shape[0], 4):
                    _add_squares(
                        squared,
                        columns[feature, begin:end],
                        columns[feature + 1, begin:end],
                        columns[feature + 2, begin:end],
                        columns[feature + 3, begin:end],
                        columns[feature, row],
                        columns[feature + 1, row],
                        columns[feature + 2, row],
                        columns[feature + 3, row],
                    )
                total += _root_total(squared, weights[begin:end])
        totals[cell] = total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _score_rows(columns, weights, starts, clusters_of_cell, offsets, sizes, rows, own, samples):
    buffer = np.empty(1024, dtype=columns.dtype)
    totals = np.empty(starts.shape[0] - 1)
    sums = np.empty((sizes.shape[0], BLOCK_ROWS))
    cell_totals = np.empty((starts.shape[0] - 1, BLOCK_ROWS))
    for begin in range(0, rows.shape[0], BLOCK_ROWS):
        end = min(begin + BLOCK_ROWS, rows.shape[0])
        for row in range(begin, end):
            _distances_to_cells(columns, weights, starts, rows[row], totals, buffer)
            for cell in range(totals.shape[0]):
                cell_totals[cell, row - begin] = totals[cell]
        sums[:] = 0.0
        for cell in range(totals.shape[0]):
            for partition in range(clusters_of_cell.shape[1]):
                cluster = clusters_of_cell[cell, partition]
                for index in range(end - begin):
                    sums[cluster, index] += cell_totals[cell, index]
        for partition in range(own.shape[0]):
            for row in range(begin, end):
                mine = own[partition, row]
                outside = np.inf
                for cluster in range(offsets[partition], offsets[partition + 1]):
                    if cluster != mine:
                        outside = min(outside, sums[cluster, row - begin] / sizes[cluster])
                if sizes[mine] <= 1:
                    samples[partition, row] = 0.0
                else:
                    inside = sums[mine, row - begin] / (sizes[mine] - 1)
                    largest = max(inside, outside)
                    samples[partition, row] = (outside - inside) / largest if largest > 0 else 0.0
