"""Quick K-means starts: greedy k-means++ and Lloyd's iterations, compiled, on one thread.

`olist_segmentation.kmeans` finishes what this begins with scikit-learn. The compiled functions
let go of Python's lock, so several fits can run side by side.

Lloyd's iterations are those of the filtering algorithm of Kanungo et al. (2002), "An efficient
k-means clustering algorithm: analysis and implementation", IEEE PAMI 24, on blocks of consecutive
rows in place of the nodes of a tree: a block whose box lies wholly nearer to one centroid than to
any other is added to that cluster as a whole. In any order of the rows the result is the same up to
the rounding of sums; with neighbours next to each other, as `olist_segmentation.points.near_order`
puts them, most blocks are added as a whole, and an iteration costs a tenth.
"""

from __future__ import annotations

import math

import numba
import numpy as np

# Few enough that a block of neighbours mostly lies in one cluster, and enough for the vector unit.
BLOCK_ROWS = 64
# Rows that a draw of k-means++ measures at a time; they stay in the processor's cache.
SEED_ROWS = 1_024
# Reassociation lets the compiler add several rows at once, in the same order every time.
FAST = {"reassoc", "contract", "nsz"}


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
    columns = np.ascontiguousarray((X - X.mean(axis=0)).T)
    counted = np.ones(len(X)) if weights is None else weights
    trials = 2 + int(math.log(n_clusters))
    generator = np.random.default_rng(seed)
    best_inertia, best = np.inf, np.empty(0)
    for _ in range(n_init):
        centroids = _plus_plus(columns, counted, generator.random((n_clusters, trials)))
        inertia, _ = _lloyd(columns, counted, centroids, max_iter)
        if inertia < best_inertia:
            best_inertia, best = inertia, centroids
    return best + X.mean(axis=0)


def single_start(
    X: np.ndarray, *, n_clusters: int, init: str, max_iter: int, seed: int
) -> tuple[np.ndarray, float, int]:
    """Run K-means from one start.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features), float64
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
    mean = X.mean(axis=0)
    columns = np.ascontiguousarray((X - mean).T)
    counted = np.ones(len(X))
    generator = np.random.default_rng(seed)
    if init == "random":
        rows = generator.choice(len(X), size=n_clusters, replace=False, shuffle=False)
        centroids = np.ascontiguousarray(columns[:, rows].T)
    else:
        trials = 2 + int(math.log(n_clusters))
        centroids = _plus_plus(columns, counted, generator.random((n_clusters, trials)))
    inertia, iterations = _lloyd(columns, counted, centroids, max_iter)
    return centroids + mean, float(inertia), int(iterations)


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
def _keep_lower(squared, nearest, weights):
    total = 0.0
    for j in range(squared.shape[0]):
        squared[j] = min(squared[j], nearest[j])
        total += squared[j] * weights[j]
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _potential(columns, weights, centroid, nearest, lowered):
    """Fill in the squared distances when a centroid is added; return their weighted sum."""
    total = 0.0
    for begin in range(0, nearest.shape[0], SEED_ROWS):
        end = min(begin + SEED_ROWS, nearest.shape[0])
        _squares(lowered[begin:end], columns, begin, end, centroid)
        total += _keep_lower(lowered[begin:end], nearest[begin:end], weights[begin:end])
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _plus_plus(columns, weights, uniforms):
    n_features, n_rows = columns.shape
    n_clusters, trials = uniforms.shape
    centroids = np.empty((n_clusters, n_features))
    nearest = np.full(n_rows, np.inf)
    lowered = np.empty(n_rows)
    best = np.empty(n_rows)
    for cluster in range(n_clusters):
        # The first centroid is drawn by weight alone, the others by weighted squared distance.
        passed = np.cumsum(weights if cluster == 0 else nearest * weights)
        last = np.searchsorted(passed, passed[-1])
        best_potential = np.inf
        for trial in range(1 if cluster == 0 else trials):
            target = uniforms[cluster, trial] * passed[-1]
            row = min(np.searchsorted(passed, target, side="right"), last)
            potential = _potential(columns, weights, columns[:, row].copy(), nearest, lowered)
            if potential < best_potential:
                best_potential = potential
                centroids[cluster] = columns[:, row]
                lowered, best = best, lowered
        nearest[:] = best
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
def _inertia(columns, weights, centroids, nearest):
    """Fill in the squared distance of each row to its centroid; return the weighted sum."""
    squared, labels = np.empty(BLOCK_ROWS), np.empty(BLOCK_ROWS, dtype=np.int64)
    total = 0.0
    for begin in range(0, columns.shape[1], BLOCK_ROWS):
        end = min(begin + BLOCK_ROWS, columns.shape[1])
        near = nearest[begin:end]
        near[:] = np.inf
        for cluster in range(centroids.shape[0]):
            _squares(squared[: end - begin], columns, begin, end, centroids[cluster])
            _keep_nearer(squared[: end - begin], near, labels, cluster)
        total += _weighted_total(near, weights[begin:end])
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
def _lloyd(columns, weights, centroids, max_iter):
    """Move the centroids in place until no row changes its cluster; return inertia and iterations."""
    n_features, n_rows = columns.shape
    n_clusters = centroids.shape[0]
    boxes = _boxes(columns, weights)
    labels = np.full(n_rows, -1, dtype=np.int64)
    owners = np.full(boxes[0].shape[0], -1, dtype=np.int64)
    nearest = np.empty(n_rows)
    totals, sizes = np.empty((n_clusters, n_features)), np.empty(n_clusters)
    # Far more than rounding moves a squared distance; a box that is not clear is looked at row by row.
    slack = 1e-12 * (np.square(columns).max() + np.square(centroids).max())
    inertia = np.inf
    iterations = 0
    for _ in range(max_iter):
        iterations += 1
        changes = _assign(columns, weights, boxes, centroids, slack, labels, owners, totals, sizes)
        if changes == 0 or iterations == max_iter or (sizes <= 0).any():
            inertia = _inertia(columns, weights, centroids, nearest)
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
