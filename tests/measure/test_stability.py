import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from threadpoolctl import threadpool_limits

from customer_segmentation.cluster.kmeans import fit_kmeans
from customer_segmentation.measure.stability import (
    bootstrap_stability,
    kmeans_refit,
)


def split_at(border):
    """Make a refit whose clusters are known beforehand."""
    return lambda points, weights, seed: (points[:, 0] >= border).astype(int)


def draws(n_rows, resamples, seed):
    """Repeat the draws of rows of each resample."""
    for sequence in np.random.SeedSequence(seed).spawn(resamples):
        yield np.random.default_rng(sequence).integers(n_rows, size=n_rows).tolist()


def jaccard(one, other):
    return len(one & other) / len(one | other)


def test_hand_worked_case():
    # A large cluster 0..7 and a small one 8, 9; the refit always splits at 5. Draw everything
    # once and the similarities are 5 of 8 (above 0.5, not recovered) and 2 of 5 (dissolved).
    X = np.arange(10.0)[:, None]
    labels = np.repeat([0, 1], [8, 2])
    result = bootstrap_stability(X, labels, split_at(5), resamples=40, seed=1)
    for row, drawn in zip(result.jaccard, draws(10, 40, seed=1), strict=True):
        present = set(drawn)
        found = [{x for x in present if x < 5}, {x for x in present if x >= 5}]
        for value, original in zip(row, [set(range(8)), {8, 9}], strict=True):
            rest = original & present
            if rest:
                assert value == max(jaccard(rest, cluster) for cluster in found if cluster)
            else:
                assert np.isnan(value)
    table = result.clusters
    assert table["cluster"].tolist() == [0, 1]
    assert table["customers"].tolist() == [8, 2]
    assert table["resamples"].tolist() == [40, int((~np.isnan(result.jaccard[:, 1])).sum())]
    assert table.loc[1, "resamples"] < 40
    np.testing.assert_allclose(table["mean_jaccard"], np.nanmean(result.jaccard, axis=0))
    small = result.jaccard[~np.isnan(result.jaccard[:, 1]), 1]
    assert table.loc[1, "recovered_share"] == (small > 0.75).mean()
    assert table.loc[1, "dissolved_share"] == (small <= 0.5).mean()


def test_borders_of_recovered_and_dissolved():
    # Every row is drawn in some resample; keep those that drew all four: 3 of 4 is not above
    # 0.75 and 1 of 2 is dissolved.
    X = np.arange(4.0)[:, None]
    result = bootstrap_stability(X, [0, 0, 0, 0], split_at(1), resamples=200, seed=0)
    everything = [len(set(drawn)) == 4 for drawn in draws(4, 200, seed=0)]
    assert set(result.jaccard[everything, 0]) == {0.75}
    table = result.clusters
    assert table.loc[0, "recovered_share"] == (result.jaccard > 0.75).mean()
    assert 0.5 in result.jaccard
    assert table.loc[0, "dissolved_share"] == (result.jaccard <= 0.5).mean() > 0


def test_copies_of_a_drawn_row_count_once_but_equal_rows_count_each():
    # Rows 0 to 3 are equal in value and are two clusters' members; 4 and 5 are apart.
    X = np.array([[0.0], [0.0], [0.0], [0.0], [1.0], [2.0]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    result = bootstrap_stability(X, labels, split_at(0.5), resamples=50, seed=3)
    originals = [{0, 1, 2}, {3, 4, 5}]
    for row, drawn in zip(result.jaccard, draws(6, 50, seed=3), strict=True):
        present = set(drawn)
        found = [present & {0, 1, 2, 3}, present & {4, 5}]
        for value, original in zip(row, originals, strict=True):
            rest = original & present
            if rest:
                assert value == max(jaccard(rest, cluster) for cluster in found if cluster)
            else:
                assert np.isnan(value)


def test_refit_gets_distinct_points_with_the_number_of_copies():
    X = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 3.0]])
    seen = []

    def refit(points, weights, seed):
        seen.append((points, weights, seed))
        return np.zeros(len(points), dtype=int)

    bootstrap_stability(X, [0, 0, 1], refit, resamples=30, seed=0, threads=1)
    for (points, weights, _), drawn in zip(seen, draws(3, 30, seed=0), strict=True):
        expected = {}
        for row in drawn:
            key = tuple(X[row])
            expected[key] = expected.get(key, 0) + 1
        assert {
            tuple(point): weight for point, weight in zip(points, weights, strict=True)
        } == expected
    assert len({seed for _, _, seed in seen}) == 30


def test_kmeans_equals_the_naive_way_with_copied_rows():
    X, _ = make_blobs(n_samples=[150, 100, 50], centers=[[0, 0], [6, 0], [9, 0]], random_state=0)
    X = np.round(X, 1)
    labels = fit_kmeans(X, n_clusters=3, seed=0).labels
    result = bootstrap_stability(
        X, labels, kmeans_refit(n_clusters=3, n_init=50), resamples=10, seed=5
    )
    for row, drawn in zip(result.jaccard, draws(300, 10, seed=5), strict=True):
        with threadpool_limits(limits=1):
            found = KMeans(3, n_init=50, tol=0, random_state=0).fit(X[drawn]).labels_
        for cluster, value in enumerate(row):
            rest = {x for x in drawn if labels[x] == cluster}
            best = max(
                jaccard(rest, {x for x, label in zip(drawn, found, strict=True) if label == other})
                for other in range(3)
            )
            assert value == pytest.approx(best, abs=1e-15)


def test_stable_and_unstable_clusters_are_told_apart():
    # Two far groups, the second cut in the middle of a round cloud.
    generator = np.random.default_rng(0)
    X = np.concatenate([generator.normal(size=(300, 2)), generator.normal(size=(300, 2)) + 30])
    labels = fit_kmeans(X, n_clusters=3, seed=0).labels
    table = bootstrap_stability(
        X, labels, kmeans_refit(n_clusters=3), resamples=30, seed=0
    ).clusters
    alone = int(np.argmax(table["customers"]))
    assert table.loc[alone, "customers"] == 300
    assert table["mean_jaccard"].drop(alone).max() < table.loc[alone, "mean_jaccard"]
    two = bootstrap_stability(
        X, np.repeat(["near", "far"], 300), kmeans_refit(n_clusters=2), resamples=20, seed=0
    ).clusters
    assert two["cluster"].tolist() == ["far", "near"]
    assert two["mean_jaccard"].tolist() == [1, 1]
    assert two["recovered_share"].tolist() == [1, 1]


def test_result_depends_on_the_seed_and_not_on_threads():
    X, labels = make_blobs(n_samples=400, centers=3, cluster_std=3, random_state=0)
    options = {"resamples": 8, "seed": 2}
    one = bootstrap_stability(X, labels, kmeans_refit(n_clusters=3), threads=1, **options)
    two = bootstrap_stability(X, labels, kmeans_refit(n_clusters=3), threads=2, **options)
    np.testing.assert_array_equal(one.jaccard, two.jaccard)
    other = bootstrap_stability(X, labels, kmeans_refit(n_clusters=3), resamples=8, seed=3)
    assert (one.jaccard != other.jaccard).any()


def test_one_row_and_one_cluster():
    result = bootstrap_stability([[1.0]], [7], split_at(0), resamples=3, seed=0)
    assert result.clusters.loc[0, ["mean_jaccard", "resamples"]].tolist() == [1, 3]


def test_a_subset_is_half_of_the_rows_each_once():
    X = np.arange(11.0)[:, None]
    seen = []

    def refit(points, weights, seed):
        seen.append((points[:, 0], weights))
        return (points[:, 0] >= 5).astype(int)

    labels = np.repeat([0, 1], [8, 3])
    result = bootstrap_stability(X, labels, refit, resamples=20, method="subset", seed=4, threads=1)
    for (points, weights), row in zip(seen, result.jaccard, strict=True):
        assert len(points) == len(set(points)) == 5
        assert (weights == 1).all()
        present = {int(point) for point in points}
        found = [{x for x in present if x < 5}, {x for x in present if x >= 5}]
        for value, original in zip(row, [set(range(8)), {8, 9, 10}], strict=True):
            rest = original & present
            expected = (
                [jaccard(rest, cluster) for cluster in found if cluster] if rest else [np.nan]
            )
            assert value == max(expected) or np.isnan(value) == np.isnan(max(expected))
    assert len({tuple(sorted(points)) for points, _ in seen}) > 5


def test_noise_replaces_rows_within_fpcs_box_and_is_not_compared():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(2_000, 2)) @ np.array([[3.0, 1.0], [0.0, 0.5]]) + [10, -5]
    labels = (X[:, 0] > 10).astype(int)
    original = {tuple(row) for row in X}
    values, vectors = np.linalg.eigh(np.cov(X.T))
    replaced = []

    def refit(points, weights, seed):
        assert (weights == 1).all()
        noise = np.array([point for point in points if tuple(point) not in original])
        replaced.append(noise)
        # Every noise point gets a cluster of its own, which no original cluster may be held against.
        found = (points[:, 0] > 10).astype(int)
        found[-len(noise) :] = 2 + np.arange(len(noise))
        return found

    result = bootstrap_stability(X, labels, refit, resamples=30, method="noise", seed=1, threads=1)
    assert (result.jaccard == 1).all()
    noise = np.concatenate(replaced)
    # 5 % of 60,000 rows, within five standard deviations of the binomial.
    assert abs(len(noise) - 3_000) < 5 * np.sqrt(60_000 * 0.05 * 0.95)
    along = (noise - X.mean(axis=0)) @ vectors / np.sqrt(values)
    assert np.abs(along).max() <= 4 + 1e-9
    # Uniform from -4 to 4: variance 16 / 3 in each direction.
    np.testing.assert_allclose(along.var(axis=0), 16 / 3, rtol=0.1)


def test_a_constant_column_gets_no_noise():
    X = np.column_stack([np.arange(100.0), np.full(100, 7.0)])
    seen = []

    def refit(points, weights, seed):
        seen.append(points)
        return np.zeros(len(points), dtype=int)

    bootstrap_stability(X, [0] * 100, refit, resamples=5, method="noise", seed=0, threads=1)
    assert np.abs(np.concatenate(seen)[:, 1] - 7).max() < 1e-9


def test_impossible_requests_are_errors():
    X, labels = np.arange(6.0)[:, None], [0, 0, 0, 1, 1, 1]
    with pytest.raises(ValueError, match="5 values for 6 rows"):
        bootstrap_stability(X, labels[1:], split_at(1), seed=0)
    with pytest.raises(ValueError, match="NaN"):
        bootstrap_stability(np.full((2, 1), np.nan), [0, 1], split_at(1), seed=0)
    with pytest.raises(ValueError, match="resamples"):
        bootstrap_stability(X, labels, split_at(1), resamples=0, seed=0)
    with pytest.raises(ValueError, match="method must be"):
        bootstrap_stability(X, labels, split_at(1), method="jitter", seed=0)
    with pytest.raises(ValueError, match="one label for each point"):
        bootstrap_stability(X, labels, lambda points, weights, seed: [0], resamples=1, seed=0)
    with pytest.raises(ValueError, match="n_clusters"):
        kmeans_refit(n_clusters=1)


def test_a_resample_of_fewer_kinds_than_clusters_has_each_for_itself():
    """Customers who are nearly all alike: a resample may not draw one of the few kinds."""
    # Three kinds, one of a single row, which some resamples do not draw.
    X = np.repeat([[0.0], [5.0], [9.0]], [10, 9, 1], axis=0)
    labels = np.repeat([0, 1, 2], [10, 9, 1])
    refit = kmeans_refit(n_clusters=3)
    assert refit(X[[0, 10]], np.array([10.0, 10.0]), 0).tolist() == [0, 1]
    table = bootstrap_stability(X, labels, refit, resamples=40, seed=0).clusters
    assert table.loc[2, "resamples"] < 40
    assert table["mean_jaccard"].tolist() == [1.0, 1.0, 1.0]
    # Of two clusters of four asked for, all rows are one kind each, too.
    many = bootstrap_stability(X[:19], labels[:19], kmeans_refit(n_clusters=4), seed=0).clusters
    assert many["mean_jaccard"].tolist() == [1.0, 1.0]
