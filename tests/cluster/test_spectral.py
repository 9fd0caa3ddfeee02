import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import SpectralClustering
from sklearn.cluster._spectral import discretize
from sklearn.datasets import make_blobs, make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import kneighbors_graph
from threadpoolctl import threadpool_limits

from customer_segmentation.cluster.spectral import (
    _affinity,
    _assign,
    fit_spectral,
    fit_spectral_grid,
    remembered_spectral_grid,
)


def theirs(X, n_clusters, **options):
    return SpectralClustering(
        n_clusters, affinity="nearest_neighbors", random_state=0, **options
    ).fit_predict(X)


@pytest.fixture(scope="module")
def connected():
    centers = [[0, 0, 0], [4, 0, 0], [0, 5, 0]]
    X, _ = make_blobs(n_samples=900, centers=centers, random_state=4)
    return X


@pytest.mark.parametrize("method", ["kmeans", "discretize", "cluster_qr"])
@pytest.mark.parametrize("rows", [900, 250])
def test_equals_scikit_learn_on_a_connected_graph(connected, method, rows):
    X = connected[:rows]
    fit = fit_spectral(X, n_clusters=3, assign_labels=method, seed=0)
    assert fit.diagnostics.n_components == 1
    assert fit.labels.dtype == np.int32
    assert adjusted_rand_score(fit.labels, theirs(X, 3, assign_labels=method)) > 0.99


def test_moons_in_one_piece_and_in_two():
    X, truth = make_moons(600, noise=0.08, random_state=0)
    fit = fit_spectral(X, n_clusters=2, seed=0)
    assert fit.diagnostics.n_components == 1
    assert adjusted_rand_score(fit.labels, theirs(X, 2)) > 0.99
    X, truth = make_moons(600, noise=0.03, random_state=0)
    fit = fit_spectral(X, n_clusters=2, seed=0)
    assert fit.diagnostics.n_components == 2
    assert adjusted_rand_score(fit.labels, truth) == 1


def test_affinity_without_duplicates_is_that_of_scikit_learn(connected):
    connectivity = kneighbors_graph(connected, n_neighbors=10, include_self=True)
    expected = (0.5 * (connectivity + connectivity.T)).toarray()
    np.fill_diagonal(expected, 0)
    found = _affinity(connected, np.ones(len(connected), dtype=int), 10)
    np.testing.assert_array_equal(found.toarray(), expected)


def test_affinity_gives_each_row_of_a_point_its_own_edges():
    # Points 0, 1, 3 that stand for 2, 1 and 5 rows; the nearest neighbour of 3 is 1.
    found = _affinity(np.array([[0.0], [1.0], [3.0]]), np.array([2, 1, 5]), 2)
    np.testing.assert_array_equal(found.toarray(), [[0, 1.5, 0], [1.5, 0, 2.5], [0, 2.5, 0]])


def test_rows_of_a_point_count_each_when_the_embedding_is_cut():
    # Unweighted, 0 and 1 would be together.
    options = {"n_clusters": 2, "n_init": 5, "seed": 0}
    embedding, weights = np.array([[0.0], [1.0], [2.2]]), np.array([10, 10, 1])
    labels = _assign(embedding, weights, method="kmeans", **options)
    assert labels[0] != labels[1] == labels[2]
    generator = np.random.default_rng(0)
    embedding, weights = generator.normal(size=(60, 3)), generator.integers(1, 30, size=60)
    repeated = np.repeat(np.arange(60), weights)
    np.testing.assert_array_equal(
        _assign(embedding, weights, method="discretize", **options)[repeated],
        discretize(embedding[repeated], random_state=0),
    )


def test_eigenvalues_are_those_of_the_normalised_laplacian(connected):
    fit = fit_spectral(connected, n_clusters=4, seed=0)
    affinity = _affinity(connected, np.ones(len(connected), dtype=int), 10)
    laplacian = sparse.csgraph.laplacian(affinity, normed=True).toarray()
    expected = np.linalg.eigvalsh(laplacian)[:4]
    np.testing.assert_allclose(fit.diagnostics.eigenvalues, expected, atol=1e-10)


@pytest.mark.filterwarnings("ignore:Graph is not fully connected")
def test_duplicates_that_break_scikit_learn():
    # One place at the rim carries eighty rows: more than the neighbours that a row looks for.
    X, truth = make_blobs(n_samples=600, centers=[[0, 0], [5, 0]], random_state=1)
    rim = X[:, 0].argmin()
    X, truth = np.append(X, X[[rim] * 79], axis=0), np.append(truth, truth[[rim] * 79])
    broken = theirs(X, 2)
    assert np.bincount(broken).min() == 81
    fit = fit_spectral(X, n_clusters=2, seed=0)
    assert adjusted_rand_score(fit.labels, truth) > 0.95
    assert fit.diagnostics.n_points == 600
    assert not fit.diagnostics.is_degenerate
    assert "679 rows are 600 distinct points" in fit.diagnostics.note


def small_component_case():
    X, truth = make_blobs(
        n_samples=[500, 500], centers=[[0, 0], [5.5, 0]], cluster_std=1.0, random_state=1
    )
    far = np.random.default_rng(0).normal([30, 0], 0.01, size=(8, 2))
    return np.concatenate([X, far]), truth


@pytest.mark.filterwarnings("ignore:Graph is not fully connected")
def test_small_component_that_breaks_scikit_learn_joins_the_nearest_cluster():
    X, truth = small_component_case()
    broken = theirs(X, 2, n_neighbors=8)
    assert np.bincount(broken).min() == 8
    fit = fit_spectral(X, n_clusters=2, n_neighbors=8, seed=0)
    assert adjusted_rand_score(fit.labels[:1000], truth) > 0.95
    right = fit.labels[X[:1000, 0].argmax()]
    assert (fit.labels[1000:] == right).all()
    diagnostics = fit.diagnostics
    assert diagnostics.component_rows[-1] == 8
    assert diagnostics.clustered_components == 1
    assert diagnostics.attached_rows == diagnostics.component_rows[1:].sum()
    assert "attached to the nearest cluster" in diagnostics.note


def test_component_is_attached_whole():
    # A string of points from the left group to far behind the right one, nearest to the left.
    X, _ = make_blobs(
        n_samples=[400, 400], centers=[[0, 0], [14, 0]], cluster_std=1.0, random_state=0
    )
    string = np.stack([np.linspace(0, 14, 12), np.full(12, 25.0)], axis=1)
    string[0, 1] = 20
    X = np.concatenate([X, string])
    fit = fit_spectral(X, n_clusters=2, n_neighbors=6, minimum_component_share=0.05, seed=0)
    assert set(fit.labels[800:]) == {fit.labels[X[:800, 0].argmin()]}


def test_degenerate_partition_is_flagged():
    X, _ = small_component_case()
    fit = fit_spectral(X, n_clusters=2, n_neighbors=8, minimum_component_share=0.0, seed=0)
    assert np.bincount(fit.labels).min() == 8
    assert fit.diagnostics.is_degenerate
    assert fit.diagnostics.smallest_cluster_share == 8 / 1008
    assert "Degenerate" in fit.diagnostics.note


@pytest.mark.parametrize("method", ["kmeans", "discretize", "cluster_qr"])
def test_large_components_are_clusters_and_are_cut_further(method):
    X, truth = make_blobs(
        n_samples=[300, 200, 150],
        centers=[[0, 0], [40, 0], [0, 40]],
        random_state=0,
    )
    fit = fit_spectral(X, n_clusters=3, assign_labels=method, seed=0)
    assert fit.diagnostics.component_rows.tolist() == [300, 200, 150]
    assert fit.diagnostics.eigenvalues[:3].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(fit.labels, truth)
    four = fit_spectral(X, n_clusters=4, assign_labels=method, seed=0)
    # A further cluster cuts one component and leaves the others whole.
    assert len({(a, b) for a, b in zip(truth, four.labels, strict=True)}) == 4
    two = fit_spectral(X, n_clusters=2, assign_labels=method, seed=0)
    assert two.diagnostics.clustered_components == 2
    assert two.diagnostics.attached_rows == 150


def test_result_does_not_depend_on_the_order_of_rows_or_threads(connected):
    X = np.concatenate([connected, connected[:50]])
    shuffled = np.random.default_rng(0).permutation(len(X))
    with threadpool_limits(limits=2):
        first = fit_spectral(X, n_clusters=4, seed=1)
    with threadpool_limits(limits=1):
        second = fit_spectral(X[shuffled], n_clusters=4, seed=1)
    np.testing.assert_array_equal(first.labels[shuffled], second.labels)
    np.testing.assert_array_equal(first.diagnostics.eigenvalues, second.diagnostics.eigenvalues)
    assert (np.diff(np.bincount(first.labels)) <= 0).all()


def test_as_many_clusters_as_distinct_rows():
    X = np.array([[0.0], [0.0], [1.0], [5.0]])
    fit = fit_spectral(X, n_clusters=3, seed=0)
    assert fit.labels.tolist() == [0, 0, 1, 2] or fit.labels.tolist() == [0, 0, 2, 1]
    assert fit.diagnostics.n_neighbors == 3


def test_two_rows_and_a_constant_column():
    fit = fit_spectral([[0.0, 7.0], [1.0, 7.0]], n_clusters=2, seed=0)
    assert sorted(fit.labels) == [0, 1]


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        ([[0.0], [0.0], [1.0]], {"n_clusters": 3}, "only 2 distinct"),
        ([[0.0]], {"n_clusters": 2}, "only 1 distinct"),
        ([[0.0], [1.0]], {"n_clusters": 1}, "at least 2"),
        ([[0.0], [1.0]], {"n_neighbors": 1}, "n_neighbors"),
        ([[0.0], [1.0]], {"assign_labels": "best"}, "assign_labels"),
        ([[0.0], [1.0]], {"minimum_component_share": 2}, "minimum_component_share"),
        ([[0.0], [1.0]], {"minimum_cluster_share": -1}, "minimum_cluster_share"),
        ([[0.0], [np.nan]], {}, "NaN"),
        (np.empty((0, 2)), {}, "0 rows"),
        ([0.0, 1.0], {}, "two dimensions"),
    ],
)
def test_impossible_requests_are_errors(X, options, message):
    with pytest.raises(ValueError, match=message):
        fit_spectral(X, **({"n_clusters": 2, "seed": 0} | options))


def test_a_grid_is_remembered_for_equal_rows_and_options_alone():
    X = np.random.default_rng(2).normal(size=(600, 2))
    options = {"cluster_counts": [2, 3], "assign_labels": ["cluster_qr"], "n_neighbors": 8}
    first = remembered_spectral_grid(X, seed=1, **options)
    assert remembered_spectral_grid(X.copy(), seed=1, **options) is first
    assert remembered_spectral_grid(X, seed=2, **options) is not first
    assert remembered_spectral_grid(X + 1, seed=1, **options) is not first
    for key, fit in fit_spectral_grid(X, seed=1, **options).items():
        np.testing.assert_array_equal(fit.labels, first[key].labels)
