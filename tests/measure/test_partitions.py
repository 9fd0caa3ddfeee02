import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn import metrics

from customer_segmentation.cluster.numbering import match_centroids
from customer_segmentation.measure.agreement import (
    adjusted_mutual_information,
    adjusted_rand_index,
    contingency,
    homogeneity_completeness,
    jaccard_matrix,
    match_labels,
    matched_jaccard,
)


def random_partitions(count):
    generator = np.random.default_rng(0)
    for _ in range(count):
        n_rows = generator.integers(1, 150)
        clusters_a, clusters_b = generator.integers(1, 8, size=2)
        a = generator.integers(0, clusters_a, size=n_rows)
        is_same = generator.random(n_rows) < generator.random()
        yield a, np.where(is_same, a, generator.integers(0, clusters_b, size=n_rows))


EDGES = [
    ([0], [0]),
    ([0, 1], [0, 1]),
    ([0, 1], [0, 0]),
    ([0, 0], [1, 1]),
    (list(range(9)), list(range(9))),
    (list(range(9)), [0] * 9),
    ([0] * 9, list(range(9))),
    ([0, 0, 1, 1], [0, 1, 0, 1]),
]


def test_contingency_equals_scikit_learn_for_any_labels():
    generator = np.random.default_rng(0)
    a = generator.choice(["x", "y", "z"], size=300)
    b = generator.choice([-4, 7, 1_000_000], size=300)
    table = contingency(a, b)
    np.testing.assert_array_equal(table.counts, metrics.cluster.contingency_matrix(a, b))
    assert table.labels_a.tolist() == ["x", "y", "z"]
    assert table.labels_b.tolist() == [-4, 7, 1_000_000]


def test_contingency_adds_up_over_chunks(monkeypatch):
    monkeypatch.setattr("customer_segmentation.measure.agreement.CHUNK_ROWS", 7)
    a, b = np.arange(50) % 3, np.arange(50) % 4
    np.testing.assert_array_equal(
        contingency(a, b).counts, metrics.cluster.contingency_matrix(a, b)
    )


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([], [], "empty"),
        ([0, 1], [0], "1 values for 2 rows"),
        ([0.0, np.nan], [0, 1], "missing"),
        (np.arange(4_000), np.arange(4_000), "too many"),
    ],
)
def test_malformed_labels_are_errors(a, b, message):
    with pytest.raises(ValueError, match=message):
        contingency(a, b)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([1, 2], "row for each cluster"),
        ([[0.5, 1]], "whole numbers"),
        ([[-1, 1]], "at least 0"),
        ([[0, 0]], "all zeros"),
    ],
)
def test_malformed_tables_are_errors(table, message):
    with pytest.raises(ValueError, match=message):
        adjusted_rand_index(table)


@pytest.mark.parametrize(("a", "b"), EDGES + list(random_partitions(60)))
def test_measures_equal_scikit_learn(a, b):
    assert adjusted_rand_index(a, b) == pytest.approx(metrics.adjusted_rand_score(a, b), abs=1e-12)
    assert adjusted_mutual_information(a, b) == pytest.approx(
        metrics.adjusted_mutual_info_score(a, b), abs=1e-9
    )
    assert homogeneity_completeness(a, b) == pytest.approx(
        metrics.homogeneity_completeness_v_measure(a, b), abs=1e-9
    )


def test_measures_take_labels_a_table_or_its_counts():
    a, b = np.arange(60) % 3, np.arange(60) % 4
    table = contingency(a, b)
    for measure in (
        adjusted_rand_index,
        adjusted_mutual_information,
        homogeneity_completeness,
        jaccard_matrix,
    ):
        np.testing.assert_array_equal(measure(a, b), measure(table))
        np.testing.assert_array_equal(measure(a, b), measure(table.counts.tolist()))


def test_empty_clusters_of_a_table_do_not_count():
    counts = np.array([[5, 1, 0], [0, 0, 0], [2, 7, 0]])
    dense = counts[[0, 2]][:, :2]
    assert adjusted_rand_index(counts) == adjusted_rand_index(dense)
    assert adjusted_mutual_information(counts) == adjusted_mutual_information(dense)
    assert homogeneity_completeness(counts) == homogeneity_completeness(dense)
    assert jaccard_matrix(counts)[1].tolist() == [0, 0, 0]


def test_measures_do_not_overflow_at_a_hundred_million_rows():
    small = np.array([[40_000, 3_000, 10], [2_000, 50_000, 990], [500, 0, 3_500]])
    large = small * 1_000
    expected = {adjusted_rand_index: 1e-4, adjusted_mutual_information: 1e-4}
    for measure, tolerance in expected.items():
        assert measure(large) == pytest.approx(measure(small), abs=tolerance)
    assert homogeneity_completeness(large) == pytest.approx(
        homogeneity_completeness(small), abs=1e-12
    )


def test_adjusted_rand_index_hand_worked():
    # Pairs together in both 2, in the first 6, in the second 7, of 15: (2 - 2.8) / (6.5 - 2.8).
    a, b = [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1]
    assert adjusted_rand_index([[2, 1], [0, 3]]) == adjusted_rand_index(a, b)
    assert adjusted_rand_index(a, b) == pytest.approx((4 - 2.8) / (6.5 - 2.8))


def test_jaccard_against_sets():
    generator = np.random.default_rng(1)
    a, b = generator.integers(0, 4, size=200), generator.integers(0, 3, size=200)
    for i, row in enumerate(jaccard_matrix(a, b)):
        for j, value in enumerate(row):
            one, other = set(np.flatnonzero(a == i)), set(np.flatnonzero(b == j))
            assert value == len(one & other) / len(one | other)


def test_matched_jaccard_is_the_row_maximum_and_may_share_a_match():
    #  {0,1,2,3}, {4,5}, {6} against {0,1,2}, {3,4,5,6}.
    match = matched_jaccard([0, 0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 1, 1])
    assert match.jaccard.tolist() == [3 / 4, 2 / 4, 1 / 4]
    assert match.column.tolist() == [0, 1, 1]


def test_match_centroids_undoes_a_shuffle():
    reference = np.random.default_rng(0).normal(size=(6, 3))
    shuffle = np.array([3, 0, 5, 1, 4, 2])
    np.testing.assert_array_equal(match_centroids(reference, reference[shuffle] + 0.01), shuffle)


def test_match_centroids_minimises_the_total_of_squares():
    # Nearest-first would pair 0 with 1 and leave 10 with -3 (169 + 1); crossing costs 9 + 81.
    assert match_centroids([[0.0], [10.0]], [[1.0], [-3.0]]).tolist() == [1, 0]


@pytest.mark.parametrize(("n_old", "n_new"), [(4, 4), (5, 3), (3, 5)])
def test_match_centroids_finds_the_pairing_that_scipy_finds(n_old, n_new):
    generator = np.random.default_rng(n_new)
    for _ in range(200):
        old, new = generator.normal(size=(n_old, 2)), generator.normal(size=(n_new, 2))
        rows, columns = linear_sum_assignment(cdist(old, new, "sqeuclidean"))
        assert match_centroids(old, new)[columns].tolist() == rows.tolist()


def test_match_centroids_with_more_and_fewer_clusters():
    reference = np.array([[0.0], [10.0]])
    assert match_centroids(reference, [[50.0], [9.0], [-40.0], [1.0]]).tolist() == [2, 1, 3, 0]
    assert match_centroids(reference, [[11.0]]).tolist() == [1]
    with pytest.raises(ValueError, match="1 features and candidate 2"):
        match_centroids(reference, [[0.0, 0.0]])


def test_match_labels_keeps_as_many_rows_as_possible():
    reference = np.array([1, 1, 1, 4, 4, 4, 4, 9])
    renamed = np.array([0, 0, 0, 7, 7, 7, 3, 3])
    assert match_labels(reference, renamed).tolist() == [1, 1, 1, 4, 4, 4, 9, 9]
    assert match_labels([0, 0, 1, 1], ["b", "b", "a", "c"]).tolist() == [0, 0, 1, 2]
    assert match_labels([5, 5, 6], [0, 0, 0]).tolist() == [5, 5, 5]
    with pytest.raises(ValueError, match="integer cluster numbers"):
        match_labels(["a", "b"], [0, 1])
