import numpy as np
import pytest
from sklearn import metrics
from sklearn.datasets import make_blobs

from customer_segmentation.distance import _pairs
from customer_segmentation.distance.silhouette import (
    silhouette_estimate,
    silhouette_samples,
    silhouette_score,
    silhouette_scores,
)


@pytest.fixture(scope="module")
def overlapping():
    return make_blobs(n_samples=2_500, centers=4, n_features=3, cluster_std=3, random_state=1)


@pytest.mark.parametrize("n_features", [1, 3, 4, 5, 9])
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_equals_scikit_learn(n_features, precision, tolerance):
    X, labels = make_blobs(
        n_samples=[700, 300, 40, 1], n_features=n_features, cluster_std=4, random_state=2
    )
    expected = metrics.silhouette_samples(X, labels)
    samples = silhouette_samples(X, labels, precision=precision)
    np.testing.assert_allclose(samples, expected, atol=tolerance)
    assert samples[labels == 3].tolist() == [0]
    score = silhouette_score(X, labels, precision=precision)
    assert score == pytest.approx(metrics.silhouette_score(X, labels), abs=1e-6)


@pytest.mark.parametrize("n_features", [2, 5])
def test_duplicates_within_and_across_clusters_equal_scikit_learn(n_features):
    generator = np.random.default_rng(0)
    X = generator.integers(0, 2 if n_features == 5 else 3, size=(600, n_features)).astype(float)
    labels = generator.integers(0, 3, size=600)
    np.testing.assert_allclose(
        silhouette_samples(X, labels), metrics.silhouette_samples(X, labels), atol=1e-12
    )


def test_all_rows_identical_score_zero():
    assert silhouette_samples(np.ones((6, 2)), [0, 0, 0, 1, 1, 1]).tolist() == [0] * 6


def test_hand_worked_case():
    # Row 0: a = 1, b = mean(10, 12) = 11; row 3: a = 2, b = mean(12, 11) = 11.5.
    samples = silhouette_samples([[0.0], [1.0], [10.0], [12.0], [100.0]], [5, 5, 9, 9, 7])
    np.testing.assert_allclose(samples[[0, 3]], [10 / 11, 9.5 / 11.5], rtol=1e-14)
    assert samples[4] == 0


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_bits_do_not_depend_on_threads(overlapping, precision):
    X, labels = overlapping
    one = silhouette_samples(X, labels, precision=precision, threads=1)
    for threads in (2, 3):
        several = silhouette_samples(X, labels, precision=precision, threads=threads)
        assert several.tobytes() == one.tobytes()


def test_labels_of_any_kind_and_any_order_of_rows(overlapping):
    X, labels = overlapping
    names = np.array(["d", "a", "c", "b"])[labels]
    shuffled = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_allclose(
        silhouette_samples(X[shuffled], names[shuffled]),
        silhouette_samples(X, labels)[shuffled],
        rtol=1e-10,
    )


@pytest.mark.parametrize(
    ("n_features", "n_rows", "cells"),
    [(3, 2_500, 1), (3, 2_500, 30), (3, 2_500, 10_000), (5, 600, 30), (2, 11_000, 10_000)],
)
def test_many_partitions_at_once_equal_each_alone(monkeypatch, n_features, n_rows, cells):
    monkeypatch.setattr(_pairs, "MAXIMUM_CELLS", cells)
    generator = np.random.default_rng(3)
    X = generator.normal(size=(n_rows, n_features)).round(1)
    partitions = [
        np.digitize(X[:, 0], [0]),
        np.digitize(X[:, 1], [-1, 0.3, 1]),
        # Rows of one value in several clusters, a cluster of one row, and the first once more.
        generator.integers(0, 5, size=n_rows),
        np.where(np.arange(n_rows) == 7, "alone", "together"),
        1 - np.digitize(X[:, 0], [0]),
    ]
    # scikit-learn takes seconds over many rows: of these it is asked about the partition that is mixed most.
    mixed = 2
    expected = [
        metrics.silhouette_score(X, labels)
        if n_rows <= 10_000 or position == mixed
        else silhouette_score(X, labels)
        for position, labels in enumerate(partitions)
    ]
    scores = silhouette_scores(X, partitions)
    np.testing.assert_allclose(scores, expected, atol=1e-7 if n_rows > 10_000 else 1e-12)
    assert scores[0] == pytest.approx(scores[4], abs=1e-15)
    one_thread = silhouette_scores(X, partitions, threads=1)
    assert scores.tobytes() == one_thread.tobytes()


def test_no_partitions_have_no_scores():
    assert silhouette_scores([[0.0], [1.0], [2.0]], []).shape == (0,)


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e30])
def test_scale_and_place_do_not_matter_in_float32(overlapping, scale):
    X, labels = overlapping
    score = silhouette_score(scale * (X + 100), labels, precision="float32")
    assert score == pytest.approx(silhouette_score(X, labels), abs=1e-6)


@pytest.mark.parametrize(("shift", "scale", "far"), [(1e9, 1, 2), (1, 1e-25, 3)])
def test_rows_too_fine_for_float32_are_scored_in_float64(shift, scale, far):
    # Near neighbours far away from the rest, and near neighbours whose squares would underflow.
    X, labels = make_blobs(n_samples=16_000, centers=4, n_features=2, random_state=0)
    X *= scale
    X[labels >= far] += shift
    expected = silhouette_samples(X, labels, precision="float64")
    coarse = silhouette_samples(X, labels, precision="float32")
    assert np.abs(coarse - expected).max() > 1e-3
    np.testing.assert_array_equal(silhouette_samples(X, labels), expected)


def test_float32_is_taken_for_long_ordinary_data():
    X, labels = make_blobs(n_samples=11_000, centers=3, n_features=2, random_state=0)
    score = silhouette_score(X, labels)
    assert score == silhouette_score(X, labels, precision="float32")
    assert score != silhouette_score(X, labels, precision="float64")


@pytest.mark.parametrize(
    ("X", "labels", "message"),
    [
        ([[0.0], [1.0], [2.0]], [0, 0, 0], "from 2 to 2"),
        ([[0.0], [1.0], [2.0]], [0, 1, 2], "there are 3"),
        ([[0.0], [1.0]], [0, 1], "from 2 to 1"),
        ([[0.0]], [0], "from 2 to 0"),
        ([[0.0], [np.nan], [2.0]], [0, 0, 1], "NaN"),
        ([[0.0], [1.0], [2.0]], [0, 1], "2 values for 3 rows"),
    ],
)
def test_impossible_scores_are_errors(X, labels, message):
    with pytest.raises(ValueError, match=message):
        silhouette_samples(X, labels)
    with pytest.raises(ValueError, match=message):
        silhouette_estimate(X, labels, maximum_rows=10, seed=0)


@pytest.mark.parametrize("options", [{"precision": "half"}, {"threads": 0}])
def test_impossible_options_are_errors(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        silhouette_samples([[0.0], [1.0], [2.0]], [0, 0, 1], **options)


def test_estimate_is_exact_up_to_the_maximum(overlapping):
    X, labels = overlapping
    estimate = silhouette_estimate(X, labels, maximum_rows=len(X), seed=0)
    assert estimate.is_exact
    assert estimate.score == silhouette_score(X, labels)
    assert estimate.standard_error == 0
    assert estimate.rows_scored == len(X)


@pytest.mark.parametrize("sample_rows", [200, 1_500])
def test_standard_error_of_the_estimate_is_honest(overlapping, sample_rows):
    X, labels = overlapping
    exact = silhouette_score(X, labels)
    estimates = [
        silhouette_estimate(X, labels, maximum_rows=2_000, sample_rows=sample_rows, seed=seed)
        for seed in range(200)
    ]
    errors = np.array([estimate.score - exact for estimate in estimates])
    stated = np.array([estimate.standard_error for estimate in estimates])
    assert not estimates[0].is_exact
    assert sample_rows <= estimates[0].rows_scored <= sample_rows + 4
    # 200 draws know a standard deviation to about 5 percent and a mean to a 14th of it.
    assert errors.std() == pytest.approx(stated.mean(), rel=0.2)
    assert abs(errors.mean()) < 0.3 * stated.mean()


def test_estimate_repeats_with_its_seed_and_scores_each_small_cluster():
    X, labels = make_blobs(n_samples=[3_000, 2, 1], n_features=2, random_state=0)
    first = silhouette_estimate(X, labels, maximum_rows=100, sample_rows=50, seed=4)
    assert first == silhouette_estimate(X, labels, maximum_rows=100, sample_rows=50, seed=4)
    assert first != silhouette_estimate(X, labels, maximum_rows=100, sample_rows=50, seed=5)
    assert first.rows_scored == 50 + 2 + 1


def test_estimate_of_a_sample_of_everything_is_exact(overlapping):
    X, labels = overlapping
    estimate = silhouette_estimate(X, labels, maximum_rows=100, sample_rows=10**6, seed=0)
    assert estimate.is_exact
    assert estimate.standard_error == 0
    assert estimate.score == pytest.approx(silhouette_score(X, labels), abs=1e-12)
