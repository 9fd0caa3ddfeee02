"""Silhouettes by measuring all pairs of rows, of several partitions at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numba
import numpy as np

from customer_segmentation._validation import check_threads, encode_labels

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


def cell_groups(partitions: list[np.ndarray]) -> Iterator[tuple[list[int], np.ndarray]]:
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


def all_samples(
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
    distinct = score_chosen(
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


def score_chosen(
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
    # A row of each per row that is scored: a slice is then laid out alike for any number of partitions,
    # and the kernel is compiled once.
    own = np.ascontiguousarray(numbered[:, chosen].T)
    samples = np.empty((len(chosen), len(partitions)))

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
            own[rows],
            samples[rows],
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
    return np.ascontiguousarray(samples.T)


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
        for partition in range(own.shape[1]):
            for row in range(begin, end):
                mine = own[row, partition]
                outside = np.inf
                for cluster in range(offsets[partition], offsets[partition + 1]):
                    if cluster != mine:
                        outside = min(outside, sums[cluster, row - begin] / sizes[cluster])
                if sizes[mine] <= 1:
                    samples[row, partition] = 0.0
                else:
                    inside = sums[mine, row - begin] / (sizes[mine] - 1)
                    largest = max(inside, outside)
                    samples[row, partition] = (outside - inside) / largest if largest > 0 else 0.0
