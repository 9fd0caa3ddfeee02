"""Distance sums by the tree against scipy's distances of all pairs."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn import metrics

from customer_segmentation.distance import _tree as distance_sums
from customer_segmentation.distance import silhouette
from customer_segmentation.distance._tree import DistanceTree
from customer_segmentation.distance.silhouette import (
    silhouette_estimate,
    silhouette_samples,
    silhouette_score,
    silhouette_scores,
)

# What cluster_sums promises, as a share of a sum: of clusters that are spread out, and of any.
PROMISED = 1e-8
AT_MOST = 5e-7


def customers(n_rows: int, seed: int = 0) -> np.ndarray:
    """Draw rows like scaled recency, frequency and spending: whole steps and a long tail."""
    generator = np.random.default_rng(seed)
    return np.column_stack(
        [
            generator.integers(0, 700, n_rows) / 150,
            5.0 * generator.binomial(3, 0.02, n_rows),
            generator.lognormal(0, 1, n_rows).round(2),
        ]
    )


def expected_sums(X: np.ndarray, labels: np.ndarray, n_clusters: int) -> np.ndarray:
    return np.stack(
        [
            cdist(X[labels == number], X).sum(axis=0) if (labels == number).any() else 0 * X[:, 0]
            for number in range(n_clusters)
        ]
    )


def data_of(shape: str) -> np.ndarray:
    generator = np.random.default_rng(3)
    if shape == "customers":
        return customers(4_000)
    if shape == "one feature":
        return generator.normal(size=(3_000, 1))
    if shape == "three features that vary":
        return generator.normal(size=(3_000, 3))
    if shape == "five features":
        return np.column_stack([customers(2_000), generator.integers(0, 2, (2_000, 2))])
    if shape == "eight features":
        return generator.normal(size=(800, 8))
    if shape == "a constant feature":
        return np.column_stack([np.full(3_000, 7.25), generator.normal(size=(3_000, 1))])
    if shape == "on a line":
        return generator.normal(size=(3_000, 1)) * [1.0, 2.0, -3.0]
    if shape == "many ties":
        return generator.integers(0, 4, (3_000, 2)).astype(float)
    if shape == "identical rows":
        return np.full((500, 3), 1 / 3)
    if shape == "far from zero":
        return customers(3_000) + 1e9
    if shape == "sizes of every order":
        return np.exp(generator.uniform(-200, 200, (2_000, 2)))
    if shape == "two heaps, one very fine":
        heap = generator.normal(size=(3_000, 2))
        return np.concatenate([heap[:1_500], 1e-20 * heap[1_500:], [[5.0, 5.0]]])
    if shape == "two rows":
        return np.array([[0.0, 3.0], [4.0, 0.0]])
    return np.array([[5.0, 2.0]])


SHAPES = (
    "customers",
    "one feature",
    "three features that vary",
    "five features",
    "eight features",
    "a constant feature",
    "on a line",
    "many ties",
    "identical rows",
    "far from zero",
    "sizes of every order",
    "two heaps, one very fine",
    "two rows",
    "one row",
)


@pytest.mark.parametrize("leaf_rows", [8, 128])
@pytest.mark.parametrize("shape", SHAPES)
def test_sums_are_those_of_all_pairs(monkeypatch, shape, leaf_rows):
    # With small leaves even little data is seen through grids on many levels.
    monkeypatch.setattr(distance_sums, "LEAF_ROWS", leaf_rows)
    X = data_of(shape)
    labels = np.random.default_rng(1).integers(0, 4, len(X))
    labels[labels == 2] = 0
    tree = DistanceTree.of(X)
    found = tree.cluster_sums(labels, n_clusters=4)
    # scipy measures with the same differences, so rows that are far from zero lose the same digits.
    np.testing.assert_allclose(found, expected_sums(X, labels, 4), rtol=PROMISED, atol=0)
    assert not found[2].any()
    assert sorted(tree.order) == list(range(len(X)))


def test_no_sum_is_further_off_than_promised_where_errors_cannot_cancel(monkeypatch):
    # A cluster in one spot that faces the middle of a long box, at the gap where the tree is coarsest.
    line = np.column_stack([np.linspace(-1, 1, 1_500), np.zeros(1_500)])
    spot = np.tile([0.0, 1.4001], (300, 1))
    X = np.concatenate([line, [[0.0, 2.75]], spot])
    labels = np.repeat([0, 1], [1_501, 300])
    found = DistanceTree.of(X).cluster_sums(labels, n_clusters=2)
    assert not found[1, labels == 1].any()
    apart = np.s_[1, labels == 0]
    error = np.abs(found[apart] / expected_sums(X, labels, 2)[apart] - 1)
    assert 1e-9 < error.max() < AT_MOST
    # Clusters of one row: each sum is one distance.
    monkeypatch.setattr(distance_sums, "LEAF_ROWS", 8)
    generator = np.random.default_rng(0)
    for X in (
        customers(3_000),
        generator.normal(size=(3_000, 2)),
        generator.normal(size=(3_000, 1)),
    ):
        labels = np.zeros(len(X), dtype=int)
        labels[:400] = np.arange(400)
        found = DistanceTree.of(X).cluster_sums(labels, n_clusters=400)
        np.testing.assert_allclose(found, expected_sums(X, labels, 400), rtol=AT_MOST, atol=0)


def test_distances_in_a_fine_heap_are_kept_beside_a_far_one():
    heap = np.random.default_rng(3).normal(size=(3_000, 2))
    X = np.concatenate([heap[:1_400], 1e-20 * heap[1_400:]])
    # The fine heap in halves, so that each is summed with the distances of the other.
    labels = np.where(np.arange(3_000) < 1_400, 0, 1 + (X[:, 0] > 0))
    found = DistanceTree.of(X).cluster_sums(labels, n_clusters=3)
    fine = labels > 0
    expected = expected_sums(1e20 * X[fine], labels[fine] - 1, 2)
    np.testing.assert_allclose(1e20 * found[1:, fine], expected, rtol=PROMISED, atol=0)


def test_a_hand_worked_case():
    tree = DistanceTree.of([[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]])
    np.testing.assert_array_equal(
        tree.cluster_sums([0, 1, 1], n_clusters=2), [[0.0, 5.0, 3.0], [8.0, 4.0, 4.0]]
    )


def test_each_pair_of_rows_is_covered_once(monkeypatch):
    monkeypatch.setattr(distance_sums, "LEAF_ROWS", 8)
    tree = DistanceTree.of(customers(4_000))
    nodes, pairs = tree.nodes, tree.pairs
    times = np.zeros((4_000, 4_000), dtype=np.int8)
    targets = np.repeat(np.arange(len(nodes.left)), np.diff(pairs.starts))
    for target, source in zip(targets, pairs.sources, strict=True):
        rows = slice(nodes.begin[target], nodes.end[target])
        times[rows, nodes.begin[source] : nodes.end[source]] += 1
    assert (times == 1).all()
    assert len(set(pairs.kinds)) == 4


def test_few_distances_are_measured_and_no_more_than_allowed():
    X = customers(20_000)
    tree = DistanceTree.of(X)
    assert tree.evaluations < len(X) ** 2 / 5
    assert DistanceTree.of(X, maximum_evaluations=tree.evaluations) is not None
    assert DistanceTree.of(X, maximum_evaluations=tree.evaluations / 2) is None


def test_sums_do_not_depend_on_the_threads():
    X = customers(6_000)
    labels = np.arange(len(X)) % 3
    tree = DistanceTree.of(X)
    one = tree.cluster_sums(labels, n_clusters=3, threads=1)
    for threads in (2, 5):
        several = DistanceTree.of(X).cluster_sums(labels, n_clusters=3, threads=threads)
        assert one.tobytes() == several.tobytes()


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2], [0, -1, 1], [[0, 1, 1]]])
def test_labels_that_do_not_fit_are_errors(labels):
    tree = DistanceTree.of([[0.0], [1.0], [5.0]])
    with pytest.raises(ValueError, match="3 numbers from 0 to 1"):
        tree.cluster_sums(labels, n_clusters=2)


@pytest.mark.parametrize(
    ("X", "message"),
    [([[0.0], [np.nan]], "NaN"), (np.empty((0, 2)), "row"), ([1.0, 2.0], "dimension")],
)
def test_data_without_distances_are_errors(X, message):
    with pytest.raises(ValueError, match=message):
        DistanceTree.of(X)


def test_silhouettes_by_the_tree_are_those_of_scikit_learn(monkeypatch):
    monkeypatch.setattr(silhouette, "TREE_COST", 1)
    X = customers(12_000)
    # A large cluster, a small one, one of identical rows and one of a single row.
    labels = np.digitize(X[:, 0], [2.0]) + 2 * (X[:, 2] > 12)
    X[:40] = X[0]
    labels[:40] = 4
    labels[40] = 5
    used = []
    sums = DistanceTree.cluster_sums
    monkeypatch.setattr(
        DistanceTree,
        "cluster_sums",
        lambda *args, **options: used.append(1) or sums(*args, **options),
    )
    samples = silhouette_samples(X, labels)
    assert used
    np.testing.assert_allclose(samples, metrics.silhouette_samples(X, labels), atol=1e-7)
    assert samples[40] == 0
    score = silhouette_score(X, labels)
    assert silhouette_scores(X, [labels])[0] == pytest.approx(score, abs=1e-15)
    assert len(used) == 3
    # So many clusters are left to the pair kernel, which needs no sum for every row and cluster.
    silhouette_samples(X[:6_000], np.arange(6_000) % 40)
    assert len(used) == 3


def test_an_estimate_is_exact_above_the_maximum_while_the_tree_is_quick():
    X = customers(40_000)
    labels = np.digitize(X[:, 0], [2.0])
    estimate = silhouette_estimate(X, labels, maximum_rows=39_000, seed=0)
    assert estimate.is_exact
    assert estimate.rows_scored == len(X)
    assert estimate.score == pytest.approx(
        silhouette_score(X, labels, precision="float32"), abs=1e-7
    )
    assert not silhouette_estimate(X, labels, maximum_rows=3_000, seed=0).is_exact
