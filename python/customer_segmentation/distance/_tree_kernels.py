"""The compiled half of `_tree`: boxes, their interpolation points, and the sums over them.

All compiled functions that call each other are in this module, because a compiled function that
is cached does not notice a change in another one.

Source: see `_tree`; Berrut and Trefethen (2004) for the interpolation.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np

# Two nodes are far apart when the gap between their boxes is this many of the longest side.
FAR = 0.7
# How far the terms of the interpolation fall before it leaves them out. The error of one distance
# was at most an eighth of this, as a share of it, wherever two boxes and rows in them were placed.
TOLERANCE = 4e-6
# A node that needs more interpolation points is seen row by row.
MAXIMUM_GRID = 2_048
# Interpolation points on one side of a box: more are never asked for with FAR and TOLERANCE.
MAXIMUM_ORDER = 32
# A box with a side shorter than this share of its coordinates has no room for points in float64.
SMALLEST_SIDE = 1e-12


ROWS_TO_ROWS, GRID_TO_GRID, GRID_TO_ROWS, ROWS_TO_GRID = range(4)


class Nodes(NamedTuple):
    """The boxes of the tree.

    Attributes
    ----------
    begin, end : ndarrays of shape (n_nodes,), int64
        Rows of each node, as positions in the order of the tree.
    left, parent : ndarrays of shape (n_nodes,), int64
        First child, which the second follows, and parent; -1 for none.
    low, high : ndarrays of shape (n_nodes, n_features), float64
        Box of each node.
    orders : ndarray of shape (n_nodes, n_features), int64
        Interpolation points on each side of the box.
    sizes : ndarray of shape (n_nodes,), float64
        Interpolation points of the box; infinity for too many.
    """

    begin: np.ndarray
    end: np.ndarray
    left: np.ndarray
    parent: np.ndarray
    low: np.ndarray
    high: np.ndarray
    orders: np.ndarray
    sizes: np.ndarray


class Grids(NamedTuple):
    """The interpolation points of the nodes that are seen through theirs.

    Attributes
    ----------
    begin, end : ndarrays of shape (n_nodes,), int64
        Points of each node, as positions in ``points``; both -1 for a node without.
    points : ndarray of shape (n_columns, n_points), float64
    """

    begin: np.ndarray
    end: np.ndarray
    points: np.ndarray


class Pairs(NamedTuple):
    """Which nodes see which, sorted by the node that sees.

    Attributes
    ----------
    starts : ndarray of shape (n_nodes + 1,), int64
        Where the pairs of each target begin.
    sources, kinds : ndarrays of shape (n_pairs,), int64
        The node that is seen, and how.
    """

    starts: np.ndarray
    sources: np.ndarray
    kinds: np.ndarray


class Rows(NamedTuple):
    """The rows in the order of the tree, those of a leaf sorted by cluster.

    Attributes
    ----------
    columns : ndarray of shape (n_columns, n_rows), float64
    codes : ndarray of shape (n_rows,), int64
        Cluster of each row.
    runs : ndarray of shape (n_nodes, n_clusters + 1), int64
        Where the rows of each cluster begin; of leaves only.
    is_present : ndarray of shape (n_nodes, n_clusters), bool
        Whether the node has rows of the cluster.
    """

    columns: np.ndarray
    codes: np.ndarray
    runs: np.ndarray
    is_present: np.ndarray


# Reassociation lets the compiler add several products at once, in the same order every time.
# The assumption that there are no infinities, also in fastmath=True, would not hold.
FAST = {"reassoc", "contract", "nsz", "arcp", "afn"}
jit = numba.njit(nogil=True, cache=True, error_model="numpy")
fast_jit = numba.njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")


@jit
def split_rows(points, leaf_rows):
    """Halve the longest side of a box until few rows or identical ones are left in it."""
    n_rows, n_features = points.shape
    # Every split leaves a row on both sides.
    begin = np.empty(2 * n_rows, dtype=np.int64)
    end = np.empty(2 * n_rows, dtype=np.int64)
    left = np.empty(2 * n_rows, dtype=np.int64)
    low = np.empty((2 * n_rows, n_features))
    high = np.empty((2 * n_rows, n_features))
    order = np.arange(n_rows)
    begin[0] = 0
    end[0] = n_rows
    n_nodes = 1
    node = 0
    while node < n_nodes:
        longest = 0
        for feature in range(n_features):
            smallest = largest = points[order[begin[node]], feature]
            for position in range(begin[node] + 1, end[node]):
                value = points[order[position], feature]
                smallest = min(smallest, value)
                largest = max(largest, value)
            low[node, feature] = smallest
            high[node, feature] = largest
            if largest - smallest > high[node, longest] - low[node, longest]:
                longest = feature
        left[node] = -1
        middle = low[node, longest] + (high[node, longest] - low[node, longest]) / 2
        if end[node] - begin[node] > leaf_rows and middle > low[node, longest]:
            first = begin[node]
            last = end[node] - 1
            while first <= last:
                if points[order[first], longest] < middle:
                    first += 1
                else:
                    order[first], order[last] = order[last], order[first]
                    last -= 1
            left[node] = n_nodes
            begin[n_nodes] = begin[node]
            end[n_nodes] = begin[n_nodes + 1] = first
            end[n_nodes + 1] = end[node]
            n_nodes += 2
        node += 1
    return (
        order,
        begin[:n_nodes].copy(),
        end[:n_nodes].copy(),
        left[:n_nodes].copy(),
        low[:n_nodes].copy(),
        high[:n_nodes].copy(),
    )


@jit
def _longest_side(low, high):
    longest = 0.0
    for feature in range(low.shape[0]):
        longest = max(longest, high[feature] - low[feature])
    return longest


@jit
def interpolation_orders(low, high):
    """Count the points that interpolation needs on each side of each box.

    The distance to a point outside is analytic up to where the squares add to 0. On a side of
    length s, scaled to [-1, 1], and at a gap g that is nearest for a point that faces its middle:
    the terms fall like those of the ellipse through 2 g i / s (Trefethen 2019, "Approximation
    Theory and Approximation Practice", chapter 8).
    """
    orders = np.ones(low.shape, dtype=np.int64)
    sizes = np.ones(low.shape[0])
    for node in range(low.shape[0]):
        gap = FAR * _longest_side(low[node], high[node])
        for feature in range(low.shape[1]):
            side = high[node, feature] - low[node, feature]
            if side > 0 and side < SMALLEST_SIDE * max(
                abs(low[node, feature]), abs(high[node, feature])
            ):
                sizes[node] = np.inf
            elif side > 0:
                nearest = 2 * gap / side
                decay = nearest + math.sqrt(nearest * nearest + 1)
                terms = math.ceil(-math.log(TOLERANCE) / math.log(decay))
                orders[node, feature] = min(max(terms, 1) + 1, MAXIMUM_ORDER)
            sizes[node] *= orders[node, feature]
        if sizes[node] > MAXIMUM_GRID:
            sizes[node] = np.inf
    return orders, sizes


@jit
def pairs_of_nodes(nodes, maximum_evaluations):
    """Cover all pairs of rows by pairs of nodes, each in the way that measures least.

    Gives up at more than ``maximum_evaluations``.
    """
    # A list needs a first item to have a type.
    targets, sources, kinds = [0], [0], [0]
    waiting = [(0, 0)]
    evaluations = 0.0
    while len(waiting) > 0 and evaluations <= maximum_evaluations:
        target, source = waiting.pop()
        rows_of_target = float(nodes.end[target] - nodes.begin[target])
        rows_of_source = float(nodes.end[source] - nodes.begin[source])
        side_of_target = _longest_side(nodes.low[target], nodes.high[target])
        side_of_source = _longest_side(nodes.low[source], nodes.high[source])
        squared_gap = 0.0
        for feature in range(nodes.low.shape[1]):
            gap = max(
                nodes.low[target, feature] - nodes.high[source, feature],
                nodes.low[source, feature] - nodes.high[target, feature],
                0.0,
            )
            squared_gap += gap * gap
        far = FAR * max(side_of_target, side_of_source)
        is_leaf_target = nodes.left[target] < 0
        is_leaf_source = nodes.left[source] < 0
        kind = ROWS_TO_ROWS
        cost = rows_of_target * rows_of_source
        if squared_gap >= far * far:
            if nodes.sizes[target] * nodes.sizes[source] < cost:
                kind = GRID_TO_GRID
                cost = nodes.sizes[target] * nodes.sizes[source]
            if rows_of_target * nodes.sizes[source] < cost:
                kind = GRID_TO_ROWS
                cost = rows_of_target * nodes.sizes[source]
            if nodes.sizes[target] * rows_of_source < cost:
                kind = ROWS_TO_GRID
                cost = nodes.sizes[target] * rows_of_source
        # Rows are kept by leaves.
        must_split_target = not is_leaf_target and kind in (ROWS_TO_ROWS, GRID_TO_ROWS)
        must_split_source = not is_leaf_source and kind in (ROWS_TO_ROWS, ROWS_TO_GRID)
        if must_split_target and must_split_source:
            must_split_target = side_of_target >= side_of_source
        if must_split_target:
            waiting.append((nodes.left[target] + 1, source))
            waiting.append((nodes.left[target], source))
        elif must_split_source:
            waiting.append((target, nodes.left[source] + 1))
            waiting.append((target, nodes.left[source]))
        else:
            targets.append(target)
            sources.append(source)
            kinds.append(kind)
            evaluations += cost
    return np.array(targets)[1:], np.array(sources)[1:], np.array(kinds)[1:], evaluations


@jit
def _chebyshev_points(low, high, order, points):
    """Place the points of the second kind on a side; one point stands for a side of no length."""
    middle = low + (high - low) / 2
    points[0] = middle
    for k in range(order if order > 1 else 0):
        points[k] = middle + (high - low) / 2 * math.cos(math.pi * k / (order - 1))


@jit
def _lagrange(points, order, x, values):
    """Evaluate the polynomials that are 1 at one of the points and 0 at the others.

    Source: Berrut and Trefethen (2004), "Barycentric Lagrange interpolation", SIAM Rev. 46,
    equation 4.2 with the weights 5.4.
    """
    values[0] = 1.0
    if order == 1:
        return
    total = 0.0
    for k in range(order):
        if x == points[k]:
            values[:order] = 0.0
            values[k] = 1.0
            return
        weight = 1.0 - 2.0 * (k % 2)
        if k in (0, order - 1):
            weight /= 2
        values[k] = weight / (x - points[k])
        total += values[k]
    for k in range(order):
        values[k] /= total


@jit
def _axes_of(nodes, node, axes):
    for feature in range(nodes.low.shape[1]):
        _chebyshev_points(
            nodes.low[node, feature],
            nodes.high[node, feature],
            nodes.orders[node, feature],
            axes[feature],
        )


@jit
def fill_grids(nodes, begin, end, points):
    n_features = nodes.low.shape[1]
    axes = np.empty((n_features, MAXIMUM_ORDER))
    for node in range(begin.shape[0]):
        if begin[node] >= 0:
            _axes_of(nodes, node, axes)
            for position in range(begin[node], end[node]):
                rest = position - begin[node]
                for feature in range(n_features - 1, -1, -1):
                    points[feature, position] = axes[feature, rest % nodes.orders[node, feature]]
                    rest //= nodes.orders[node, feature]


@jit
def _products(values, orders, products):
    """Multiply one value of each feature, in the order of the grid, and return how many there are."""
    size = 1
    products[0] = 1.0
    for feature in range(orders.shape[0]):
        order = orders[feature]
        if order > 1:
            for position in range(size - 1, -1, -1):
                factor = products[position]
                for k in range(order):
                    products[position * order + k] = factor * values[feature, k]
            size *= order
    return size


@jit
def _grid_values(nodes, node, axes, columns, position, values, products):
    """Evaluate the interpolation polynomials of a node's grid at a row or point."""
    for feature in range(nodes.low.shape[1]):
        _lagrange(
            axes[feature], nodes.orders[node, feature], columns[feature, position], values[feature]
        )
    return _products(values, nodes.orders[node], products)


@fast_jit
def _add_multiple(target, factor, values):
    for k in range(values.shape[0]):
        target[k] += factor * values[k]


@fast_jit
def _dot(first, second):
    total = 0.0
    for k in range(first.shape[0]):
        total += first[k] * second[k]
    return total


@fast_jit
def _sum(values):
    total = 0.0
    for k in range(values.shape[0]):
        total += values[k]
    return total


# As in _pairs.py: a compiled function that is cached does not notice a change in another module.
@fast_jit
def _four_squares(first, second, third, fourth, x1, x2, x3, x4, squared):
    for j in range(squared.shape[0]):
        d1 = first[j] - x1
        d2 = second[j] - x2
        d3 = third[j] - x3
        d4 = fourth[j] - x4
        squared[j] += d1 * d1 + d2 * d2 + d3 * d3 + d4 * d4


@fast_jit
def _four_distances(first, second, third, fourth, x1, x2, x3, x4, distances):
    for j in range(distances.shape[0]):
        d1 = first[j] - x1
        d2 = second[j] - x2
        d3 = third[j] - x3
        d4 = fourth[j] - x4
        distances[j] = np.sqrt(d1 * d1 + d2 * d2 + d3 * d3 + d4 * d4)


@jit
def _distances(columns, begin, end, of, position, distances):
    """Measure from one point of ``of`` to some of ``columns``."""
    found = distances[: end - begin]
    if columns.shape[0] == 4:
        _four_distances(
            columns[0, begin:end],
            columns[1, begin:end],
            columns[2, begin:end],
            columns[3, begin:end],
            of[0, position],
            of[1, position],
            of[2, position],
            of[3, position],
            found,
        )
    else:
        found[:] = 0.0
        for feature in range(0, columns.shape[0], 4):
            _four_squares(
                columns[feature, begin:end],
                columns[feature + 1, begin:end],
                columns[feature + 2, begin:end],
                columns[feature + 3, begin:end],
                of[feature, position],
                of[feature + 1, position],
                of[feature + 2, position],
                of[feature + 3, position],
                found,
            )
        for j in range(found.shape[0]):
            found[j] = math.sqrt(found[j])
    return found


@jit
def charge_grids(part, nodes, grids, rows, charges):
    """Charge the grid of each node with what the grids or rows right below it hold."""
    n_features = nodes.low.shape[1]
    axes = np.empty((n_features, MAXIMUM_ORDER))
    values = np.empty((n_features, MAXIMUM_ORDER))
    products = np.empty(MAXIMUM_GRID)
    for node in part:
        _axes_of(nodes, node, axes)
        place = grids.begin[node]
        is_leaf = nodes.left[node] < 0
        first = node if is_leaf else nodes.left[node]
        for below in range(first, first + (1 if is_leaf else 2)):
            if is_leaf or grids.begin[below] < 0:
                for row in range(nodes.begin[below], nodes.end[below]):
                    size = _grid_values(nodes, node, axes, rows.columns, row, values, products)
                    charge = charges[rows.codes[row], place : place + size]
                    _add_multiple(charge, 1.0, products[:size])
                continue
            for point in range(grids.begin[below], grids.end[below]):
                size = _grid_values(nodes, node, axes, grids.points, point, values, products)
                for cluster in range(charges.shape[0]):
                    if rows.is_present[below, cluster]:
                        charge = charges[cluster, place : place + size]
                        _add_multiple(charge, charges[cluster, point], products[:size])


@jit
def _longest_list(nodes):
    """Count the most rows of a leaf or points of a grid."""
    longest = MAXIMUM_GRID
    for node in range(nodes.left.shape[0]):
        if nodes.left[node] < 0:
            longest = max(longest, nodes.end[node] - nodes.begin[node])
    return longest


@jit
def see_from_grids(part, nodes, grids, pairs, rows, charges, seen):
    """Add, at the points of each node's grid, the distances to what the node sees."""
    distances = np.empty(_longest_list(nodes))
    for node in part:
        for pair in range(pairs.starts[node], pairs.starts[node + 1]):
            source = pairs.sources[pair]
            if pairs.kinds[pair] == GRID_TO_GRID:
                begin, end = grids.begin[source], grids.end[source]
                for point in range(grids.begin[node], grids.end[node]):
                    found = _distances(grids.points, begin, end, grids.points, point, distances)
                    for cluster in range(seen.shape[0]):
                        if rows.is_present[source, cluster]:
                            seen[cluster, point] += _dot(found, charges[cluster, begin:end])
            elif pairs.kinds[pair] == ROWS_TO_GRID:
                begin, end = nodes.begin[source], nodes.end[source]
                for point in range(grids.begin[node], grids.end[node]):
                    found = _distances(rows.columns, begin, end, grids.points, point, distances)
                    for cluster in range(seen.shape[0]):
                        first, last = rows.runs[source, cluster], rows.runs[source, cluster + 1]
                        seen[cluster, point] += _sum(found[first - begin : last - begin])


@jit
def _nearest_grid(nodes, grids, node):
    while node >= 0 and grids.begin[node] < 0:
        node = nodes.parent[node]
    return node


@jit
def hand_down(part, nodes, grids, seen):
    """Add to each node's grid what the nearest grid above it has seen."""
    n_features = nodes.low.shape[1]
    axes = np.empty((n_features, MAXIMUM_ORDER))
    values = np.empty((n_features, MAXIMUM_ORDER))
    products = np.empty(MAXIMUM_GRID)
    for node in part:
        above = _nearest_grid(nodes, grids, nodes.parent[node])
        if above >= 0:
            _axes_of(nodes, above, axes)
            begin, end = grids.begin[above], grids.end[above]
            for point in range(grids.begin[node], grids.end[node]):
                size = _grid_values(nodes, above, axes, grids.points, point, values, products)
                for cluster in range(seen.shape[0]):
                    seen[cluster, point] += _dot(products[:size], seen[cluster, begin:end])


@jit
def see_from_rows(part, nodes, grids, pairs, rows, charges, seen, sums):
    """Add, at the rows of each leaf, what its grid has seen and what the leaf sees itself."""
    n_features = nodes.low.shape[1]
    axes = np.empty((n_features, MAXIMUM_ORDER))
    values = np.empty((n_features, MAXIMUM_ORDER))
    products = np.empty(MAXIMUM_GRID)
    distances = np.empty(_longest_list(nodes))
    for node in part:
        above = _nearest_grid(nodes, grids, node)
        if above >= 0:
            _axes_of(nodes, above, axes)
            begin, end = grids.begin[above], grids.end[above]
            for row in range(nodes.begin[node], nodes.end[node]):
                size = _grid_values(nodes, above, axes, rows.columns, row, values, products)
                for cluster in range(sums.shape[0]):
                    sums[cluster, row] += _dot(products[:size], seen[cluster, begin:end])
        for pair in range(pairs.starts[node], pairs.starts[node + 1]):
            source = pairs.sources[pair]
            if pairs.kinds[pair] == GRID_TO_ROWS:
                begin, end = grids.begin[source], grids.end[source]
                for row in range(nodes.begin[node], nodes.end[node]):
                    found = _distances(grids.points, begin, end, rows.columns, row, distances)
                    for cluster in range(sums.shape[0]):
                        if rows.is_present[source, cluster]:
                            sums[cluster, row] += _dot(found, charges[cluster, begin:end])
            elif pairs.kinds[pair] == ROWS_TO_ROWS:
                begin, end = nodes.begin[source], nodes.end[source]
                for row in range(nodes.begin[node], nodes.end[node]):
                    found = _distances(rows.columns, begin, end, rows.columns, row, distances)
                    for cluster in range(sums.shape[0]):
                        first, last = rows.runs[source, cluster], rows.runs[source, cluster + 1]
                        sums[cluster, row] += _sum(found[first - begin : last - begin])
