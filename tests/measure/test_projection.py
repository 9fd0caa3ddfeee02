import numpy as np
import pytest
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from customer_segmentation.measure.projection import _fix_signs, fit_projection, stratified_sample


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(0)
    return generator.normal(size=(400, 3)) @ np.diag([3.0, 2.0, 0.5]) + [5, 0, -2]


def test_equals_scikit_learn_up_to_the_sign(data):
    projection = fit_projection(data)
    theirs = PCA(2).fit(data)
    np.testing.assert_allclose(
        projection.explained_variance_share, theirs.explained_variance_ratio_, rtol=1e-10
    )
    np.testing.assert_allclose(
        np.abs(projection.loadings), np.abs(theirs.components_), rtol=1e-7, atol=1e-10
    )
    np.testing.assert_allclose(
        np.abs(projection.transform(data)), np.abs(theirs.transform(data)), rtol=1e-6, atol=1e-8
    )


def test_largest_loading_is_positive_whatever_the_data_say(data):
    for X in (data, -data, data[:, ::-1]):
        loadings = fit_projection(X, n_dimensions=3).loadings
        largest = np.abs(loadings).argmax(axis=1)
        assert (loadings[np.arange(3), largest] > 0).all()
    np.testing.assert_allclose(
        fit_projection(data).loadings, fit_projection(-data).loadings, atol=1e-12
    )


def test_signs_are_fixed_and_rounding_does_not_decide():
    axes = np.array([[0.1, -0.9, 0.2], [0.5, 0.7, -0.1], [-0.7 + 1e-14, 0.7, 0.0]])
    np.testing.assert_array_equal(_fix_signs(axes), axes * [[-1], [1], [-1]])


def test_first_of_equal_loadings_is_positive():
    # The axes of two mirrored features are (1, -1) and (1, 1) over the root of 2.
    X = np.array([[3.0, -3.0], [-3.0, 3.0], [1.0, 1.0], [-1.0, -1.0]])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(fit_projection(X).loadings, [[half, -half], [half, half]])
    np.testing.assert_allclose(fit_projection(X).explained_variance_share, [0.9, 0.1])


def test_coordinates_do_not_depend_on_other_rows_or_threads(data):
    with threadpool_limits(limits=1):
        one = fit_projection(data)
    with threadpool_limits(limits=2):
        two = fit_projection(data)
    np.testing.assert_array_equal(one.loadings, two.loadings)
    np.testing.assert_array_equal(one.transform(data)[7:9], one.transform(data[7:9]))
    assert one.transform(np.empty((0, 3))).shape == (0, 2)


def test_constant_column_has_no_loading(data):
    X = np.column_stack([data, np.full(len(data), 7.0)])
    np.testing.assert_allclose(fit_projection(X).loadings[:, 3], 0, atol=1e-12)


def test_two_rows():
    projection = fit_projection([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(projection.explained_variance_share, [1, 0], atol=1e-12)
    np.testing.assert_allclose(projection.loadings[0], [0.6, 0.8])


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1.0, 2.0]], "1 rows"),
        ([[1.0], [2.0]], "at most 1"),
        ([[1.0, 2.0], [1.0, 2.0]], "no variance"),
        ([[1.0, np.nan], [1.0, 2.0]], "NaN"),
    ],
)
def test_impossible_projections_are_errors(X, message):
    with pytest.raises(ValueError, match=message):
        fit_projection(X)


def test_other_features_are_an_error(data):
    with pytest.raises(ValueError, match="2 features, the projection was made from 3"):
        fit_projection(data).transform(data[:, :2])


def test_sample_is_proportional():
    labels = np.repeat(["a", "b", "c"], [6_000, 3_000, 1_000])
    sample = stratified_sample(labels, maximum_rows=100, seed=0)
    assert np.unique(labels[sample], return_counts=True)[1].tolist() == [60, 30, 10]
    assert (np.diff(sample) > 0).all()


def test_small_clusters_are_raised_to_the_minimum():
    labels = np.repeat([0, 1, 2, 3], [90_000, 9_960, 37, 3])
    sample = stratified_sample(labels, maximum_rows=1_000, minimum_per_cluster=20, seed=0)
    counts = np.bincount(labels[sample])
    assert counts[2:].tolist() == [20, 3]
    assert counts.sum() == 1_000
    assert counts[0] / counts[1] == pytest.approx(90_000 / 9_960, rel=0.01)


def test_raising_one_cluster_may_leave_too_little_for_another():
    # 7, 2.2, 0.8; with the third raised to 2, 8 rows are left: 6.09, 1.91, and the second is too.
    labels = np.repeat([0, 1, 2], [70, 22, 8])
    sample = stratified_sample(labels, maximum_rows=10, minimum_per_cluster=2, seed=0)
    assert np.bincount(labels[sample]).tolist() == [6, 2, 2]


def test_remainders_go_to_the_largest():
    # 10 rows over sizes 5, 4, 2 of 11: 4.55, 3.64, 1.82.
    labels = np.repeat([0, 1, 2], [5, 4, 2])
    sample = stratified_sample(labels, maximum_rows=10, seed=0)
    assert np.bincount(labels[sample]).tolist() == [4, 4, 2]


def test_every_row_of_a_cluster_is_equally_likely():
    labels = np.repeat([0, 1], [20, 5])
    drawn = np.zeros(25)
    for seed in range(2_000):
        drawn[stratified_sample(labels, maximum_rows=10, seed=seed)] += 1
    # 8 of 20 and 2 of 5; four standard deviations of a share of 2,000 draws.
    np.testing.assert_allclose(drawn / 2_000, 0.4, atol=0.044)


def test_sample_repeats_with_its_seed_and_takes_all_of_a_few():
    labels = np.arange(500) % 3
    first = stratified_sample(labels, maximum_rows=50, seed=1)
    np.testing.assert_array_equal(first, stratified_sample(labels, maximum_rows=50, seed=1))
    assert (first != stratified_sample(labels, maximum_rows=50, seed=2)).any()
    np.testing.assert_array_equal(
        stratified_sample(labels, maximum_rows=500, seed=1), np.arange(500)
    )
    assert stratified_sample([7], maximum_rows=1, seed=0).tolist() == [0]


def test_impossible_samples_are_errors():
    with pytest.raises(ValueError, match="need 6 rows, maximum_rows is 5"):
        stratified_sample(np.arange(9) % 3, maximum_rows=5, minimum_per_cluster=2, seed=0)
    with pytest.raises(ValueError, match="empty"):
        stratified_sample([], maximum_rows=5, seed=0)
