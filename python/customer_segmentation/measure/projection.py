"""Two dimensions to look at, and a fair sample of the rows to draw there."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from customer_segmentation._libraries import from_sklearn
from customer_segmentation._validation import as_matrix, check_count, check_seed, encode_labels


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """Principal axes of a data set.

    Attributes
    ----------
    mean : ndarray of shape (n_features,), float64
    loadings : ndarray of shape (n_dimensions, n_features), float64
        Unit vectors; in each the loading that is largest in size is positive.
    explained_variance_share : ndarray of shape (n_dimensions,), float64
        Share of the total variance along each axis, 0 to 1.
    """

    mean: np.ndarray
    loadings: np.ndarray
    explained_variance_share: np.ndarray

    def transform(self, X: Any) -> np.ndarray:
        """Return the coordinates of rows on the axes, in the units of the fitted features.

        Parameters
        ----------
        X : array of shape (n_rows, n_features)
            Rows or centroids.

        Returns
        -------
        ndarray of shape (n_rows, n_dimensions), float64

        Raises
        ------
        ValueError
            If ``X`` has another number of features, or NaN or infinite values.
        """
        matrix = as_matrix(X, minimum_rows=0)
        if matrix.shape[1] != self.mean.size:
            raise ValueError(
                f"X has {matrix.shape[1]} features, the projection was made from "
                f"{self.mean.size}; pass the same features in the same order."
            )
        centred = matrix - self.mean
        # Added up feature by feature, a row's coordinates do not depend on the other rows.
        coordinates = np.zeros((len(matrix), len(self.loadings)))
        for column, loading in zip(centred.T, self.loadings.T, strict=True):
            coordinates += column[:, None] * loading
        return coordinates


def fit_projection(X: Any, *, n_dimensions: int = 2) -> Projection:
    """Find the principal axes of standardised features.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        At least two rows, not all the same.
    n_dimensions : int
        At most the number of features and of rows.

    Returns
    -------
    Projection

    Raises
    ------
    ValueError
        If ``X`` is malformed or has no variance, or there are too few features or rows.

    Notes
    -----
    Source: ``sklearn.decomposition.PCA``, on one thread so that the bits do not depend on their
    number. The sign of an axis is arbitrary; here the largest loading is positive, and of equal
    ones the first.
    """
    from threadpoolctl import threadpool_limits

    matrix = as_matrix(X, minimum_rows=2)
    n_dimensions = check_count(n_dimensions, name="n_dimensions")
    if n_dimensions > min(matrix.shape):
        raise ValueError(
            f"n_dimensions is {n_dimensions} but X has {matrix.shape[0]} rows and "
            f"{matrix.shape[1]} features; ask for at most {min(matrix.shape)}."
        )
    if (matrix == matrix[0]).all():
        raise ValueError("All rows of X are the same; there is no variance to project.")
    with threadpool_limits(limits=1):
        model = from_sklearn("decomposition", "PCA")(n_dimensions, svd_solver="full").fit(matrix)
    return Projection(
        mean=model.mean_,
        loadings=_fix_signs(model.components_),
        explained_variance_share=model.explained_variance_ratio_,
    )


def _fix_signs(loadings: np.ndarray) -> np.ndarray:
    size = np.abs(loadings)
    # Loadings that differ by rounding alone are equal.
    is_largest = size >= size.max(axis=1, keepdims=True) * (1 - 1e-9)
    sign = np.sign(loadings[np.arange(len(loadings)), is_largest.argmax(axis=1)])
    return loadings * sign[:, None]


def stratified_sample(
    labels: Any, *, maximum_rows: int, minimum_per_cluster: int = 1, seed: int
) -> np.ndarray:
    """Draw rows at random, each cluster in proportion to its size.

    Small clusters get ``minimum_per_cluster`` rows (or all they have) so that they can be seen;
    the others share what is left in proportion to their sizes, rounded by largest remainder.

    Parameters
    ----------
    labels : array of shape (n_rows,)
    maximum_rows : int
        All rows are returned if there are no more than this.
    minimum_per_cluster : int
        1 keeps the sample as near to proportional as it can be.
    seed : int

    Returns
    -------
    ndarray of shape (at most maximum_rows,), int64
        Positions of the rows drawn, ascending, without repetition.

    Raises
    ------
    ValueError
        If ``labels`` is malformed, or ``maximum_rows`` cannot hold the minimum of every cluster.

    Notes
    -----
    Source: proportional allocation, Cochran (1977), "Sampling Techniques", chapter 5.
    """
    codes, values = encode_labels(labels)
    maximum_rows = check_count(maximum_rows, name="maximum_rows")
    minimum = check_count(minimum_per_cluster, name="minimum_per_cluster")
    generator = np.random.default_rng(check_seed(seed))
    if len(codes) <= maximum_rows:
        return np.arange(len(codes))
    sizes = np.bincount(codes, minlength=len(values))
    least = np.minimum(sizes, minimum)
    if least.sum() > maximum_rows:
        raise ValueError(
            f"{len(values)} clusters with at least {minimum} rows each need {least.sum()} rows, "
            f"maximum_rows is {maximum_rows}; raise it or lower minimum_per_cluster."
        )
    wanted = _allocate(sizes, least, maximum_rows)
    order = np.argsort(codes, kind="stable")
    starts = np.cumsum(sizes) - sizes
    chosen = [
        order[start + generator.choice(size, size=count, replace=False, shuffle=False)]
        for start, size, count in zip(starts, sizes, wanted, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def _allocate(sizes: np.ndarray, least: np.ndarray, total: int) -> np.ndarray:
    """Share out ``total`` rows in proportion to the sizes, none below its least."""
    is_raised = np.zeros(len(sizes), dtype=bool)
    while True:
        # Those raised to their least leave less for the others, which may raise more of them.
        rest = total - least[is_raised].sum()
        exact = np.where(is_raised, least, sizes * (rest / max(sizes[~is_raised].sum(), 1)))
        is_short = ~is_raised & (exact < least)
        if not is_short.any():
            break
        is_raised |= is_short
    whole = np.floor(exact + 1e-9).astype(np.int64)
    by_remainder = np.argsort(whole - exact, kind="stable")
    whole[by_remainder[: total - whole.sum()]] += 1
    return whole
