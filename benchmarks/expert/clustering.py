"""K-means by scikit-learn-intelex, silhouettes on all processors, and a quicker graph."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import scipy.sparse
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist
from sklearn.cluster import SpectralClustering

from benchmarks.expert.threads import side_by_side
from benchmarks.plain import ageing, bootstrap, grid, kmeans

# Distances that are held at once are so many rows of the matrix.
ROWS = 256


@contextlib.contextmanager
def best_libraries() -> Iterator[None]:
    """Let the plain way call the quickest K-means and silhouette there are: nothing else of it changes."""
    from sklearnex.cluster import KMeans

    with contextlib.ExitStack() as stack:
        for module in (ageing, bootstrap, grid, kmeans):
            stack.enter_context(mock.patch.object(module, "KMeans", KMeans))
        for module in (grid, kmeans):
            stack.enter_context(mock.patch.object(module, "silhouette_score", silhouette_score))
        stack.enter_context(mock.patch.object(grid, "spectral", spectral))
        yield


def silhouette_score(X: np.ndarray, labels: np.ndarray) -> float:
    """Compute the mean silhouette, a block of rows a thread at a time.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
    labels : ndarray of shape (n_rows,)
        Of two clusters or more.

    Returns
    -------
    float
    """
    members, sizes = np.unique(labels, return_inverse=True, return_counts=True)[1:]
    order = members.argsort(kind="stable")
    by_cluster, starts = X[order], np.cumsum([0, *sizes[:-1]])

    def of_block(start: int) -> float:
        own = members[order[start : start + ROWS]]
        rows = np.arange(len(own))
        sums = np.add.reduceat(cdist(by_cluster[start : start + ROWS], by_cluster), starts, axis=1)
        a = sums[rows, own] / np.maximum(sizes[own] - 1, 1)
        means = sums / sizes
        means[rows, own] = np.inf
        b = means.min(axis=1)
        of_row = np.divide(b - a, np.maximum(a, b), out=np.zeros(len(own)), where=a != b)
        return float(of_row[sizes[own] > 1].sum())

    return sum(side_by_side(of_block, range(0, len(X), ROWS))) / len(X)


def spectral(X: np.ndarray, *, n_neighbors: int = 10, **parameters: Any) -> np.ndarray:
    """Cluster scaled rows on the graph of scikit-learn's nearest neighbours, found by a quicker tree.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
    n_neighbors : int
    **parameters
        Of ``SpectralClustering``.

    Returns
    -------
    ndarray of shape (n_rows,)
    """
    # With three features a tree is exact, and quicker than what only comes near.
    neighbors = KDTree(X).query(X, k=n_neighbors, workers=-1)[1]
    graph = scipy.sparse.csr_matrix(
        (
            np.ones(neighbors.size),
            neighbors.ravel(),
            np.arange(0, neighbors.size + 1, n_neighbors),
        ),
        shape=(len(X), len(X)),
    )
    # The default solver: multigrid (pyamg) and lobpcg take longer and end at another partition.
    model = SpectralClustering(affinity="precomputed", **parameters)
    return model.fit_predict(0.5 * (graph + graph.T))
