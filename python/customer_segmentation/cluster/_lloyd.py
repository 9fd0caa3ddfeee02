"""Quick K-means starts: greedy k-means++ and Lloyd's iterations, compiled, on one thread.

`customer_segmentation.cluster.kmeans` finishes what this begins, adding rows up in their own order. The
compiled functions let go of Python's lock, so several fits can run side by side.

Lloyd's iterations are those of the filtering algorithm of Kanungo et al. (2002), "An efficient
k-means clustering algorithm: analysis and implementation", IEEE PAMI 24, on blocks of consecutive
rows in place of the nodes of a tree: a block whose box lies wholly nearer to one centroid than to
any other is added to that cluster as a whole. In any order of the rows the result is the same up to
the rounding of sums; with neighbours next to each other, as `customer_segmentation.cluster._points.near_order`
puts them, most blocks are added as a whole, and an iteration costs a tenth. The same boxes spare
k-means++ the blocks that lie too far from a new centroid to come nearer by it.

A block is passed over while the centroids have come less far than would let one of its rows change its
cluster: the bounds of Hamerly (2010), "Making k-means even faster", SDM, one a block in place of one a row.
The sums of the clusters are then kept from iteration to iteration, and only rows that change are moved.
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
    columns = X.T.copy()
    mean = columns.mean(axis=1)
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


def from_centroids(rows: Rows, *, centroids: np.ndarray, max_iter: int) -> np.ndarray:
    """Run K-means from given centroids.

    Parameters
    ----------
    rows : Rows
        Of `prepare_rows`.
    centroids : ndarray of shape (n_clusters, n_features), float64
    max_iter : int

    Returns
    -------
    ndarray of shape (n_clusters, n_features), float64
        Where no row changes its cluster any more; the given ones when that takes too long.
    """
    moved = centroids - rows.mean
    _, iterations = _lloyd(rows.columns, rows.weights, rows.boxes, moved, max_iter)
    return moved + rows.mean if iterations < max_iter else centroids


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
    total = 0.0
    for block in range(masses.shape[0]):
        total += masses[block]
    target = uniform * total
    passed, before, block = 0.0, 0.0, -1
    while block < 0 or (passed <= target and passed < total):
        block += 1
        before = passed
        passed += masses[block]
    target -= before
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
def _contenders(low, high, centroids, slack, contenders, squared):
    """List the centroids that may be the nearest of some place in a box.

    Returns how many there are; the reach, which no sum of a place's distances to two of them
    exceeds; the nearest of the others (a contender without others), how much farther away than a
    contender it is at least, wherever in the box; and how much farther away the rest are.
    """
    n_clusters, n_features = centroids.shape
    closest = 0
    half_diagonal = 0.0
    for feature in range(n_features):
        half_diagonal += (0.5 * (high[feature] - low[feature])) ** 2
    for cluster in range(n_clusters):
        squared[cluster] = 0.0
        for feature in range(n_features):
            middle = 0.5 * (low[feature] + high[feature])
            squared[cluster] += (middle - centroids[cluster, feature]) ** 2
        if squared[cluster] < squared[closest]:
            closest = cluster
    diagonal = 2 * np.sqrt(half_diagonal)
    own_distance = np.sqrt(squared[closest])
    # A centroid so far from the middle is farther from every place of the box than the closest one.
    far = (own_distance + diagonal) ** 2 + slack
    count, farthest = 0, 0.0
    rival, lead_of_rival, nearest_other, nearest_rest = closest, np.inf, np.inf, np.inf
    for cluster in range(n_clusters):
        lead = np.inf
        if squared[cluster] <= far:
            # At the corner farthest towards the other centroid, is that one still farther away?
            lead = 0.0
            for feature in range(n_features):
                other, own = centroids[cluster, feature], centroids[closest, feature]
                corner = high[feature] if other > own else low[feature]
                lead += (corner - other) ** 2 - (corner - own) ** 2
        if cluster == closest or lead <= slack:
            contenders[count] = cluster
            count += 1
            farthest = max(farthest, squared[cluster])
        elif squared[cluster] < nearest_other:
            nearest_rest = nearest_other
            rival, lead_of_rival, nearest_other = cluster, lead, squared[cluster]
        else:
            nearest_rest = min(nearest_rest, squared[cluster])
    other_distance = np.sqrt(nearest_other)
    ahead = other_distance - own_distance - diagonal
    if lead_of_rival < np.inf:
        ahead = (lead_of_rival - slack) / (own_distance + other_distance + diagonal)
    ahead_of_rest = np.sqrt(nearest_rest) - own_distance - diagonal
    return count, 2 * np.sqrt(farthest) + diagonal, rival, ahead, ahead_of_rest


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
def _keep_two_nearer(squared, nearest, second, labels, label):
    for j in range(squared.shape[0]):
        is_nearer = squared[j] < nearest[j]
        second[j] = min(second[j], max(squared[j], nearest[j]))
        nearest[j] = squared[j] if is_nearer else nearest[j]
        labels[j] = label if is_nearer else labels[j]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _least_lead(nearest, second):
    lead = np.inf
    for j in range(nearest.shape[0]):
        lead = min(lead, second[j] - nearest[j])
    return lead


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _move_row(columns, weights, row, old, new, totals, sizes):
    """Take a row out of one cluster and add it to another."""
    weight = weights[row]
    if old >= 0:
        sizes[old] -= weight
    sizes[new] += weight
    for feature in range(columns.shape[0]):
        value = weight * columns[feature, row]
        if old >= 0:
            totals[old, feature] -= value
        totals[new, feature] += value


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _own_whole(columns, weights, boxes, block, owner, labels, owners, totals, sizes):
    """Give a block to one cluster; return how many rows changed their cluster."""
    begin, end = block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, columns.shape[1])
    changes = 0
    before = owners[block]
    if before >= 0 or labels[begin] < 0:
        sizes[owner] += boxes[3][block]
        for feature in range(columns.shape[0]):
            totals[owner, feature] += boxes[2][block, feature]
        if before >= 0:
            sizes[before] -= boxes[3][block]
            for feature in range(columns.shape[0]):
                totals[before, feature] -= boxes[2][block, feature]
        changes = end - begin
        labels[begin:end] = owner
    else:
        for row in range(begin, end):
            if labels[row] != owner:
                _move_row(columns, weights, row, labels[row], owner, totals, sizes)
                labels[row] = owner
                changes += 1
    owners[block] = owner
    return changes


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _assign(columns, weights, boxes, centroids, slack, paths, all_paths, state, totals, sizes):
    """Assign every row, keep the sums of the clusters; return how many rows changed their cluster.

    A block is looked at again when centroids have come so far that one of its rows may change its
    cluster: the two that it lies between (``pairs``, up to ``pair_until``; ``paths`` says how far
    each centroid has come), or any two of them (up to ``until``; ``all_paths``).
    """
    low, high = boxes[0], boxes[1]
    labels, owners, pairs, pair_until, until = state
    contenders = np.empty(centroids.shape[0], dtype=np.int64)
    middle_squared = np.empty(centroids.shape[0])
    squared, near, second = np.empty(BLOCK_ROWS), np.empty(BLOCK_ROWS), np.empty(BLOCK_ROWS)
    block_labels = np.empty(BLOCK_ROWS, dtype=np.int16)
    changes = 0
    for block in range(len(owners)):
        come = paths[pairs[block, 0]] + paths[pairs[block, 1]]
        if come < pair_until[block] and all_paths < until[block]:
            continue
        count, reach, rival, ahead, ahead_of_rest = _contenders(
            low[block], high[block], centroids, slack, contenders, middle_squared
        )
        pairs[block, 0] = contenders[0]
        pairs[block, 1] = contenders[1] if count == 2 else rival
        come = paths[pairs[block, 0]] + paths[pairs[block, 1]]
        if count == 1:
            pair_until[block] = come + ahead
            until[block] = all_paths + ahead_of_rest
            if owners[block] != contenders[0]:
                changes += _own_whole(
                    columns, weights, boxes, block, contenders[0], labels, owners, totals, sizes
                )
            continue
        begin, end = block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, columns.shape[1])
        rows = end - begin
        near[:], second[:] = np.inf, np.inf
        for index in range(count):
            cluster = contenders[index]
            _squares(squared[:rows], columns, begin, end, centroids[cluster])
            _keep_two_nearer(squared[:rows], near[:rows], second[:rows], block_labels, cluster)
        gap = (_least_lead(near[:rows], second[:rows]) - slack) / reach
        pair_until[block] = come + gap if count == 2 else np.inf
        ahead = min(ahead, ahead_of_rest)
        until[block] = all_paths + (ahead if count == 2 else min(ahead, gap))
        owners[block] = -1
        for row in range(begin, end):
            label = block_labels[row - begin]
            if labels[row] != label:
                _move_row(columns, weights, row, labels[row], label, totals, sizes)
                labels[row] = label
                changes += 1
    return changes


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _fresh_centroids(columns, weights, boxes, before, slack, labels, centroids):
    """Fill in the means of the clusters, added up anew: sums that were kept depend on the way here."""
    low, high, block_sums, block_sizes = boxes
    totals, sizes = np.zeros(centroids.shape), np.zeros(centroids.shape[0])
    contenders, middle_squared = np.empty(len(sizes), dtype=np.int64), np.empty(len(sizes))
    for block in range(low.shape[0]):
        begin, end = block * BLOCK_ROWS, min((block + 1) * BLOCK_ROWS, columns.shape[1])
        count, _, _, _, _ = _contenders(
            low[block], high[block], before, slack, contenders, middle_squared
        )
        if count == 1:
            owner = contenders[0]
            sizes[owner] += block_sizes[block]
            for feature in range(columns.shape[0]):
                totals[owner, feature] += block_sums[block, feature]
            continue
        for row in range(begin, end):
            label, weight = labels[row], weights[row]
            sizes[label] += weight
            for feature in range(columns.shape[0]):
                totals[label, feature] += weight * columns[feature, row]
    for cluster in range(len(sizes)):
        if sizes[cluster] > 0:
            centroids[cluster] = totals[cluster] / sizes[cluster]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _lloyd(columns, weights, boxes, centroids, max_iter):
    """Move the centroids in place until no row changes its cluster; return inertia and iterations."""
    n_features, n_rows = columns.shape
    n_blocks = boxes[0].shape[0]
    n_clusters = centroids.shape[0]
    labels = np.full(n_rows, -1, dtype=np.int16)
    owners = np.full(n_blocks, -1, dtype=np.int64)
    pairs = np.zeros((n_blocks, 2), dtype=np.int64)
    state = (labels, owners, pairs, np.full(n_blocks, -np.inf), np.full(n_blocks, -np.inf))
    nearest = np.empty(n_rows)
    totals, sizes = np.zeros((n_clusters, n_features)), np.zeros(n_clusters)
    paths, all_paths = np.zeros(n_clusters), 0.0
    # Far more than rounding moves a squared distance; a box that is not clear is looked at row by row.
    farthest_out = max(np.square(boxes[0]).max(), np.square(boxes[1]).max())
    slack = 1e-12 * (farthest_out + np.square(centroids).max())
    # What rounding leaves of the weights of a cluster that has lost its rows.
    nothing = 1e-9 * boxes[3].sum() / n_rows
    before = centroids.copy()
    inertia = np.inf
    iterations = 0
    for _ in range(max_iter):
        iterations += 1
        changes = _assign(
            columns, weights, boxes, centroids, slack, paths, all_paths, state, totals, sizes
        )
        if changes == 0:
            _fresh_centroids(columns, weights, boxes, before, slack, labels, centroids)
        if changes == 0 or iterations == max_iter or (sizes <= nothing).any():
            inertia = _inertia(columns, weights, centroids, labels, owners, nearest)
        if changes == 0:
            break
        before = centroids.copy()
        step, next_step = 0.0, 0.0
        for cluster in range(n_clusters):
            if sizes[cluster] > nothing:
                place = totals[cluster] / sizes[cluster]
            else:
                row = np.argmax(nearest * (weights > 0))
                nearest[row] = 0.0
                place = columns[:, row].copy()
            length = (1 + 1e-9) * np.sqrt(np.square(place - centroids[cluster]).sum()) + slack
            centroids[cluster] = place
            paths[cluster] += length
            step, next_step = max(step, length), max(min(step, length), next_step)
        # No two of them came closer to each other, seen from any place, than by the two largest steps.
        all_paths += step + next_step
    return inertia, iterations
