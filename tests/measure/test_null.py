"""A null for every claim: data without structure earn no word of praise."""

import numpy as np
import pytest
from scipy import stats
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs
from sklearn.metrics import silhouette_samples, silhouette_score
from threadpoolctl import threadpool_limits

from customer_segmentation.cluster.kmeans import fit_kmeans
from customer_segmentation.measure.null import (
    cluster_silhouettes,
    excess_over_null,
    null_clusters,
    null_silhouettes,
    permuted_columns,
    verdict,
)
from customer_segmentation.measure.stability import bootstrap_stability, kmeans_refit

PRAISE = {"group", "highly stable", "stable"}


def verdicts(X, n_clusters, seed=0, permutations=10):
    """Judge the K-means clusters of scaled rows as the study does."""
    labels = fit_kmeans(X, n_clusters=n_clusters, seed=seed).labels
    refit = kmeans_refit(n_clusters=n_clusters, n_init=5)
    found = bootstrap_stability(X, labels, refit, resamples=60, seed=seed).clusters
    null = null_clusters(
        X,
        labels,
        permutations=permutations,
        resamples=10,
        maximum_rows=1_000,
        n_init=5,
        seed=seed,
    )
    silhouette = cluster_silhouettes(X, labels, maximum_rows=1_000, seed=seed)
    by_jaccard, by_silhouette = (
        excess_over_null(observed, drawn, comparisons=2 * n_clusters)
        for observed, drawn in (
            (found["mean_jaccard"], null.jaccard),
            (silhouette, null.silhouette),
        )
    )
    words = [
        verdict(mean, resamples=60, null_resamples=10 * permutations, is_above_null=one or other)
        for mean, one, other in zip(
            found["mean_jaccard"], by_jaccard["is_above"], by_silhouette["is_above"], strict=True
        )
    ]
    return words, found["mean_jaccard"], by_silhouette


def scaled(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def shop_without_segments(generator, n_rows=3_000):
    """Draw uniform recency times coin-flip repeat times lognormal money."""
    return np.column_stack(
        [
            generator.uniform(0, 700, n_rows),
            1 + (generator.random(n_rows) < 0.03),
            np.exp(generator.normal(4.7, 0.8, n_rows)),
        ]
    )


def test_permuting_keeps_every_column_and_nothing_between_them():
    generator = np.random.default_rng(1)
    first = generator.normal(size=5_000)
    X = np.column_stack([first, first + 0.1 * generator.normal(size=5_000)])
    found = permuted_columns(X, seed=3)
    np.testing.assert_array_equal(np.sort(found, axis=0), np.sort(X, axis=0))
    assert stats.pearsonr(*X.T).statistic > 0.99
    assert abs(stats.pearsonr(*found.T).statistic) < 0.05
    np.testing.assert_array_equal(found, permuted_columns(X, seed=3))
    assert (found != permuted_columns(X, seed=4)).any()


def test_null_silhouettes_are_scikit_learns_of_the_same_permutations():
    X, _ = make_blobs(n_samples=200, centers=[[0, 0], [9, 1], [4, 8]], random_state=0)
    table = null_silhouettes(
        X, cluster_counts=[2, 3], maximum_rows=1_000, permutations=4, n_init=30, seed=5
    )
    expected = []
    for sequence in np.random.SeedSequence(5).spawn(4):
        seed = int(np.random.default_rng(sequence).integers(2**32))
        rows = permuted_columns(X, seed=seed)
        with threadpool_limits(limits=1):
            expected.append(
                [
                    silhouette_score(
                        rows, KMeans(k, n_init=30, tol=0, random_state=0).fit(rows).labels_
                    )
                    for k in (2, 3)
                ]
            )
    assert table["n_clusters"].tolist() == [2, 3]
    np.testing.assert_allclose(table["null_silhouette"], np.mean(expected, axis=0), atol=1e-6)
    error = np.std(expected, axis=0, ddof=1) * np.sqrt(1 + 1 / 4)
    np.testing.assert_allclose(table["standard_error"], error, atol=1e-6)


def test_long_data_are_drawn_and_short_data_are_left_out_where_they_cannot_be_cut():
    generator = np.random.default_rng(0)
    X = scaled(shop_without_segments(generator))
    options = {"cluster_counts": [4], "permutations": 8, "n_init": 10, "seed": 0}
    all_rows = null_silhouettes(X, maximum_rows=3_000, **options).iloc[0]
    drawn = null_silhouettes(X, maximum_rows=1_000, **options).iloc[0]
    assert drawn["standard_error"] > 0
    difference = drawn["null_silhouette"] - all_rows["null_silhouette"]
    assert abs(difference) < 4 * np.hypot(drawn["standard_error"], all_rows["standard_error"])
    two_points = np.array([[0.0], [0.0], [1.0], [1.0]])
    table = null_silhouettes(
        two_points, cluster_counts=[2, 3], maximum_rows=9, permutations=3, n_init=1, seed=0
    )
    assert table["null_silhouette"].tolist()[0] == 1
    assert np.isnan(table["null_silhouette"].tolist()[1])
    assert np.isnan(table["standard_error"].tolist()[1])


def test_threads_change_nothing():
    X = scaled(shop_without_segments(np.random.default_rng(0), 400))
    options = {"permutations": 3, "n_init": 2, "seed": 1}
    for threads in (1, 3):
        silhouettes = null_silhouettes(
            X, cluster_counts=[2, 5], maximum_rows=200, threads=threads, **options
        )
        labels = (X[:, 0] > 0).astype(int)
        null = null_clusters(X, labels, resamples=3, maximum_rows=200, threads=threads, **options)
        if threads == 1:
            first = silhouettes, null
    np.testing.assert_array_equal(first[0], silhouettes)
    np.testing.assert_array_equal(first[1].jaccard, null.jaccard)
    np.testing.assert_array_equal(first[1].silhouette, null.silhouette)


def test_cluster_silhouettes_are_scikit_learns():
    X, labels = make_blobs(n_samples=300, centers=3, cluster_std=2, random_state=0)
    samples = silhouette_samples(X, labels)
    expected = [samples[labels == cluster].mean() for cluster in range(3)]
    found = cluster_silhouettes(X, labels, maximum_rows=300, seed=0)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    drawn = cluster_silhouettes(X, labels, maximum_rows=200, seed=0)
    np.testing.assert_allclose(drawn, expected, atol=0.1)
    assert (drawn != found).any()
    # One row is alone in its cluster; of another none is drawn; no silhouette without two clusters.
    alone = cluster_silhouettes([[0.0], [1.0], [1.1]], [7, 8, 8], maximum_rows=3, seed=0)
    assert alone[0] == 0
    assert np.isnan(cluster_silhouettes(X, labels, maximum_rows=1, seed=0)).all()
    assert np.isnan(cluster_silhouettes(X, labels * 0, maximum_rows=300, seed=0)).all()


def test_null_clusters_are_those_of_permuted_rows_numbered_like_the_clusters():
    generator = np.random.default_rng(2)
    X = scaled(shop_without_segments(generator, 1_500))
    labels = fit_kmeans(X, n_clusters=4, seed=0).labels
    null = null_clusters(
        X, labels, permutations=3, resamples=8, maximum_rows=1_500, n_init=50, seed=9
    )
    assert null.jaccard.shape == null.silhouette.shape == (3, 4)
    means = np.stack([X[labels == cluster].mean(axis=0) for cluster in range(4)])
    for row, silhouettes, sequence in zip(*null, np.random.SeedSequence(9).spawn(3), strict=True):
        permutation_seed, _, bootstrap_seed = sequence.generate_state(3)
        rows = permuted_columns(X, seed=int(permutation_seed))
        fit = fit_kmeans(rows, n_clusters=4, n_init=50, seed=0)
        # The cut of the permuted rows has the same meaning: each cluster lies nearest to its own.
        distance = ((fit.centroids[:, None, :] - means[None]) ** 2).sum(axis=2)
        number = distance.argmin(axis=1)
        assert sorted(number) == [0, 1, 2, 3]
        expected = bootstrap_stability(
            rows,
            number[fit.labels],
            kmeans_refit(n_clusters=4, n_init=10),
            resamples=8,
            seed=int(bootstrap_seed),
        ).clusters["mean_jaccard"]
        # Other rows are drawn for each number, because the order of the rows differs.
        np.testing.assert_allclose(row, expected, atol=0.1)
        samples = silhouette_samples(rows, number[fit.labels])
        by_cluster = [samples[number[fit.labels] == cluster].mean() for cluster in range(4)]
        np.testing.assert_allclose(silhouettes, by_cluster, atol=1e-6)


def test_excess_is_compared_with_one_more_draw_of_the_null():
    null = np.array([[0.70, 0.9, 0.5], [0.72, 0.9, 0.5], [0.74, 0.9, np.nan]])
    table = excess_over_null([0.99, 0.92, 0.9], null)
    assert table["null"].tolist() == pytest.approx([0.72, 0.9, 0.5])
    assert table["excess"].tolist() == pytest.approx([0.27, 0.02, 0.4])
    error = np.std(null[:, 0], ddof=1) * np.sqrt(1 + 1 / 3)
    assert table["standard_error"].tolist() == pytest.approx([error, 0, 0])
    # The first is 12 standard errors above; the second is sure, and too small to matter.
    assert table["is_above"].tolist() == [True, False, True]
    assert stats.t.ppf(0.99, 2) * error < 0.27
    # The same difference with a null that varies more is chance.
    wide = excess_over_null([0.99], [[0.62], [0.72], [0.82]])
    assert wide["is_above"].tolist() == [False]
    # And so is one of many.
    near = excess_over_null([0.80], [[0.70], [0.72], [0.74]])
    assert near["is_above"].tolist() == [False]
    permutations = np.linspace(0.70, 0.74, 10)[:, None]
    for comparisons, expected in ((1, True), (6, False)):
        table = excess_over_null([0.775], permutations, comparisons=comparisons)
        error = np.std(permutations, ddof=1) * np.sqrt(1 + 1 / 10)
        limit = stats.t.ppf(1 - 0.01 / comparisons, 9) * error
        assert (limit < 0.055) == expected
        assert table["is_above"].tolist() == [expected]
    alone = excess_over_null([0.9], [[0.1]])
    assert alone["is_above"].tolist() == [None]
    assert excess_over_null([np.nan], null[:, :1])["is_above"].tolist() == [None]


@pytest.mark.parametrize(
    ("mean_jaccard", "resamples", "null_resamples", "is_above", "words"),
    [
        (1.0, 100, 100, True, "group"),
        (0.75, 50, 50, True, "group"),
        (1.0, 100, 100, False, "reproducible slice"),
        (0.75, 50, 50, False, "reproducible slice"),
        (0.749, 100, 100, True, "membership doubtful"),
        (0.6, 100, 100, False, "membership doubtful"),
        (0.599, 100, 100, True, "unstable"),
        (0.0, 100, 0, None, "unstable"),
        (1.0, 49, 100, True, "not judged: fewer than 50 resamples"),
        (0.1, 5, 0, None, "not judged: fewer than 50 resamples"),
        (1.0, 100, 49, True, "not judged: fewer than 50 resamples of the null"),
        (0.9, 100, 2, False, "not judged: fewer than 50 resamples of the null"),
        (1.0, 100, 0, None, "not judged: no null"),
        (np.nan, 0, 0, None, "not resampled"),
    ],
)
def test_a_verdict_follows_from_the_excess(
    mean_jaccard, resamples, null_resamples, is_above, words
):
    found = verdict(
        mean_jaccard, resamples=resamples, null_resamples=null_resamples, is_above_null=is_above
    )
    assert found == words


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_clusters", [2, 4])
def test_uniform_data_earn_no_praise(n_clusters, seed):
    X = scaled(np.random.default_rng(seed).uniform(size=(1_500, 3)))
    words, _, _ = verdicts(X, n_clusters, seed)
    assert not PRAISE & set(words)


def test_a_uniform_line_is_cut_surely_and_is_no_group():
    X = np.random.default_rng(0).uniform(size=(4_000, 1))
    words, jaccard, by_silhouette = verdicts(X, 2)
    # What used to be called highly stable.
    assert jaccard.min() > 0.95
    assert words == ["reproducible slice"] * 2
    assert by_silhouette["excess"].abs().max() < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_a_shop_without_segments_earns_no_praise(seed):
    X = scaled(shop_without_segments(np.random.default_rng(seed)))
    words, jaccard, _ = verdicts(X, 4, seed)
    assert not PRAISE & set(words)
    # It is as stable as one could wish: recency and repeat are cut in the same places every time.
    assert np.sort(jaccard)[-3:].min() > 0.9


def test_many_comparisons_earn_no_praise_by_chance():
    """Of three clusters by two measures one is beyond what chance gives a single one."""
    X = scaled(shop_without_segments(np.random.default_rng(3_000), 1_200))
    words, _, by_silhouette = verdicts(X, 3)
    assert by_silhouette["excess"].max() > 0.05
    assert not PRAISE & set(words)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "centers",
    [
        [[0, 0, 0], [8, 8, 0], [8, 0, 8], [0, 8, 8]],
        # Permuted, these are a lattice of sixteen groups, whose cut in four is as stable.
        [[0, 0], [6, 1], [3, 7], [9, 9]],
    ],
)
def test_groups_are_called_so_and_permuted_groups_are_not(centers, seed):
    X, _ = make_blobs(n_samples=1_200, centers=centers, random_state=seed)
    words, _, by_silhouette = verdicts(scaled(X), 4, seed)
    assert words == ["group"] * 4
    assert by_silhouette["excess"].min() > 0.05
    permuted, _, _ = verdicts(permuted_columns(scaled(X), seed=seed), 4, seed)
    assert not PRAISE & set(permuted)
