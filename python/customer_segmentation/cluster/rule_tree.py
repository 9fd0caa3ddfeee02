"""Clusters as plain rules: a small tree of limits on single features, with what it gets right."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

# A border moves by no larger part of itself, however few rows lie between.
LARGEST_ROUNDING = 0.02


@dataclasses.dataclass(frozen=True)
class Leaf:
    """The end of a path: all rows that come here are said to be of one cluster."""

    cluster: int


@dataclasses.dataclass(frozen=True)
class Split:
    """A question: whether a feature is below a border.

    Attributes
    ----------
    feature : int
        Column of the matrix.
    border : float
        In original units.
    below, above : Leaf or Split
        What follows for rows below the border, and for those at it or above.
    """

    feature: int
    border: float
    below: Tree
    above: Tree


Tree = Leaf | Split


@dataclasses.dataclass(frozen=True)
class ClusterRule:
    """A path through a tree, as limits.

    Attributes
    ----------
    cluster : int
    minimum, below : mapping of int to float
        By column: at least, and less than. A column without a limit may be anything.
    """

    cluster: int
    minimum: Mapping[int, float]
    below: Mapping[int, float]

    def holds(self, X: np.ndarray) -> np.ndarray:
        """Say for each row of an array of shape (n_rows, n_features) whether it is within the limits."""
        found = np.ones(len(X), dtype=bool)
        for column, value in self.minimum.items():
            found &= X[:, column] >= value
        for column, value in self.below.items():
            found &= X[:, column] < value
        return found


def explain_clusters(
    X: np.ndarray,
    labels: np.ndarray,
    centroids: np.ndarray,
    *,
    fidelity: float,
    maximum_rules: int,
    rounding_loss: float,
) -> Tree:
    """Describe a partition by the smallest tree that reproduces a share of it.

    The tree begins with one leaf for each cluster: the border that parts the fewest rows from
    their centroid, then the same below and above it. While it reproduces too few labels, the leaf
    whose split mends most of them is split. Last, borders become the roundest numbers that lose
    next to nothing.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        In original units, without missing values.
    labels : array of shape (n_rows,), integers
        Row of ``centroids`` that each row belongs to.
    centroids : array of shape (n_clusters, n_features)
        In the units of ``X``; no two alike.
    fidelity : float
        Share of the labels to reproduce, 0 to 1.
    maximum_rules : int
        Leaves at most; the tree has never fewer than clusters.
    rounding_loss : float
        Share of the labels that rounding all borders may cost, 0 to 1.

    Returns
    -------
    Leaf or Split

    Raises
    ------
    ValueError
        If a number is not finite, a label has no centroid, there are no rows, or two centroids are
        the same.

    Notes
    -----
    Source: iterative mistake minimisation of Dasgupta, Frost, Moshkovitz and Rashtchian (2020,
    "Explainable k-means and k-medians clustering", ICML); further leaves as in Frost, Moshkovitz
    and Rashtchian (2020, "ExKMC"), by labels in place of distances.
    """
    X = np.asarray(X, dtype=np.float64)
    centroids = np.asarray(centroids, dtype=np.float64)
    labels = np.asarray(labels)
    if not len(X) or not np.isfinite(X).all() or not np.isfinite(centroids).all():
        raise ValueError("Rules need rows, and finite numbers in them and in the centroids.")
    if labels.min() < 0 or labels.max() >= len(centroids):
        raise ValueError("A label has no centroid.")
    if len(np.unique(centroids, axis=0)) < len(centroids):
        raise ValueError("Two centroids are the same: no border lies between them.")
    tree = _one_leaf_each(X, labels, centroids, np.arange(len(centroids)))
    while (
        np.mean(tree_labels(tree, X) == labels) < fidelity
        and len(tree_rules(tree)) < maximum_rules
        and (grown := _with_one_leaf_more(tree, X, labels)) is not None
    ):
        tree = grown
    tree = _without_useless_splits(tree)
    return _rounded(tree, X, labels, budget=math.floor(rounding_loss * len(X)))


def tree_labels(tree: Tree, X: np.ndarray) -> np.ndarray:
    """Return the cluster that a tree gives each row, of shape (n_rows,)."""
    found = np.empty(len(X), dtype=np.int64)
    for rule in tree_rules(tree):
        found[rule.holds(X)] = rule.cluster
    return found


def tree_rules(tree: Tree) -> list[ClusterRule]:
    """Return the paths of a tree in the order in which a person would try them, the shortest side first."""
    return _paths(tree, {}, {})


def _paths(
    tree: Tree, minimum: Mapping[int, float], below: Mapping[int, float]
) -> list[ClusterRule]:
    if isinstance(tree, Leaf):
        return [ClusterRule(tree.cluster, dict(minimum), dict(below))]
    feature, border = tree.feature, tree.border
    under = _paths(
        tree.below, minimum, {**below, feature: min(border, below.get(feature, math.inf))}
    )
    over = _paths(
        tree.above, {**minimum, feature: max(border, minimum.get(feature, -math.inf))}, below
    )
    return over + under if len(over) < len(under) else under + over


def _one_leaf_each(
    X: np.ndarray, labels: np.ndarray, centroids: np.ndarray, members: np.ndarray
) -> Tree:
    """Part the centroids of ``members`` until each is alone. Rows are those still with their centroid."""
    if len(members) == 1:
        return Leaf(int(members[0]))
    at = centroids[members]
    best: tuple[int, int, float] | None = None
    for feature in range(X.shape[1]):
        lowest, highest = at[:, feature].min(), at[:, feature].max()
        borders, before = _counts_before(X[:, feature], labels, members)
        # A border may lie anywhere between centroids: their own values stand for gaps without rows.
        extra = np.setdiff1d(at[:, feature], borders)
        places = np.searchsorted(borders, extra)
        before = np.insert(
            before, places, before[:, np.minimum(places, before.shape[1] - 1)], axis=1
        )
        borders = np.insert(borders, places, extra)
        is_between = (borders > lowest) & (borders <= highest)
        if not is_between.any():
            continue
        borders, before = borders[is_between], before[:, is_between]
        sizes = np.array([np.count_nonzero(labels == member) for member in members])[:, None]
        is_below = at[:, feature][:, None] < borders
        mistakes = np.where(is_below, sizes - before, before).sum(axis=0)
        place = int(mistakes.argmin())
        if best is None or mistakes[place] < best[0]:
            best = int(mistakes[place]), feature, float(borders[place])
    if best is None:
        raise ValueError("Two centroids are the same: no border lies between them.")
    _, feature, border = best
    is_under, is_row_under = at[:, feature] < border, X[:, feature] < border
    border = _within_its_gap(border, X[:, feature], at[:, feature])
    sides = []
    for is_side, is_row_side in ((is_under, is_row_under), (~is_under, ~is_row_under)):
        stays = is_row_side & np.isin(labels, members[is_side])
        sides.append(_one_leaf_each(X[stays], labels[stays], centroids, members[is_side]))
    return Split(feature, border, sides[0], sides[1])


def _within_its_gap(border: float, values: np.ndarray, centroids: np.ndarray) -> float:
    """Move a border to halfway between the centroids beside it, as far as no row changes sides.

    Any border in a gap of the rows reproduces the same labels; those of later rows, which may lie
    in the gap, are best reproduced where the model itself cuts.
    """
    under, over = values[values < border], values[values >= border]
    # At the lowest row above the gap the border is at its upper end; just above the highest below at its lower.
    lowest = np.nextafter(under.max(), np.inf) if len(under) else -np.inf
    highest = over.min() if len(over) else np.inf
    halfway = (centroids[centroids < border].max() + centroids[centroids >= border].min()) / 2
    moved = float(np.clip(halfway, lowest, highest))
    is_whole = (values == np.floor(values)).all()
    return float(min(np.ceil(moved), highest)) if is_whole else moved


def _counts_before(
    values: np.ndarray, labels: np.ndarray, clusters: Sequence[int] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct values and, for each cluster, its rows below each: (n_clusters, n_values).

    A last column, for a border above all values, stands at infinity.
    """
    distinct, codes = np.unique(values, return_inverse=True)
    counts = np.array(
        [
            np.concatenate(
                [[0], np.bincount(codes[labels == one], minlength=len(distinct)).cumsum()]
            )
            for one in clusters
        ]
    ).reshape(len(clusters), len(distinct) + 1)
    return np.append(distinct, np.inf), counts


def _with_one_leaf_more(tree: Tree, X: np.ndarray, labels: np.ndarray) -> Tree | None:
    """Split the leaf whose split mends most labels, or else parts the clusters best; None for a pure tree.

    A corner of a leaf takes two borders: the first of them mends nothing, so that the one that
    lowers the Gini impurity most is taken (Breiman et al. 1984, "Classification and Regression
    Trees").
    """
    clusters = np.unique(labels)
    best: tuple[tuple[float, float], ClusterRule, Split] | None = None
    for rule in tree_rules(tree):
        here = rule.holds(X)
        rows, row_labels = X[here], labels[here]
        right = int(np.count_nonzero(row_labels == rule.cluster))
        if right == len(rows):
            continue
        sizes = np.array([np.count_nonzero(row_labels == one) for one in clusters])
        for feature in range(X.shape[1]):
            values, before = _counts_before(rows[:, feature], row_labels, clusters)
            if len(values) < 3:
                continue
            # No border below all rows or above them: one side would be empty.
            below = before[:, 1:-1]
            above = sizes[:, None] - below
            mended = np.maximum(below.max(axis=0) + above.max(axis=0) - right, 0)
            purity = sum((side**2).sum(axis=0) / side.sum(axis=0) for side in (below, above))
            gained = purity - (sizes**2).sum() / len(rows)
            place = int(np.lexsort((-gained, -mended))[0])
            gain = float(mended[place]), float(gained[place])
            if gain[1] > 1e-9 and (best is None or gain > best[0]):
                border = (values[place] + values[place + 1]) / 2
                if (values[:-1] == np.floor(values[:-1])).all():
                    border = np.ceil(border)
                split = Split(
                    feature,
                    float(border),
                    Leaf(int(clusters[below[:, place].argmax()])),
                    Leaf(int(clusters[above[:, place].argmax()])),
                )
                best = gain, rule, split
    if best is None:
        return None
    return _replaced(tree, best[1], best[2], {}, {})


def _without_useless_splits(tree: Tree) -> Tree:
    """Join leaves that lie side by side and say the same."""
    if isinstance(tree, Leaf):
        return tree
    below, above = _without_useless_splits(tree.below), _without_useless_splits(tree.above)
    if isinstance(below, Leaf) and below == above:
        return below
    return dataclasses.replace(tree, below=below, above=above)


def _replaced(
    tree: Tree,
    rule: ClusterRule,
    by: Tree,
    minimum: Mapping[int, float],
    below: Mapping[int, float],
) -> Tree:
    """Put a tree in the place of the leaf that a rule leads to."""
    if isinstance(tree, Leaf):
        return by if (rule.minimum, rule.below) == (minimum, below) else tree
    limit = {tree.feature: tree.border}
    return dataclasses.replace(
        tree,
        below=_replaced(tree.below, rule, by, minimum, {**below, **limit}),
        above=_replaced(tree.above, rule, by, {**minimum, **limit}, below),
    )


def _rounded(tree: Tree, X: np.ndarray, labels: np.ndarray, *, budget: int) -> Tree:
    """Give every border the roundest value; all together may cost as many labels as the budget says."""
    is_whole = [bool((column == np.floor(column)).all()) for column in X.T]
    borders = _splits(tree)
    right = np.count_nonzero(tree_labels(tree, X) == labels)
    for number in range(len(borders)):
        allowed = budget * (number + 1) // len(borders)
        split = _splits(tree)[number]
        for value in _round_values(split.border, is_whole=is_whole[split.feature]):
            if abs(value - split.border) > LARGEST_ROUNDING * abs(split.border):
                continue
            tried = _with_border(tree, number, value)
            is_nested = all(
                rule.minimum[column] < rule.below[column]
                for rule in tree_rules(tried)
                for column in rule.minimum.keys() & rule.below.keys()
            )
            if not is_nested:
                # It would pass a border beneath it, and leave a rule that nothing can satisfy.
                continue
            if np.count_nonzero(tree_labels(tried, X) == labels) >= right - allowed:
                tree = tried
                break
    return tree


def _round_values(border: float, *, is_whole: bool) -> list[float]:
    """Return values near a border, the roundest first.

    Of whole numbers a person names the last below the border ("at most 300 days"), so that one is
    made round.
    """
    spoken = math.ceil(border) - 1 if is_whole else border
    if spoken == 0:
        return [border]
    largest = math.floor(math.log10(abs(spoken)))
    steps = [
        digit * 10.0**power
        for power in range(largest, 0 if is_whole else largest - 4, -1)
        for digit in (5, 2, 1)
    ]
    smallest = [1.0] if is_whole else []
    found = [
        float(f"{round(spoken / step) * step:.12g}")
        for step in [*steps, *smallest]
        if step <= abs(spoken)
    ]
    return [value + 1 if is_whole else value for value in found]


def _splits(tree: Tree) -> list[Split]:
    """Return the inner nodes, from the top."""
    if isinstance(tree, Leaf):
        return []
    return [tree, *_splits(tree.below), *_splits(tree.above)]


def _with_border(tree: Tree, number: int, border: float) -> Tree:
    """Return the tree with another border at an inner node, counted from the top."""
    if isinstance(tree, Leaf):
        return tree
    if number == 0:
        return dataclasses.replace(tree, border=border)
    n_below = len(_splits(tree.below))
    if number <= n_below:
        return dataclasses.replace(tree, below=_with_border(tree.below, number - 1, border))
    return dataclasses.replace(tree, above=_with_border(tree.above, number - 1 - n_below, border))
