"""Rules of clusters: against a search of every border, scikit-learn's tree, and by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from customer_segmentation.cluster import (
    Leaf,
    Split,
    explain_clusters,
    nearest_centroid,
    tree_labels,
    tree_rules,
)

EXACT = {"fidelity": 0.0, "maximum_rules": 99, "rounding_loss": 0.0}


def blobs(seed: int, *, n_clusters: int = 3, n_features: int = 2) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    centroids = rng.uniform(0, 100, (n_clusters, n_features)).round(1)
    X = (
        centroids[rng.integers(n_clusters, size=300)] + rng.normal(0, 15, (300, n_features))
    ).round()
    return X, nearest_centroid(X, centroids)[0], centroids


def fewest_mistakes(X: np.ndarray, labels: np.ndarray, centroids: np.ndarray) -> int:
    """Try every border that parts the centroids."""
    counts = []
    for feature in range(X.shape[1]):
        for border in np.union1d(X[:, feature], centroids[:, feature]):
            side = centroids[:, feature] < border
            if side.any() and not side.all():
                counts.append(np.count_nonzero((X[:, feature] < border) != side[labels]))
    return min(counts)


@pytest.mark.parametrize("seed", range(8))
def test_the_first_border_parts_the_fewest_rows_from_their_centroid(seed: int) -> None:
    X, labels, centroids = blobs(seed)
    tree = explain_clusters(X, labels, centroids, **EXACT)
    assert isinstance(tree, Split)
    side = centroids[:, tree.feature] < tree.border
    mistakes = np.count_nonzero((X[:, tree.feature] < tree.border) != side[labels])
    assert mistakes == fewest_mistakes(X, labels, centroids)
    assert sorted(rule.cluster for rule in tree_rules(tree)) == [0, 1, 2]


@pytest.mark.parametrize("seed", range(4))
def test_two_clusters_on_a_line_are_cut_where_scikit_learn_cuts_them(seed: int) -> None:
    X, labels, centroids = blobs(seed, n_clusters=2, n_features=1)
    tree = explain_clusters(X, labels, centroids, **EXACT)
    theirs = DecisionTreeClassifier(max_leaf_nodes=2).fit(X, labels)
    assert (tree_labels(tree, X) == theirs.predict(X)).all()
    assert (tree_labels(tree, X) == labels).all()


@pytest.mark.parametrize("seed", range(8))
def test_every_row_satisfies_one_rule(seed: int) -> None:
    X, labels, centroids = blobs(seed, n_clusters=5, n_features=3)
    tree = explain_clusters(
        X, labels, centroids, fidelity=1.0, maximum_rules=12, rounding_loss=0.02
    )
    rules = tree_rules(tree)
    assert len(rules) <= 12
    anywhere = np.random.default_rng(seed).uniform(-200, 300, (1000, 3))
    for rows in (X, anywhere):
        assert (sum(rule.holds(rows).astype(int) for rule in rules) == 1).all()
    for rule in rules:
        assert (tree_labels(tree, X)[rule.holds(X)] == rule.cluster).all()


@pytest.mark.parametrize("seed", range(4))
def test_more_rules_reproduce_more_labels_and_rounding_costs_no_more_than_allowed(
    seed: int,
) -> None:
    X, labels, centroids = blobs(seed, n_clusters=5)

    def fidelity(maximum_rules: int, rounding_loss: float = 0.0) -> float:
        tree = explain_clusters(
            X, labels, centroids,
            fidelity=1.0, maximum_rules=maximum_rules, rounding_loss=rounding_loss,
        )  # fmt: skip
        return float(np.mean(tree_labels(tree, X) == labels))

    found = [fidelity(rules) for rules in (5, 7, 9, 15)]
    assert found == sorted(found)
    assert found[-1] > found[0]
    assert fidelity(9, 0.03) >= found[2] - 0.03


def test_a_corner_is_found_that_takes_two_borders() -> None:
    rng = np.random.default_rng(0)
    X = rng.integers(0, 100, (4_000, 2)).astype(float)
    labels = (X[:, 0] >= 50).astype(int)
    # In the lower half, but of the other cluster; no single border mends any label.
    corner = (X[:, 0] < 50) & (X[:, 0] >= 30) & (X[:, 1] >= 80)
    labels[corner] = 1
    tree = explain_clusters(
        X,
        labels,
        np.array([[24.0, 45.0], [74.0, 50.0]]),
        fidelity=1.0,
        maximum_rules=5,
        rounding_loss=0.0,
    )
    assert (tree_labels(tree, X) == labels).all()
    assert len(tree_rules(tree)) == 4


def test_splits_that_help_nobody_are_taken_back() -> None:
    X = np.array(list(itertools.product(range(10), range(10), range(4))), dtype=float)[:, :2]
    labels = (X[:, 0] >= 5).astype(int)
    # One of four alike: whatever the limits, its cell is of the other three.
    labels[::37] = 1
    centroids = np.array([[2.0, 4.5], [7.0, 4.5]])
    two = explain_clusters(X, labels, centroids, **EXACT)
    nine = {"fidelity": 1.0, "maximum_rules": 9, "rounding_loss": 0.0}
    assert explain_clusters(X, labels, centroids, **nine) == two


def test_enough_is_enough() -> None:
    X, labels, centroids = blobs(1, n_clusters=5)
    four = explain_clusters(X, labels, centroids, **EXACT)
    reached = float(np.mean(tree_labels(four, X) == labels))
    asked = {"maximum_rules": 99, "rounding_loss": 0.0}
    assert explain_clusters(X, labels, centroids, fidelity=reached, **asked) == four
    more = explain_clusters(X, labels, centroids, fidelity=reached + 0.01, **asked)
    assert len(tree_rules(more)) > len(tree_rules(four))


def test_three_ifs_by_hand() -> None:
    # Orders, money, days: who ordered twice, who spent much, and of the others the late and the early.
    days = np.arange(0, 600, 3.0)
    X = np.concatenate(
        [
            np.column_stack([np.full(200, orders), np.full(200, money), days])
            for orders, money in ((1.0, 100.0), (1.0, 1180.0), (2.0, 150.0))
        ]
    )
    labels = np.repeat([0, 2, 3], 200)
    labels[(labels == 0) & (X[:, 2] >= 309)] = 1
    centroids = np.array([[1, 100, 150], [1, 100, 450], [1, 1180, 300], [2, 150, 300]], dtype=float)
    tree = explain_clusters(
        X, labels, centroids, fidelity=1.0, maximum_rules=8, rounding_loss=0.0005
    )
    assert (tree_labels(tree, X) == labels).all()
    found = {rule.cluster: (rule.minimum, rule.below) for rule in tree_rules(tree)}
    orders, money, day = 0, 1, 2
    assert found[3] == ({orders: 2.0}, {})
    assert found[2][0].keys() == {money}
    # At most 306, 307 or 308 say the same of these rows.
    assert found[0][1][day] == pytest.approx(308, abs=1)
    assert found[1][0][day] == found[0][1][day]


def test_a_border_is_as_round_as_the_rows_allow() -> None:
    values = np.array([[1.0], [2.0], [148.2], [153.7], [250.0]])
    labels, centroids = np.array([0, 0, 0, 1, 1]), np.array([[50.4], [251.9]])
    tree = explain_clusters(values, labels, centroids, **EXACT)
    assert tree == Split(0, 150.0, Leaf(0), Leaf(1))


def test_a_border_in_a_gap_lies_where_the_model_cuts() -> None:
    values = np.concatenate([np.arange(0.0, 60), np.arange(300.0, 330)])[:, None]
    labels = np.repeat([0, 1], [60, 30])
    tree = explain_clusters(values, labels, np.array([[30.0], [315.0]]), **EXACT)
    # Halfway between the centroids is 172.5; a round number near it, and not the first in the gap.
    assert isinstance(tree, Split)
    assert tree.border == pytest.approx(172.5, rel=0.02)
    later = np.arange(0.0, 330)[:, None]
    assert np.mean(tree_labels(tree, later) == (later[:, 0] > 172.5)) > 0.985


def test_one_row_one_cluster_and_a_constant_column() -> None:
    assert explain_clusters(np.ones((1, 2)), np.array([0]), np.ones((1, 2)), **EXACT) == Leaf(0)
    X = np.column_stack([np.full(6, 7.0), [1, 2, 3, 11, 12, 13]])
    tree = explain_clusters(X, np.repeat([0, 1], 3), np.array([[7.0, 2.0], [7.0, 12.0]]), **EXACT)
    assert isinstance(tree, Split)
    assert tree.feature == 1
    assert (tree_labels(tree, X) == np.repeat([0, 1], 3)).all()
    # A cluster without rows has its rule all the same.
    tree = explain_clusters(
        X[:3], np.zeros(3, dtype=int), np.array([[7.0, 2.0], [7.0, 12.0]]), **EXACT
    )
    assert [rule.cluster for rule in tree_rules(tree)] == [0, 1]


@pytest.mark.parametrize(
    ("X", "labels", "centroids", "what"),
    [
        ([[np.nan]], [0], [[1.0]], "finite"),
        (np.empty((0, 1)), [], [[1.0]], "need rows"),
        ([[1.0]], [1], [[1.0]], "no centroid"),
        ([[1.0], [2.0]], [0, 1], [[1.0], [1.0]], "same"),
    ],
)  # fmt: skip
def test_what_has_no_rules_is_refused(X, labels, centroids, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        explain_clusters(np.array(X), np.array(labels), np.array(centroids), **EXACT)


def test_a_border_of_whole_numbers_may_pass_a_centroid() -> None:
    """Halfway between 1.2 and 1.8 orders is 2 for whole numbers, above both: each keeps its side."""
    X = np.array([[1.0], [1.0], [2.0], [2.0]])
    centroids = np.array([[1.2], [1.8]])
    tree = explain_clusters(X, np.array([0, 0, 1, 1]), centroids, **EXACT)
    assert tree == Split(0, 2.0, Leaf(0), Leaf(1))
