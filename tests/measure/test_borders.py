"""Gaps, tails and cuts, on data where the answer is known."""

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from customer_segmentation.cluster.kmeans import fit_kmeans
from customer_segmentation.measure.borders import cluster_borders


def borders(X, n_clusters):
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    fit = fit_kmeans(scaled, n_clusters=n_clusters, n_init=20, seed=0)
    return cluster_borders(scaled, fit.labels), fit


def test_hand_worked_case():
    # Two mirrored clusters with means 0 and 1: four rows in the fullest band of each, two at the border.
    left = np.array([-0.6, -0.59, -0.5, 0.28, 0.29, 0.31, 0.32, 0.49])
    X = np.concatenate([left, 1 - left])[:, None]
    labels = (X[:, 0] > 0.5).astype(int)
    table = cluster_borders(X, labels)
    assert table["border_depth"].tolist() == [1 - 2 / 4, 1 - 2 / 4]
    assert table["neighbour"].tolist() == [1, 0]
    # Deep enough, but four rows against two are chance.
    assert set(table["border"]) == {"cut"}
    many = cluster_borders(np.repeat(X, 20, axis=0), np.repeat(labels, 20))
    assert many["border_depth"].tolist() == [1 - 2 / 4, 1 - 2 / 4]
    assert set(many["border"]) == {"gap"}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n_clusters", "n_features"), [(2, 1), (3, 2), (4, 3), (7, 2)])
def test_uniform_data_have_no_gap_and_no_tail(n_clusters, n_features, seed):
    X = np.random.default_rng(seed).uniform(size=(6_000, n_features))
    table, _ = borders(X, n_clusters)
    assert set(table["border"]) == {"cut"}
    assert table["border_depth"].max() < 0.5


@pytest.mark.parametrize("seed", range(3))
def test_one_round_cloud_has_no_gap(seed):
    table, _ = borders(np.random.default_rng(seed).normal(size=(6_000, 3)), 4)
    assert "gap" not in set(table["border"])


def test_far_groups_have_gaps():
    X, _ = make_blobs(n_samples=4_000, centers=4, cluster_std=0.5, random_state=3)
    table, _ = borders(X, 4)
    assert set(table["border"]) == {"gap"}
    assert table["border_depth"].min() > 0.95


def test_a_shop_has_a_gap_a_tail_and_cuts():
    generator = np.random.default_rng(0)
    X = np.column_stack(
        [
            generator.uniform(0, 700, 30_000),
            1 + (generator.random(30_000) < 0.03),
            np.exp(generator.normal(4.7, 0.8, 30_000)),
        ]
    )
    table, fit = borders(X, 4)
    repeat, big = fit.centroids[:, 1].argmax(), fit.centroids[:, 2].argmax()
    words = table.set_index("cluster")["border"]
    assert words[repeat] == "gap"
    assert table.set_index("cluster")["border_depth"][repeat] == 1
    assert words[big] == "tail"
    assert set(words.drop([repeat, big])) == {"cut"}


def test_one_cluster_has_no_border():
    table = cluster_borders([[1.0], [2.0]], [3, 3])
    assert table["cluster"].tolist() == [3]
    assert table["border"].tolist() == [None]
    assert np.isnan(table["border_depth"].iloc[0])


def test_numbers_of_clusters_and_order_of_rows_leave_no_trace():
    X, labels = make_blobs(n_samples=900, centers=3, random_state=1)
    order = np.random.default_rng(0).permutation(900)
    first = cluster_borders(X, labels)
    other = cluster_borders(X[order], labels[order] * 10 + 5)
    assert other["cluster"].tolist() == [5, 15, 25]
    assert other["neighbour"].tolist() == [10 * n + 5 for n in first["neighbour"]]
    assert other["border"].tolist() == first["border"].tolist()
    np.testing.assert_allclose(other["border_depth"], first["border_depth"])
