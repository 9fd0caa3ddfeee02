import numpy as np
import pytest
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from threadpoolctl import threadpool_limits

from customer_segmentation.measure.quality import _first_enough, gap_statistic, partition_quality


@pytest.mark.parametrize("n_features", [1, 3])
@pytest.mark.parametrize("place", [0, 1e6])
def test_equals_scikit_learn(n_features, place):
    X, labels = make_blobs(
        n_samples=[300, 120, 40, 1], n_features=n_features, cluster_std=3, random_state=0
    )
    # Far from the origin scikit-learn loses digits; the measures themselves do not move.
    quality = partition_quality(X + place, np.array(["d", "b", "c", "a"])[labels])
    assert quality.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(X, labels))
    assert quality.calinski_harabasz == pytest.approx(metrics.calinski_harabasz_score(X, labels))
    assert quality.smallest_cluster_share == 1 / 461
    assert quality.n_clusters == 4
    brute = sum(((X[labels == c] - X[labels == c].mean(axis=0)) ** 2).sum() for c in range(4))
    assert quality.inertia == pytest.approx(brute)


def test_inertia_is_that_of_a_converged_fit():
    X, _ = make_blobs(n_samples=500, random_state=0)
    fit = KMeans(3, n_init=3, tol=0, random_state=0).fit(X)
    assert partition_quality(X, fit.labels_).inertia == pytest.approx(fit.inertia_)


def test_hand_worked_case():
    # Means 1 and 11, spreads 1 and 1; within 4, between 100 about the grand mean 6.
    quality = partition_quality([[0.0], [2.0], [10.0], [12.0]], [0, 0, 1, 1])
    assert quality.davies_bouldin == pytest.approx(0.2)
    assert quality.calinski_harabasz == pytest.approx(100 * 2 / (4 * 1))
    assert quality.inertia == 4
    assert quality.smallest_cluster_share == 0.5


@pytest.mark.parametrize(
    ("X", "labels"),
    [
        ([[0.0], [0.0], [1.0], [1.0]], [0, 0, 1, 1]),
        ([[1.0], [1.0], [1.0], [1.0]], [0, 0, 1, 1]),
        ([[0.0], [2.0], [0.0], [2.0]], [0, 0, 1, 1]),
        ([[0.0], [2.0], [0.0], [2.0], [9.0]], [0, 0, 1, 1, 2]),
        ([[0.0, 5.0], [1.0, 5.0], [4.0, 5.0]], [0, 0, 1]),
    ],
)
def test_limits_equal_scikit_learn(X, labels):
    quality = partition_quality(X, labels)
    assert quality.davies_bouldin == pytest.approx(metrics.davies_bouldin_score(X, labels))
    assert quality.calinski_harabasz == pytest.approx(metrics.calinski_harabasz_score(X, labels))


@pytest.mark.parametrize(
    ("X", "labels", "message"),
    [
        ([[0.0], [1.0], [2.0]], [0, 0, 0], "there are 1"),
        ([[0.0], [1.0], [2.0]], [0, 1, 2], "from 2 to 2"),
        ([[0.0]], [0], "from 2 to 0"),
        ([[0.0], [np.nan], [2.0]], [0, 1, 1], "NaN"),
        ([[0.0], [1.0], [2.0]], [0, 1], "2 values for 3 rows"),
    ],
)
def test_impossible_scores_are_errors(X, labels, message):
    with pytest.raises(ValueError, match=message):
        partition_quality(X, labels)


@pytest.mark.parametrize("n_clusters", [1, 2, 4])
def test_gap_finds_the_number_of_round_clusters(n_clusters):
    centers = np.array([[0, 0], [12, 0], [0, 12], [12, 12]])[:n_clusters]
    X, _ = make_blobs(n_samples=400, centers=centers, random_state=0)
    result = gap_statistic(X, cluster_counts=range(1, 7), references=10, n_init=3, seed=0)
    assert result.chosen == n_clusters
    assert result.table["n_clusters"].tolist() == [1, 2, 3, 4, 5, 6]


def test_gap_against_its_definition():
    X, _ = make_blobs(n_samples=200, centers=3, random_state=1)
    result = gap_statistic(X, cluster_counts=[1, 2, 3], references=5, n_init=5, seed=7)
    generator = np.random.default_rng(7)
    boxes = [generator.uniform(X.min(axis=0), X.max(axis=0), size=X.shape) for _ in range(5)]

    def dispersion(rows, count):
        with threadpool_limits(limits=1):
            return np.log(KMeans(count, n_init=20, tol=0, random_state=0).fit(rows).inertia_)

    for row in result.table.itertuples():
        drawn = [dispersion(box, row.n_clusters) for box in boxes]
        assert row.gap == pytest.approx(np.mean(drawn) - dispersion(X, row.n_clusters), abs=2e-3)
        expected = np.std(drawn) * np.sqrt(1 + 1 / 5)
        assert row.standard_error == pytest.approx(expected, abs=1e-3)


def test_rule_of_one_standard_error():
    gap, error = np.array([0.2, 0.9, 1.0, 1.5]), np.array([0.5, 0.1, 0.15, 0.1])
    # 0.2 < 0.9 - 0.1; 0.9 >= 1.0 - 0.15, by the error of the next number and not its own.
    assert _first_enough([1, 2, 3, 4], gap, error) == 2
    assert _first_enough([1, 2, 3, 4], gap, error / 10) is None


def test_gap_without_an_answer():
    X, _ = make_blobs(n_samples=200, centers=[[0, 0], [50, 0], [0, 50]], random_state=1)
    assert gap_statistic(X, cluster_counts=[1, 2, 3], references=3, seed=0).chosen is None
    assert gap_statistic(X, cluster_counts=[2], references=3, seed=0).chosen is None


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        ([[1.0], [1.0]], {}, "All rows of X are the same"),
        ([[1.0]], {}, "1 rows"),
        ([[1.0], [2.0], [3.0]], {"cluster_counts": [1, 3]}, "consecutive"),
        ([[1.0], [2.0], [3.0]], {"cluster_counts": []}, "consecutive"),
        ([[1.0], [2.0], [3.0]], {"cluster_counts": [0, 1]}, "at least 1"),
        ([[1.0], [2.0], [3.0]], {"cluster_counts": [2, 3]}, "With 3 clusters no dispersion"),
        ([[1.0], [2.0], [3.0]], {"cluster_counts": [3, 4]}, "only 3 distinct rows"),
        ([[1.0], [2.0]], {"references": 0}, "references"),
    ],
)
def test_impossible_gaps_are_errors(X, options, message):
    with pytest.raises(ValueError, match=message):
        gap_statistic(X, **({"cluster_counts": [1], "seed": 0} | options))
