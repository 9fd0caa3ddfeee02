"""Scaled rows, their nearest centroids and the last steps of K-means, compiled; they let go of Python's lock."""

from __future__ import annotations

import numba
import numpy as np

# Rows whose columns are laid out side by side, so that the vector unit measures several at once.
BLOCK_ROWS = 128


@numba.njit(nogil=True, cache=True, error_model="numpy")
def scale_rows(rows, mean, scale, scaled):
    """Fill in the rows (in C order) less the mean, in units of the scale."""
    n_features = rows.shape[1]
    # Both repeated for a whole block, so that the vector unit goes through several features at once.
    means, scales = np.empty(BLOCK_ROWS * n_features), np.empty(BLOCK_ROWS * n_features)
    for j in range(means.shape[0]):
        means[j], scales[j] = mean[j % n_features], scale[j % n_features]
    values, filled = rows.ravel(), scaled.ravel()
    for begin in range(0, values.shape[0], means.shape[0]):
        value, found = (
            values[begin : begin + means.shape[0]],
            filled[begin : begin + means.shape[0]],
        )
        for j in range(value.shape[0]):
            found[j] = (value[j] - means[j]) / scales[j]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def add_rows(rows, middle, sums, squares):
    """Add the rows less a middle, and the squares of that, to sums of each feature, row after row."""
    for row in range(rows.shape[0]):
        for feature in range(rows.shape[1]):
            value = rows[row, feature] - middle[feature]
            sums[feature] += value
            squares[feature] += value * value


@numba.njit(nogil=True, cache=True, error_model="numpy")
def squared_distance(rows, row, centres, cluster):
    """Return one squared distance, its squares added in the order of the columns."""
    total = (rows[row, 0] - centres[cluster, 0]) ** 2
    for feature in range(1, centres.shape[1]):
        total += (rows[row, feature] - centres[cluster, feature]) ** 2
    return total


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _squares_of_block(columns, centre, squared):
    first = columns[0]
    for j in range(squared.shape[0]):
        squared[j] = (first[j] - centre[0]) ** 2
    for feature in range(1, columns.shape[0]):
        column = columns[feature]
        for j in range(squared.shape[0]):
            squared[j] += (column[j] - centre[feature]) ** 2


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _keep_nearer(squared, least, labels, label):
    for j in range(squared.shape[0]):
        is_nearer = squared[j] < least[j]
        labels[j] = label if is_nearer else labels[j]
        least[j] = squared[j] if is_nearer else least[j]


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _nearest_of_block(rows, begin, centres, block):
    """Fill in the nearest centre of up to `BLOCK_ROWS` rows, and its squared distance; return how many."""
    columns, squared, least, labels = block
    count = min(BLOCK_ROWS, rows.shape[0] - begin)
    for feature in range(rows.shape[1]):
        column = columns[feature]
        for j in range(count):
            column[j] = rows[begin + j, feature]
    labels[:] = 0
    _squares_of_block(columns, centres[0], least)
    for cluster in range(1, centres.shape[0]):
        _squares_of_block(columns, centres[cluster], squared)
        _keep_nearer(squared, least, labels, cluster)
    return count


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _new_block(n_features):
    """Make room for a block: its columns, squared distances, the least of them, and labels."""
    return (
        np.zeros((n_features, BLOCK_ROWS)),
        np.empty(BLOCK_ROWS),
        np.empty(BLOCK_ROWS),
        np.empty(BLOCK_ROWS, dtype=np.int64),
    )


@numba.njit(nogil=True, cache=True, error_model="numpy")
def nearest_of_rows(rows, centres, labels, distance):
    """Fill in the nearest centre of each row, and the distance to it; a tie goes to the first."""
    block = _new_block(rows.shape[1])
    _, _, least, block_labels = block
    for begin in range(0, rows.shape[0], BLOCK_ROWS):
        for j in range(_nearest_of_block(rows, begin, centres, block)):
            labels[begin + j] = block_labels[j]
            distance[begin + j] = np.sqrt(least[j])


@numba.njit(nogil=True, cache=True, error_model="numpy")
def two_nearest_of_rows(rows, centres, labels, distance):
    """Fill in the nearest centre of each row and the one after it; -1 and infinity without another."""
    for row in range(rows.shape[0]):
        own, other = -1, -1
        least, next_least = np.inf, np.inf
        for cluster in range(centres.shape[0]):
            squared = squared_distance(rows, row, centres, cluster)
            if squared < least:
                other, next_least = own, least
                own, least = cluster, squared
            elif squared < next_least:
                other, next_least = cluster, squared
        labels[0, row], labels[1, row] = own, other
        distance[0, row], distance[1, row] = np.sqrt(least), np.sqrt(next_least)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def lloyd_in_order(rows, weights, centroids, max_iter):
    """Move the centroids in place until no row changes its cluster, adding rows up in their order.

    Returns the iterations, and 0 when a cluster is empty or `max_iter` is not enough.
    """
    n_rows, n_features = rows.shape
    n_clusters = centroids.shape[0]
    labels = np.full(n_rows, -1, dtype=np.int32)
    totals, sizes = np.empty((n_clusters, n_features)), np.empty(n_clusters)
    block = _new_block(n_features)
    for iteration in range(max_iter):
        totals[:] = 0.0
        sizes[:] = 0.0
        changes = 0
        for begin in range(0, n_rows, BLOCK_ROWS):
            for j in range(_nearest_of_block(rows, begin, centroids, block)):
                row, label = begin + j, block[3][j]
                changes += labels[row] != label
                labels[row] = label
                sizes[label] += weights[row]
                for feature in range(n_features):
                    totals[label, feature] += rows[row, feature] * weights[row]
        if (sizes <= 0).any():
            return 0
        has_moved = False
        for cluster in range(n_clusters):
            share = 1.0 / sizes[cluster]
            for feature in range(n_features):
                mean = totals[cluster, feature] * share
                has_moved |= mean != centroids[cluster, feature]
                centroids[cluster, feature] = mean
        if changes == 0 or not has_moved:
            return iteration + 1
    return 0
