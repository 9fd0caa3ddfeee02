import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from threadpoolctl import threadpool_limits

from customer_segmentation.cluster import _lloyd as lloyd
from customer_segmentation.cluster._points import near_order


def iterate(columns, weights, centroids, max_iter):
    boxes = lloyd._boxes(columns, weights)
    return lloyd._lloyd(columns, weights, boxes, centroids, max_iter)


def draw_starts(columns, weights, uniforms):
    return lloyd._plus_plus(columns, weights, lloyd._boxes(columns, weights), uniforms)


@pytest.fixture(scope="module")
def data():
    X, _ = make_blobs(n_samples=2_600, centers=4, n_features=3, cluster_std=3, random_state=5)
    return X, np.random.default_rng(0).integers(0, 4, size=len(X)).astype(float)


@pytest.mark.filterwarnings("ignore:.*did not converge")
@pytest.mark.parametrize("max_iter", [1, 2, 300])
def test_iterations_equal_scikit_learn_from_the_same_start(data, max_iter):
    X, weights = data
    start = X[:6].copy()
    theirs = KMeans(6, init=start, n_init=1, tol=0, max_iter=max_iter, algorithm="lloyd")
    theirs.fit(X, sample_weight=weights)
    ours = start.copy()
    inertia, iterations = iterate(np.ascontiguousarray(X.T), weights, ours, max_iter)
    assert 1 <= iterations <= max_iter
    np.testing.assert_allclose(ours, theirs.cluster_centers_, rtol=1e-10)
    if max_iter == 300:
        assert inertia == pytest.approx(theirs.inertia_, rel=1e-12)


def test_empty_cluster_moves_to_the_farthest_row():
    columns = np.array([[0.0, 1.0, 2.0, 50.0]])
    centroids = np.array([[0.0], [1_000.0]])
    iterate(columns, np.ones(4), centroids, 300)
    assert centroids.ravel().tolist() == [1, 50]


def test_empty_cluster_does_not_move_to_a_row_that_does_not_count():
    columns = np.array([[0.0, 1.0, 2.0, 50.0]])
    centroids = np.array([[0.0], [1_000.0]])
    iterate(columns, np.array([1.0, 1.0, 1.0, 0.0]), centroids, 300)
    assert sorted(centroids.ravel().tolist()) == [0.5, 2]


def test_starts_are_drawn_by_weight_and_squared_distance():
    # The second centroid is at 1 with probability 9 * 1 / (9 * 1 + 1 * 9) once the first is at 0.
    columns = np.array([[0.0, 1.0, 3.0]])
    weights = np.array([0.0, 9.0, 1.0])
    generator = np.random.default_rng(0)
    draws = np.array(
        [draw_starts(columns, weights, generator.random((1, 1)))[0, 0] for _ in range(4_000)]
    )
    assert 0 not in draws
    assert (draws == 1).mean() == pytest.approx(0.9, abs=0.02)
    second = []
    while len(second) < 2_000:
        uniforms = generator.random((2, 1))
        uniforms[0] = 0
        second.append(draw_starts(columns, np.array([1e-9, 9.0, 1.0]), uniforms)[1, 0])
    assert np.mean(np.array(second) == 1) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("n_features", [1, 3])
@pytest.mark.parametrize("n_clusters", [2, 5, 12])
def test_blocks_that_are_passed_over_change_no_start(n_features, n_clusters):
    generator = np.random.default_rng(n_features)
    X = generator.normal(size=(3_000, n_features)).round(2)
    X = X[near_order(X)]
    weights = generator.integers(0, 3, size=len(X)).astype(float)
    # A whole block does not count.
    weights[128:192] = 0
    columns = np.ascontiguousarray(X.T)
    low, high, sums, sizes = lloyd._boxes(columns, weights)
    everywhere = (np.full_like(low, -np.inf), np.full_like(high, np.inf), sums, sizes)
    for _ in range(20):
        uniforms = generator.random((n_clusters, 3))
        pruned = lloyd._plus_plus(columns, weights, (low, high, sums, sizes), uniforms)
        whole = lloyd._plus_plus(columns, weights, everywhere, uniforms)
        np.testing.assert_array_equal(pruned, whole)


def test_rows_are_drawn_in_proportion_over_several_blocks():
    # Four blocks, the second without weight; the row says in which place it is.
    columns = np.arange(256.0)[None]
    weights = np.where(np.arange(256) < 64, 1.0, 3.0)
    weights[64:128] = 0
    generator = np.random.default_rng(4)
    drawn = np.array(
        [draw_starts(columns, weights, generator.random((1, 1)))[0, 0] for _ in range(6_000)]
    ).astype(int)
    expected = weights / weights.sum()
    assert (weights[drawn] > 0).all()
    for block in range(4):
        inside = slice(64 * block, 64 * (block + 1))
        share = np.isin(drawn, np.arange(256)[inside]).mean()
        assert share == pytest.approx(expected[inside].sum(), abs=0.02)
    # Within a block too: its first half gets half.
    last = drawn[drawn >= 192]
    assert (last < 224).mean() == pytest.approx(0.5, abs=0.03)


def test_best_start_is_the_best_of_its_starts_and_repeats(data):
    X, weights = data
    options = {"n_clusters": 6, "max_iter": 300, "weights": weights}

    def inertia(centroids):
        return (weights[:, None] * ((X[:, None] - centroids) ** 2).sum(axis=2)).min(axis=1).sum()

    one = lloyd.best_start(X, n_init=1, seed=3, **options)
    many = lloyd.best_start(X, n_init=10, seed=3, **options)
    assert inertia(many) <= inertia(one)
    with threadpool_limits(limits=1):
        theirs = KMeans(6, n_init=10, tol=0, random_state=0).fit(X, sample_weight=weights)
    assert inertia(many) == pytest.approx(theirs.inertia_, rel=1e-3)
    np.testing.assert_array_equal(many, lloyd.best_start(X, n_init=10, seed=3, **options))


def test_as_many_clusters_as_distinct_rows():
    X = np.repeat([[0.0], [1.0], [5.0]], [1_000, 1, 1], axis=0)
    centroids = lloyd.best_start(X, n_clusters=3, n_init=1, max_iter=10, weights=None, seed=0)
    np.testing.assert_allclose(np.sort(centroids.ravel()), [0, 1, 5], atol=1e-12)


@pytest.mark.parametrize("n_clusters", [2, 7, 12])
@pytest.mark.parametrize("n_features", [1, 2, 3, 5])
def test_any_order_of_the_rows_gives_lloyds_clusters(n_features, n_clusters):
    generator = np.random.default_rng(n_features)
    # Duplicates, a constant column, and rows that do not count.
    X = generator.normal(size=(3_000, n_features)).round(1)
    X[:, -1] = 1.0 if n_features > 2 else X[:, -1]
    weights = generator.integers(0, 3, size=len(X)).astype(float)
    # No row is as near to one centroid as to another, which rounding would decide.
    size = (n_clusters, n_features)
    start = X[weights > 0][:n_clusters] + generator.normal(scale=0.01, size=size)
    theirs = KMeans(n_clusters, init=start, n_init=1, tol=0, algorithm="lloyd")
    theirs.fit(X, sample_weight=weights)
    for order in (np.arange(len(X)), near_order(X), generator.permutation(len(X))):
        ours = start.copy()
        columns = np.ascontiguousarray(X[order].T)
        inertia, _ = iterate(columns, weights[order], ours, 300)
        assert inertia == pytest.approx(theirs.inertia_, rel=1e-9)
        np.testing.assert_allclose(ours, theirs.cluster_centers_, atol=1e-9)
        rows = lloyd.prepare_rows(X[order], weights[order])
        ended = lloyd.from_centroids(rows, centroids=start, max_iter=300)
        np.testing.assert_allclose(ended, theirs.cluster_centers_, atol=1e-9)
        # What takes too long is left as it was.
        given = lloyd.from_centroids(rows, centroids=start, max_iter=1)
        np.testing.assert_array_equal(given, start)
