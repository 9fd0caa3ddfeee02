"""K-means with the same answer on any number of threads, and the standardisation before it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from customer_segmentation._libraries import from_sklearn
from customer_segmentation._validation import as_matrix, check_count, check_seed, has_distinct_rows
from customer_segmentation.cluster._lloyd import best_start
from customer_segmentation.cluster._nearest import (
    add_rows,
    lloyd_in_order,
    nearest_of_rows,
    scale_rows,
    two_nearest_of_rows,
)
from customer_segmentation.cluster._points import near_order

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

CENTROID_ROUNDING = 1e-12


@dataclasses.dataclass(frozen=True, eq=False)
class Scaler:
    """Mean and scale of each feature; of a robust one, median and interquartile range.

    Attributes
    ----------
    mean : ndarray of shape (n_features,), float64
        In the units of the features.
    scale : ndarray of shape (n_features,), float64
        Population standard deviation (divisor n); 1 where there is no spread.
    """

    mean: np.ndarray
    scale: np.ndarray

    def transform(self, X: Any) -> np.ndarray:
        """Return ``(X - mean) / scale``, in standard deviations (robust: interquartile ranges).

        Parameters
        ----------
        X : array of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_features), float64

        Raises
        ------
        ValueError
            If ``X`` has another number of features, or NaN or infinite values.
        """
        matrix = self._matrix(X)
        scaled = np.empty_like(matrix)
        # Copies of one kind, for which the kernel is compiled once.
        scale_rows(matrix, np.array(self.mean, float), np.array(self.scale, float), scaled)
        return scaled

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return ``X * scale + mean``, in the original units.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Standardised rows, for example centroids.

        Returns
        -------
        ndarray of shape (n_rows, n_features), float64

        Raises
        ------
        ValueError
            If ``X`` has another number of features, or NaN or infinite values.
        """
        unscaled = self._matrix(X) * self.scale
        unscaled += self.mean
        return unscaled

    def _matrix(self, X: Any) -> np.ndarray:
        matrix = as_matrix(X, minimum_rows=0)
        if matrix.shape[1] != self.mean.size:
            raise ValueError(
                f"X has {matrix.shape[1]} features, the scaler was made from {self.mean.size}; "
                "pass the same features in the same order."
            )
        return matrix


@dataclasses.dataclass(frozen=True, eq=False)
class KMeansFit:
    """A K-means partition.

    Attributes
    ----------
    centroids : ndarray of shape (n_clusters, n_features), float64
    labels : ndarray of shape (n_rows,), int32
        The nearest centroid of each row, as `nearest_centroid` gives it.
    inertia : float
        Sum of (weighted) squared distances to the nearest centroid, in squared units of ``X``.
    iterations : int
        Lloyd iterations of the best start; with fast starts, those after them.
    has_converged : bool
        Whether the fit stopped by itself rather than at ``max_iter``.
    n_rows : int
    """

    centroids: np.ndarray
    labels: np.ndarray
    inertia: float
    iterations: int
    has_converged: bool
    n_rows: int


def standardise(X: Any, *, robust: Sequence[int] = ()) -> Scaler:
    """Measure the mean and the standard deviation of each feature.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    robust : sequence of int
        Columns of which to measure the median and the interquartile range instead.

    Returns
    -------
    Scaler

    Raises
    ------
    ValueError
        If ``X`` is empty, not two-dimensional, or holds NaN or infinity.

    Notes
    -----
    Source: ``sklearn.preprocessing.StandardScaler`` (population standard deviation by the
    corrected two-pass algorithm of Chan, Golub and LeVeque 1983; a feature that is constant up to
    rounding gets scale 1), here in a tenth of its time, the rows added one after the other; and
    ``RobustScaler`` (25th to 75th percentile; a range of 0 gets scale 1).
    """
    matrix = as_matrix(X)
    n_rows = len(matrix)
    mean = _sums(matrix, np.zeros(matrix.shape[1]))[0] / n_rows
    rest, squares = _sums(matrix, mean)
    variance = (squares - rest**2 / n_rows) / n_rows
    epsilon = np.finfo(np.float64).eps
    rounding = n_rows * epsilon * variance + (n_rows * mean * epsilon) ** 2
    scale = np.sqrt(variance, where=variance > rounding, out=np.ones_like(mean))
    if len(robust):
        columns = list(robust)
        by_quartiles = from_sklearn("preprocessing", "RobustScaler")().fit(matrix[:, columns])
        mean[columns], scale[columns] = by_quartiles.center_, by_quartiles.scale_
    return Scaler(mean=mean, scale=scale)


def nearest_centroid(X: Any, centroids: Any) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest centroid of each row, and the Euclidean distance to it.

    The squares are added feature by feature in column order in float64, so that
    ``sqrt((x1 - c1)^2 + (x2 - c2)^2 + …)`` written out in SQL gives the same bits, and the
    result of a row does not depend on the other rows.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    centroids : array of shape (n_clusters, n_features)

    Returns
    -------
    labels : ndarray of shape (n_rows,), int32
        A tie goes to the lowest cluster number.
    distance : ndarray of shape (n_rows,), float64
        In the units of ``X``.

    Raises
    ------
    ValueError
        If the numbers of features differ, or a value is NaN or infinite.
    """
    matrix, centres = _rows_and_centres(X, centroids)
    labels, distance = np.empty(len(matrix), dtype=np.int32), np.empty(len(matrix))
    nearest_of_rows(matrix, centres, labels, distance)
    return labels, distance


def two_nearest_centroids(X: Any, centroids: Any) -> tuple[np.ndarray, np.ndarray]:
    """Find the nearest centroid of each row and the one after it, as `nearest_centroid` does.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
    centroids : array of shape (n_clusters, n_features)

    Returns
    -------
    labels : ndarray of shape (2, n_rows), int32
        The nearest, then the nearest of the others; a tie goes to the lowest cluster number, and
        -1 stands for no other.
    distance : ndarray of shape (2, n_rows), float64
        In the units of ``X``; infinite to no other.

    Raises
    ------
    ValueError
        As `nearest_centroid`.
    """
    matrix, centres = _rows_and_centres(X, centroids)
    labels = np.empty((2, len(matrix)), dtype=np.int32)
    distance = np.empty((2, len(matrix)))
    two_nearest_of_rows(matrix, centres, labels, distance)
    return labels, distance


def _rows_and_centres(X: Any, centroids: Any) -> tuple[np.ndarray, np.ndarray]:
    matrix = as_matrix(X, minimum_rows=0)
    # A copy, so that the kernels are compiled once, whether the given ones may be written to or not.
    centres = as_matrix(centroids, name="centroids").copy()
    if matrix.shape[1] != centres.shape[1]:
        raise ValueError(
            f"X has {matrix.shape[1]} features and the centroids {centres.shape[1]}; "
            "pass the features that the centroids were made from, in the same order."
        )
    return matrix, centres


def fit_kmeans(
    X: Any,
    *,
    n_clusters: int,
    n_init: int = 10,
    max_iter: int = 300,
    tol: float = 0.0,
    init: str | np.ndarray = "k-means++",
    weights: Any = None,
    fast_starts: bool = False,
    seed: int,
) -> KMeansFit:
    """Fit K-means (Lloyd), the best of several starts.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        Usually standardised.
    n_clusters : int
        At least 2 and at most the number of distinct rows.
    n_init : int
        Number of starts; the lowest inertia wins. Ignored with centroids as ``init``.
    max_iter : int
        Limit on the Lloyd iterations of one start.
    tol : float
        Relative movement of the centroids that stops a start. 0 goes on until no row changes
        its cluster, so that the result does not depend on where a tolerance happened to stop.
    init : {"k-means++", "random"} or array of shape (n_clusters, n_features)
        How a start is drawn, or the starting centroids themselves.
    weights : array of shape (n_rows,), optional
        How often each row counts, at least 0. Rows of weight 0 get a label and nothing else.
    fast_starts : bool
        Run the starts with `customer_segmentation.cluster._lloyd`, several times as fast, and only the best
        one to its end in the order of the rows. Every start still sees all rows and goes on until no
        row changes its cluster; the random numbers, and so the local optima met on the way, are
        others. Only for k-means++.
    seed : int

    Returns
    -------
    KMeansFit

    Raises
    ------
    ValueError
        If ``X`` is empty, one-dimensional or holds NaN or infinity; if ``n_clusters`` is below 2
        or above the number of distinct rows; if an option or the weights make no sense.

    Notes
    -----
    Source: ``sklearn.cluster.KMeans`` (Lloyd 1982; k-means++ of Arthur and Vassilvitskii 2007).
    scikit-learn adds up centroids per thread, so its last bits depend on the number of threads;
    here it runs on one thread, which is also faster at these sizes (two BLAS pools compete).
    From given centroids and fast starts the last iterations are ours: the same sums in the same
    order, so the same bits, without scikit-learn's passes before and after. It still does what
    does not end by itself, or empties a cluster.
    """
    matrix = as_matrix(X)
    n_rows = len(matrix)
    n_clusters = check_count(n_clusters, name="n_clusters", minimum=2)
    n_init = check_count(n_init, name="n_init")
    max_iter = check_count(max_iter, name="max_iter")
    seed = check_seed(seed)
    if not 0 <= tol < np.inf:
        raise ValueError(f"tol must be a finite number of at least 0, not {tol!r}.")
    row_weights = None if weights is None else _weights(weights, n_rows)
    counted = matrix if row_weights is None else matrix[row_weights > 0]
    is_enough, distinct = has_distinct_rows(counted, minimum=n_clusters)
    if not is_enough:
        raise ValueError(
            f"n_clusters is {n_clusters} but X has only {distinct} distinct rows"
            f"{'' if row_weights is None else ' of positive weight'}; "
            "ask for fewer clusters or pass more rows."
        )
    start = _start(init, n_clusters, matrix.shape[1])
    is_given = not isinstance(start, str)

    counts = np.ones(n_rows) if row_weights is None else row_weights
    if fast_starts:
        if is_given or init != "k-means++":
            raise ValueError("fast_starts is for init='k-means++'; leave one of the two out.")
        order = near_order(matrix)
        start = best_start(
            matrix[order],
            n_clusters=n_clusters,
            n_init=n_init,
            max_iter=max_iter,
            weights=None if row_weights is None else row_weights[order],
            seed=seed,
        )
    ended = None if isinstance(start, str) or tol else _ended(matrix, start, counts, max_iter)
    if ended is None:
        is_given = not isinstance(start, str)
        with _thread_pools().limit(limits=1):
            model = from_sklearn("cluster", "KMeans")(
                n_clusters,
                init=start,
                n_init=1 if is_given else n_init,
                max_iter=max_iter,
                tol=tol,
                random_state=seed,
            ).fit(matrix, sample_weight=row_weights)
        ended = model.cluster_centers_, int(model.n_iter_)

    centroids = np.ascontiguousarray(ended[0], dtype=np.float64)
    labels, distance = nearest_centroid(matrix, centroids)
    squared = np.square(distance)
    inertia = float(squared.sum() if row_weights is None else squared @ row_weights)
    sizes = np.bincount(labels, weights=row_weights, minlength=n_clusters)
    if (sizes == 0).any():
        raise ValueError(
            f"K-means left {int((sizes == 0).sum())} of {n_clusters} clusters empty: the rows "
            "differ by less than float64 can tell apart; rescale X or ask for fewer clusters."
        )
    iterations = ended[1]
    # At the limit only the centroids can tell whether the last step was the final one.
    has_converged = iterations < max_iter or bool(
        np.allclose(
            centroids, _means(matrix, labels, row_weights, sizes), rtol=1e-9, atol=CENTROID_ROUNDING
        )
    )
    return KMeansFit(
        centroids=centroids,
        labels=labels,
        inertia=inertia,
        iterations=iterations,
        has_converged=has_converged,
        n_rows=n_rows,
    )


def _ended(
    matrix: np.ndarray, start: np.ndarray, weights: np.ndarray, max_iter: int
) -> tuple[np.ndarray, int] | None:
    """Iterate as scikit-learn does from given centroids; None when a cluster empties or it does not end."""
    mean = _sums(matrix, np.zeros(matrix.shape[1]))[0] / len(matrix)
    centroids = start - mean
    centred = Scaler(mean, np.ones_like(mean)).transform(matrix)
    iterations = lloyd_in_order(centred, weights, centroids, max_iter)
    return (centroids + mean, int(iterations)) if iterations else None


def _sums(matrix: np.ndarray, middle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sums of the rows less a middle, and of the squares of that, both by feature."""
    sums, squares = np.zeros_like(middle), np.zeros_like(middle)
    add_rows(matrix, middle, sums, squares)
    return sums, squares


@functools.cache
def _thread_pools() -> ThreadpoolController:
    """Find the thread pools of the libraries in use, once: looking for them takes milliseconds."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _weights(weights: Any, n_rows: int) -> np.ndarray:
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (n_rows,):
        raise ValueError(f"weights has shape {array.shape}; pass one weight for each of {n_rows}.")
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError("weights must be finite and at least 0.")
    return array


def _start(init: str | np.ndarray, n_clusters: int, n_features: int) -> str | np.ndarray:
    if isinstance(init, str):
        if init not in ("k-means++", "random"):
            raise ValueError(
                f"init must be 'k-means++', 'random' or an array of centroids, not {init!r}."
            )
        return init
    centroids = as_matrix(init, name="init")
    if centroids.shape != (n_clusters, n_features):
        raise ValueError(
            f"init has shape {centroids.shape}; pass {(n_clusters, n_features)} for "
            f"{n_clusters} clusters of {n_features} features."
        )
    return centroids


def _means(
    matrix: np.ndarray, labels: np.ndarray, weights: np.ndarray | None, sizes: np.ndarray
) -> np.ndarray:
    totals = [
        np.bincount(labels, weights=column if weights is None else column * weights)
        for column in matrix.T
    ]
    return np.stack(totals, axis=1) / sizes[:, None]
