import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import RobustScaler, StandardScaler
from threadpoolctl import threadpool_limits

from customer_segmentation.cluster.kmeans import (
    fit_kmeans,
    nearest_centroid,
    standardise,
    two_nearest_centroids,
)

PACKAGE_FOLDER = Path(__file__).parents[2] / "python"


@pytest.fixture(scope="module")
def blobs():
    X, _ = make_blobs(n_samples=3_000, centers=5, n_features=3, cluster_std=1.5, random_state=3)
    return X


def test_scaler_equals_scikit_learn_with_a_constant_column():
    X = np.random.default_rng(0).normal(size=(500, 3)) * [1, 1e3, 0] + [0, 5, 0.1]
    scaler, theirs = standardise(X), StandardScaler().fit(X)
    np.testing.assert_array_equal(scaler.mean, theirs.mean_)
    np.testing.assert_array_equal(scaler.scale, theirs.scale_)
    assert scaler.scale[2] == 1
    np.testing.assert_array_equal(scaler.transform(X), theirs.transform(X))
    np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(X)), X, rtol=1e-12)


def test_scaler_of_one_row():
    scaler = standardise([[2.0, 3.0]])
    np.testing.assert_array_equal(scaler.transform([[2.0, 3.0]]), [[0.0, 0.0]])


@pytest.mark.parametrize("rows", [1, 2, 501])
def test_robust_scaler_equals_scikit_learn(rows):
    X = np.random.default_rng(1).lognormal(size=(rows, 5))
    X[:, 1] = X[:, 1].round()  # ties
    X[:, 2] = 1 + (np.arange(rows) % 20 == 5)  # like frequency: no range between the quartiles
    X[:, 3] = 7  # constant
    scaler, theirs = standardise(X, robust=(0, 1, 2, 3)), RobustScaler().fit(X)
    np.testing.assert_array_equal(scaler.mean[:4], theirs.center_[:4])
    np.testing.assert_array_equal(scaler.scale[:4], theirs.scale_[:4])
    assert scaler.scale[2] == scaler.scale[3] == 1
    np.testing.assert_array_equal(scaler.transform(X)[:, :4], theirs.transform(X)[:, :4])
    # The others are standardised, as without.
    np.testing.assert_array_equal(scaler.transform(X)[:, 4], standardise(X).transform(X)[:, 4])


def test_robust_scaler_refuses_a_missing_value():
    with pytest.raises(ValueError, match="NaN"):
        standardise([[1.0], [np.nan]], robust=[0])


def test_scaler_names_a_difference_of_features():
    with pytest.raises(ValueError, match="2 features, the scaler was made from 1"):
        standardise([[1.0], [2.0]]).transform([[1.0, 2.0]])


@pytest.mark.parametrize("n_clusters", [2, 5])
def test_fit_equals_scikit_learn(blobs, n_clusters):
    ours = fit_kmeans(blobs, n_clusters=n_clusters, seed=7)
    theirs = KMeans(n_clusters, n_init=10, tol=0, random_state=7).fit(blobs)
    np.testing.assert_allclose(ours.centroids, theirs.cluster_centers_, rtol=1e-9)
    np.testing.assert_array_equal(ours.labels, theirs.labels_)
    assert ours.inertia == pytest.approx(theirs.inertia_, rel=1e-12)
    assert ours.iterations == theirs.n_iter_
    assert ours.labels.dtype == np.int32
    assert ours.n_rows == len(blobs)
    assert ours.has_converged


def test_labels_are_the_nearest_centroids_and_inertia_their_squares(blobs):
    fit = fit_kmeans(blobs, n_clusters=9, seed=0, max_iter=2, n_init=1)
    labels, distance = nearest_centroid(blobs, fit.centroids)
    np.testing.assert_array_equal(fit.labels, labels)
    assert fit.inertia == pytest.approx((distance**2).sum(), rel=1e-12)
    assert not fit.has_converged
    assert fit.iterations == 2


def test_converged_exactly_at_the_limit_is_converged(blobs):
    free = fit_kmeans(blobs, n_clusters=4, seed=0, n_init=1)
    limited = fit_kmeans(blobs, n_clusters=4, seed=0, n_init=1, max_iter=free.iterations)
    assert limited.iterations == free.iterations
    assert limited.has_converged


def test_result_is_the_same_on_one_and_two_threads():
    script = (
        "import hashlib\n"
        "from sklearn.datasets import make_blobs\n"
        "from customer_segmentation.cluster.kmeans import fit_kmeans\n"
        "X, _ = make_blobs(n_samples=20_000, centers=4, n_features=3, random_state=0)\n"
        "fit = fit_kmeans(X, n_clusters=6, n_init=3, seed=0)\n"
        "print(hashlib.sha256(fit.centroids.tobytes() + fit.labels.tobytes()).hexdigest(),"
        " repr(fit.inertia))\n"
    )
    printed = set()
    for threads in ("1", "2"):
        environment = os.environ | {
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "PYTHONPATH": str(PACKAGE_FOLDER),
        }
        printed.add(
            subprocess.run(
                [sys.executable, "-c", script],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
    assert len(printed) == 1


def test_weights_count_rows_as_often_as_they_say(blobs):
    weights = np.random.default_rng(0).integers(0, 4, size=len(blobs))
    start = blobs[:4]
    weighted = fit_kmeans(blobs, n_clusters=4, init=start, weights=weights, seed=0)
    repeated = fit_kmeans(np.repeat(blobs, weights, axis=0), n_clusters=4, init=start, seed=0)
    np.testing.assert_allclose(weighted.centroids, repeated.centroids, rtol=1e-9)
    np.testing.assert_array_equal(np.repeat(weighted.labels, weights), repeated.labels)
    assert weighted.inertia == pytest.approx(repeated.inertia, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_fast_starts_find_the_same_optimum(blobs, weighted):
    weights = np.random.default_rng(0).integers(0, 3, size=len(blobs)) if weighted else None
    full = fit_kmeans(blobs, n_clusters=5, seed=1, weights=weights)
    fast = fit_kmeans(blobs, n_clusters=5, seed=1, weights=weights, fast_starts=True)
    assert fast.inertia == pytest.approx(full.inertia, rel=1e-9)
    assert fast.iterations <= 3
    assert fast.has_converged


def test_input_is_left_as_it_was(blobs):
    before = blobs.copy()
    fit_kmeans(blobs, n_clusters=3, seed=0, n_init=1)
    np.testing.assert_array_equal(blobs, before)


@pytest.mark.parametrize(
    ("X", "n_clusters", "message"),
    [
        (np.empty((0, 3)), 2, "0 rows"),
        (np.arange(5.0), 2, "two dimensions"),
        ([[1.0], [np.nan], [2.0]], 2, "NaN"),
        ([[1.0], [np.inf], [2.0]], 2, "infinite"),
        ([[1.0], [2.0]], 1, "at least 2"),
        ([[1.0]], 2, "only 1 distinct"),
        ([[1.0], [1.0], [2.0]], 3, "only 2 distinct"),
    ],
)
def test_impossible_fits_are_errors(X, n_clusters, message):
    with pytest.raises(ValueError, match=message):
        fit_kmeans(X, n_clusters=n_clusters, seed=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": [1.0]}, "one weight"),
        ({"weights": [1.0, -1.0, 1.0]}, "at least 0"),
        ({"weights": [1.0, 0.0, 0.0]}, "of positive weight"),
        ({"init": "best"}, "init must be"),
        ({"init": [[0.0]]}, r"shape \(1, 1\)"),
        ({"init": "random", "fast_starts": True}, "fast_starts"),
        ({"init": [[0.0], [1.0]], "fast_starts": True}, "fast_starts"),
        ({"tol": -1}, "tol"),
        ({"n_init": 0}, "n_init"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_options_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        fit_kmeans([[0.0], [1.0], [2.0]], **({"n_clusters": 2, "seed": 0} | options))


def test_rows_too_close_for_float64_are_an_error_not_an_empty_cluster():
    X = np.array([[0.0], [5e-324], [1.0]])
    with pytest.warns(ConvergenceWarning), pytest.raises(ValueError, match="empty"):
        fit_kmeans(X, n_clusters=3, seed=0)


def test_two_rows_two_clusters():
    fit = fit_kmeans([[0.0, 1.0], [2.0, 3.0]], n_clusters=2, seed=0)
    assert fit.inertia == 0
    assert set(fit.labels.tolist()) == {0, 1}


def test_nearest_centroid_gives_ties_to_the_lowest_number():
    labels, distance = nearest_centroid([[0.0], [3.0], [-3.0]], [[1.0], [-1.0], [1.0]])
    assert labels.tolist() == [0, 0, 1]
    assert distance.tolist() == [1, 2, 2]


def test_nearest_centroid_of_a_row_does_not_depend_on_the_others(blobs):
    centroids = blobs[:6]
    whole = nearest_centroid(blobs, centroids)
    for rows in (1, 7, 200):
        parts = nearest_centroid(blobs[:rows], centroids)
        np.testing.assert_array_equal(parts[0], whole[0][:rows])
        np.testing.assert_array_equal(parts[1], whole[1][:rows])
    # Adding the squares column by column is what SQL does; the bits are the same.
    squared = np.square(blobs[:, [0]] - centroids[:, 0])
    for feature in range(1, blobs.shape[1]):
        squared += np.square(blobs[:, [feature]] - centroids[:, feature])
    np.testing.assert_array_equal(whole[1], np.sqrt(squared.min(axis=1)))
    brute = np.linalg.norm(blobs[:, None] - centroids[None], axis=2)
    np.testing.assert_array_equal(whole[0], brute.argmin(axis=1))
    np.testing.assert_allclose(whole[1], brute.min(axis=1), rtol=1e-14)


def test_nearest_centroid_of_no_rows_and_of_other_features():
    labels, distance = nearest_centroid(np.empty((0, 2)), [[0.0, 0.0]])
    assert labels.shape == distance.shape == (0,)
    with pytest.raises(ValueError, match="3 features and the centroids 2"):
        nearest_centroid(np.zeros((1, 3)), np.zeros((1, 2)))


def test_the_two_nearest_centroids(blobs) -> None:
    generator = np.random.default_rng(5)
    centroids = generator.normal(size=(5, blobs.shape[1]))
    labels, distance = two_nearest_centroids(blobs, centroids)
    all_distances = np.sqrt(((blobs[:, None, :] - centroids) ** 2).sum(axis=2))
    order = np.argsort(all_distances, axis=1, kind="stable")
    np.testing.assert_array_equal(labels, order[:, :2].T)
    np.testing.assert_allclose(distance, np.take_along_axis(all_distances, order[:, :2], axis=1).T)
    np.testing.assert_array_equal(labels[0], nearest_centroid(blobs, centroids)[0])
    np.testing.assert_array_equal(distance[0], nearest_centroid(blobs, centroids)[1])
    # Ties go to the lowest number, in either place; with a single centroid there is no other.
    labels, distance = two_nearest_centroids([[0.0], [3.0]], [[-1.0], [1.0], [1.0], [-1.0]])
    assert labels.tolist() == [[0, 1], [1, 2]]
    assert distance.tolist() == [[1.0, 2.0], [1.0, 2.0]]
    labels, distance = two_nearest_centroids([[0.0]], [[1.0]])
    assert (labels.tolist(), distance.tolist()) == ([[0], [-1]], [[1.0], [np.inf]])


@pytest.mark.filterwarnings("ignore:.*did not converge")
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("max_iter", [1, 3, 300])
def test_from_given_centroids_the_bits_are_those_of_scikit_learn(is_weighted, max_iter):
    generator = np.random.default_rng(max_iter)
    X = generator.normal(loc=7, size=(5_000, 3))
    weights = generator.integers(0, 4, size=len(X)).astype(float) if is_weighted else None
    start = X[:5] + 0.1
    ours = fit_kmeans(X, n_clusters=5, init=start, max_iter=max_iter, weights=weights, seed=0)
    with threadpool_limits(limits=1):
        theirs = KMeans(5, init=start, n_init=1, tol=0, max_iter=max_iter, algorithm="lloyd")
        theirs.fit(X, sample_weight=weights)
    np.testing.assert_array_equal(ours.centroids, theirs.cluster_centers_)
    assert ours.iterations == theirs.n_iter_


def test_a_cluster_that_empties_is_filled_as_scikit_learn_does():
    X = np.array([[0.0], [1.0], [2.0], [50.0]])
    fit = fit_kmeans(X, n_clusters=2, init=np.array([[0.0], [1_000.0]]), seed=0)
    assert sorted(fit.centroids.ravel().tolist()) == [1, 50]
