"""Compile what the models run, ahead of the first build: ``python -m customer_segmentation._kernels``.

numba keeps what it has compiled beside the modules, for this code and this processor. `make setup`
starts this in the background, so that it is done while the sample is made and dbt reads the project.
Whatever is not compiled by then, or is changed later, is compiled when it is first called.
"""

from __future__ import annotations

import numpy as np

from customer_segmentation.cluster import fit_kmeans, standardise, two_nearest_centroids
from customer_segmentation.distance import silhouette_score
from customer_segmentation.distance._tree import DistanceTree
from customer_segmentation.measure import Distribution, ks_statistic

ROWS = 2_000


def compile_kernels() -> None:
    """Call every compiled function once, with few rows of the types that the models give it."""
    rows = np.random.default_rng(0).normal(size=(ROWS, 3))
    rows = standardise(rows).transform(rows)
    fit = fit_kmeans(rows, n_clusters=2, n_init=1, fast_starts=True, seed=0)
    two_nearest_centroids(rows, fit.centroids)
    silhouette_score(rows, fit.labels, precision="float64")
    silhouette_score(rows, fit.labels, precision="float32")
    tree = DistanceTree.of(rows)
    if tree is not None:
        tree.cluster_sums(fit.labels, n_clusters=2)
    ks_statistic(*(Distribution.of(column) for column in rows[:, :2].T))


if __name__ == "__main__":
    compile_kernels()
