"""Quick K-means starts: greedy k-means++ and Lloyd's iterations, compiled, on one thread.

`customer_segmentation.cluster.kmeans` finishes what this begins with scikit-learn. The compiled functions
let go of Python's lock, so several fits can run side by side.

Lloyd's iterations are those of the filtering algorithm of Kanungo et al. (2002), "An efficient
k-means clustering algorithm: analysis and implementation", IEEE PAMI 24, on blocks of consecutive
rows in place of the nodes of a tree: a block whose box lies wholly nearer to one centroid than to
any other is added to that cluster as a whole. In any order of the rows the result is the same up to
the rounding of sums; with neighbours next to each other, as `customer_segmentation.cluster._points.near_order`
puts them, most blocks are added as a whole, and an iteration costs a tenth. The same boxes spare
k-means++ the blocks that lie too far from a new centroid to come nearer by it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

# Few enough that a block of neighbours mostly lies in one cluster, and enough for the vector unit.
BLOCK_ROWS = 64
# Reassociation lets the compiler add several rows at once, in the same order every time.
FAST = {"reassoc", "contract", "nsz"}


class Rows(NamedTuple):
    """Rows to cluster, and what all starts on them share.

    Attributes
    ----------
    columns : ndarray of shape (n_features, n_rows), float64
        Less their mean.
    mean : ndarray of shape (n_features,), float64
    weights : ndarray of shape (n_rows,), float64
    boxes : tuple of ndarray
        Of `_boxes`.
    """

    columns: np.ndarray
    mean: np.ndarray
    weights: np.ndarray
    boxes: tuple[np.ndarray, ...]


def prepare_rows(X: np.ndarray, weights: np.ndarray | None = None) -> Rows:
    """Lay rows out for starts on them.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), float64
        Fastest with neighbours next to each other, as `points.near_order` puts them.
    weights : ndarray of shape (n_rows,), float64, optional

    Returns
    -------
    Rows
    """
    mean = X.mean(axis=0)
    columns = X.T.copy()
    columns -= mean[:, np.newaxis]
    counted = np.ones(len(X)) if weights is None else weights
    return Rows(columns, mean, counted, _boxes(columns, counted))


def best_start(
    X: np.ndarray,
    *,
    n_clusters: int,
    n_init: int,
    max_iter: int,
    weights: np.ndarray | None,
    seed: int,
) -> np.ndarray:
    """Run K-means from several greedy k-means++ starts and return the best centroids.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), float64
    n_clusters : int
        At most the number of distinct rows of positive weight.
    n_init : int
    max_iter : int
    weights : ndarray of shape (n_rows,), float64, or None
    seed : int

    Returns
    -------
    ndarray of shape (n_clusters, n_features), float64

    Notes
    -----
    Sources: Lloyd (1982); Arthur and Vassilvitskii (2007), "k-means++", with the
    ``2 + log(n_clusters)`` trials a step of ``sklearn.cluster.kmeans_plusplus``; an empty cluster
    moves to the row farthest from its centroid, as in scikit-learn. The same algorithm on the
    same rows, with other random numbers.
    """
    rows = prepare_rows(X, weights)
    # With millions of rows, memory that is needed.
    del X
    trials = 2 + int(math.log(n_clusters))
    generator = np.random.default_rng(seed)
    best_inertia, best = np.inf, np.empty(0)
    for _ in range(n_init):
        uniforms = generator.random((n_clusters, trials))
        centroids = _plus_plus(rows.columns, rows.weights, rows.boxes, uniforms)
        inertia, _ = _lloyd(rows.columns, rows.weights, rows.boxes, centroids, max_iter)
        if inertia < best_inertia:
            best_inertia, best = inertia, centroids
    return best + rows.mean


def single_start(
    rows: Rows, *, n_clusters: int, init: str, max_iter: int, seed: int
) -> tuple[np.ndarray, float, int]:
    """Run K-means from one start.

    Parameters
    ----------
    rows : Rows
        Of `prepare_rows`.
    n_clusters : int
        At most the number of distinct rows.
    init : {"k-means++", "random"}
        Greedy k-means++, or rows drawn at random without replacement.
    max_iter : int
    seed : int

    Returns
    -------
    centroids : ndarray of shape (n_clusters, n_features), float64
    inertia : float
        At the last assignment.
    iterations : int
        ``max_iter`` when it was stopped, fewer when no row changed its cluster any more.

    Raises
    ------
    ValueError
        If ``init`` is unknown.

    Notes
    -----
    Sources: as `best_start`.
    """
    if init not in ("k-means++", "random"):
        raise ValueError(f"init must be 'k-means++' or 'random', not {init!r}.")
    generator = np.random.default_rng(seed)
    n_rows = rows.columns.shape[1]
    if init == "random":
        drawn = generator.choice(n_rows, size=n_clusters, replace=False, shuffle=False)
        centroids = np.ascontiguousarray(rows.columns[:, drawn].T)
    else:
        uniforms = generator.random((n_clusters, 2 + int(math.log(n_clusters))))
        centroids = _plus_plus(rows.columns, rows.weights, rows.boxes, uniforms)
    inertia, iterations = _lloyd(rows.columns, rows.weights, rows.boxes, centroids, max_iter)
    return centroids + rows.mean, float(inertia), int(iterations)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _first_square(squared, column, coordinate):
    for j in range(squared.shape[0]):
        squared[j] = (column[j] - coordinate) ** 2


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _next_square(squared, column, coordinate):
    for j in range(squared.shape[0]):
        squared[j] += (column[j] - coordinate) ** 2


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _squares(squared, columns, begin, end, centroid):
    _first_square(squared, columns[0, begin:end], centroid[0])
    for feature in range(1, columns.shape[0]):
        _next_square(squared, columns[feature, begin:end], centroid[feature])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _keep_nearer(squared, nearest, labels, label):
    for j in range(squared.shape[0]):
        is_nearer = squared[j] < nearest[j]
        nearest[j] = squared[j] if is_nearer else nearest[j]
        labels[j] = label if is_nearer else labels[j]


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _weighted_total(values, weights):
    total = 0.0
    for j in range(values.shape[0]):
        total += values[j] * weights[j]
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=FAST)
def _lower_total(squared, nearest, weights):
    total = 0.0
    for j in range(squared.shape[0]):
        total += min(squared[j], nearest[j]) * weights[j]
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _squared_gap(low, high, centroid):
    """Measure the squared distance of a place to the nearest point of a box."""
    total = 0.0
    for feature in range(centroid.shape[0]):
        gap = max(low[feature] - centroid[feature], centroid[feature] - high[feature], 0.0)
        total += gap * gap
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _potential(columns, weights, boxes, centroid, nearest, peaks, potentials):
    """Sum up the weighted squared distances that adding a centroid would leave."""
    low, high = boxes[0], boxes[1]
    squared = np.empty(BLOCK_ROWS)
    total = 0.0
    for block in range(peaks.shape[0]):
        if _squared_gap(low[block], high[block], centroid) >= peaks[block]:
            total += potentials[block]
            continue
        begin = block * BLOCK_ROWS
        end = min(begin + BLOCK_ROWS, nearest.shape[0])
        _squares(squared[: end - begin], columns, begin, end, centroid)
        total += _lower_total(squared[: end - begin], nearest[begin:end], weights[begin:end])
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _add_centroid(columns, weights, boxes, centroid, nearest, peaks, potentials):
    """Lower, in place, the squared distances of the rows, and what is known of them by block."""
    low, high = boxes[0], boxes[1]
    squared = np.empty(BLOCK_ROWS)
    for block in range(peaks.shape[0]):
        if _squared_gap(low[block], high[block], centroid) >= peaks[block]:
            continue
        begin = block * BLOCK_ROWS
        end = min(begin + BLOCK_ROWS, nearest.shape[0])
        _squares(squared[: end - begin], columns, begin, end, centroid)
        near = nearest[begin:end]
        for j in range(end - begin):
            near[j] = min(near[j], squared[j])
        peaks[block] = near.max()
        potentials[block] = _weighted_total(near, weights[begin:end])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _draw(masses, weights, nearest, uniform):
    """Draw a row by weight times squared distance, whose sums by block are the masses."""
    passed = np.cumsum(masses)
    last = np.searchsorted(passed, passed[-1])
    target = uniform * passed[-1]
    block = min(np.searchsorted(passed, target, side="right"), last)
    if block > 0:
        target -= passed[block - 1]
    chosen = block * BLOCK_ROWS
    for row in range(chosen, min(chosen + BLOCK_ROWS, weights.shape[0])):
        mass = weights[row] * nearest[row]
        if mass > 0:
            chosen = row
            target -= mass
            if target < 0:
                break
    return chosen


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _plus_plus(columns, weights, boxes, uniforms):
    n_features, n_rows = columns.shape
    n_clusters, trials = uniforms.shape
    n_blocks = boxes[0].shape[0]
    centroids = np.empty((n_clusters, n_features))
    # The first centroid is drawn by weight alone, the others by weighted squared distance.
    row = _draw(boxes[3], weights, np.ones(n_rows), uniforms[0, 0])
    centroids[0] = columns[:, row]
    nearest = np.full(n_rows, np.inf)
    peaks, potentials = np.full(n_blocks, np.inf), np.empty(n_blocks)
    _add_centroid(columns, weights, boxes, centroids[0], nearest, peaks, potentials)
    for cluster in range(1, n_clusters):
        best_potential = np.inf
        for trial in range(trials):
            row = _draw(potentials, weights, nearest, uniforms[cluster, trial])
            candidate = columns[:, row].copy()
            potential = _potential(columns, weights, boxes, candidate, nearest, peaks, potentials)
            if potential < best_potential:
                best_potential = potential
                centroids[cluster] = candidate
        _add_centroid(columns, weights, boxes, centroids[cluster], nearest, peaks, potentials)
    return centroids


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _boxes(columns, weights):
    """Measure the box, the weight and the weighted sum of each block of rows."""
    n_features, n_rows = columns.shape
    n_blocks = (n_rows + BLOCK_ROWS - 1) // BLOCK_ROWS
    low, high = np.empty((n_blocks, n_features)), np.empty((n_blocks, n_features))
    sums, sizes = np.empty((n_blocks, n_features)), np.empty(n_blocks)
    for block in range(n_blocks):
        rows = slice(block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, n_rows))
        sizes[block] = weights[rows].sum()
        for feature in range(n_features):
            values = columns[feature, rows]
            low[block, feature] = values.min()
            high[block, feature] = values.max()
            sums[block, feature] = _weighted_total(values, weights[rows])
    return low, high, sums, sizes


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _contenders(low, high, centroids, slack, contenders):
    """List the centroids that may be the nearest of some place in a box; return how many."""
    n_clusters, n_features = centroids.shape
    closest, least = 0, np.inf
    for cluster in range(n_clusters):
        squared = 0.0
        for feature in range(n_features):
            middle = 0.5 * (low[feature] + high[feature])
            squared += (middle - centroids[cluster, feature]) ** 2
        if squared < least:
            closest, least = cluster, squared
    count = 0
    for cluster in range(n_clusters):
        # At the corner farthest towards the other centroid, is that one still farther away?
        lead = 0.0
        for feature in range(n_features):
            other, own = centroids[cluster, feature], centroids[closest, feature]
            corner = high[feature] if other > own else low[feature]
            lead += (corner - other) ** 2 - (corner - own) ** 2
        if cluster == closest or lead <= slack:
            contenders[count] = cluster
            count += 1
    return count


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _inertia(columns, weights, centroids, labels, owners, nearest):
    """Fill in the squared distance of each row to its centroid; return the weighted sum."""
    n_features, n_rows = columns.shape
    total = 0.0
    for block in range(owners.shape[0]):
        begin, end = block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, n_rows)
        if owners[block] >= 0:
            _squares(nearest[begin:end], columns, begin, end, centroids[owners[block]])
        else:
            for row in range(begin, end):
                squared = 0.0
                for feature in range(n_features):
                    squared += (columns[feature, row] - centroids[labels[row], feature]) ** 2
                nearest[row] = squared
        total += _weighted_total(nearest[begin:end], weights[begin:end])
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _assign(columns, weights, boxes, centroids, slack, labels, owners, totals, sizes):
    """Assign every row, sum up the clusters; return how many rows changed their cluster."""
    n_features, n_rows = columns.shape
    low, high, block_sums, block_sizes = boxes
    contenders = np.empty(centroids.shape[0], dtype=np.int64)
    squared, near = np.empty(BLOCK_ROWS), np.empty(BLOCK_ROWS)
    block_labels = np.empty(BLOCK_ROWS, dtype=np.int64)
    totals[:] = 0.0
    sizes[:] = 0.0
    changes = 0
    for block in range(len(owners)):
        begin, end = block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, n_rows)
        count = _contenders(low[block], high[block], centroids, slack, contenders)
        if count == 1:
            owner = contenders[0]
            sizes[owner] += block_sizes[block]
            for feature in range(n_features):
                totals[owner, feature] += block_sums[block, feature]
            if owners[block] != owner:
                for row in range(begin, end):
                    changes += labels[row] != owner
                    labels[row] = owner
                owners[block] = owner
            continue
        owners[block] = -1
        near[:] = np.inf
        for index in range(count):
            cluster = contenders[index]
            _squares(squared[: end - begin], columns, begin, end, centroids[cluster])
            _keep_nearer(squared[: end - begin], near[: end - begin], block_labels, cluster)
        for row in range(begin, end):
            label, weight = block_labels[row - begin], weights[row]
            changes += labels[row] != label
            labels[row] = label
            sizes[label] += weight
            for feature in range(n_features):
                totals[label, feature] += weight * columns[feature, row]
    return changes


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _lloyd(columns, weights, boxes, centroids, max_iter):
    """Move the centroids in place until no row changes its cluster; return inertia and iterations."""
    n_features, n_rows = columns.shape
    n_clusters = centroids.shape[0]
    labels = np.full(n_rows, -1, dtype=np.int64)
    owners = np.full(boxes[0].shape[0], -1, dtype=np.int64)
    nearest = np.empty(n_rows)
    totals, sizes = np.empty((n_clusters, n_features)), np.empty(n_clusters)
    # Far more than rounding moves a squared distance; a box that is not clear is looked at row by row.
    farthest_out = max(np.square(boxes[0]).max(), np.square(boxes[1]).max())
    slack = 1e-12 * (farthest_out + np.square(centroids).max())
    inertia = np.inf
    iterations = 0
    for _ in range(max_iter):
        iterations += 1
        changes = _assign(columns, weights, boxes, centroids, slack, labels, owners, totals, sizes)
        if changes == 0 or iterations == max_iter or (sizes <= 0).any():
            inertia = _inertia(columns, weights, centroids, labels, owners, nearest)
        if changes == 0:
            break
        for cluster in range(n_clusters):
            if sizes[cluster] > 0:
                for feature in range(n_features):
                    centroids[cluster, feature] = totals[cluster, feature] / sizes[cluster]
            else:
                farthest = np.argmax(nearest * (weights > 0))
                nearest[farthest] = 0.0
                for feature in range(n_features):
                    centroids[cluster, feature] = columns[feature, farthest]
    return inertia, iterations
