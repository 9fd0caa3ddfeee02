"""Many K-means fits of rows that hardly differ, each from fresh starts, in little time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from customer_segmentation._validation import as_matrix, check_count, check_seed, has_distinct_rows
from customer_segmentation.cluster._lloyd import Rows, best_start, from_centroids, prepare_rows
from customer_segmentation.cluster._points import near_order
from customer_segmentation.cluster.kmeans import Scaler, fit_kmeans, nearest_centroid, standardise

# Up to this many rows every start sees all of them.
START_ROWS = 10_000
# A fit whose inertia is above the best one found by more than this share is a worse optimum;
# fits of one optimum that end a few rows apart differ by less.
SAME_OPTIMUM = 1e-5


@dataclasses.dataclass(frozen=True, eq=False)
class Refit:
    """A fit, in the scale it was made in.

    Attributes
    ----------
    scaler : Scaler
    centroids : ndarray of shape (n_clusters, n_features), float64
        In standard deviations of ``scaler``.
    inertia : float
        Over the rows it was fitted on, in standard deviations squared.
    is_resampled : bool
        Whether these were a bootstrap resample.
    """

    scaler: Scaler
    centroids: np.ndarray
    inertia: float
    is_resampled: bool

    def labels(self, X: Any) -> np.ndarray:
        """Return the nearest centroid of rows in original units."""
        return nearest_centroid(self.scaler.transform(X), self.centroids)[0]


def quick_fit(
    X: Any,
    *,
    n_clusters: int,
    n_init: int,
    max_iter: int,
    seed: int,
    also: Any = None,
    laid_out: Rows | None = None,
) -> tuple[np.ndarray, float]:
    """Fit K-means, the starts on a sample and the best one polished on all rows.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        Scaled.
    n_clusters, n_init, max_iter, seed : int
        As in `fit_kmeans`.
    also : array of shape (n_clusters, n_features), optional
        Centroids to start from besides; the lower inertia wins.
    laid_out : Rows, optional
        The same rows, laid out by `customer_segmentation.cluster.prepare_rows` with neighbours
        next to each other: the iterations over all rows then take a fraction of the time.

    Returns
    -------
    centroids : ndarray of shape (n_clusters, n_features), float64
    inertia : float

    Raises
    ------
    ValueError
        As `fit_kmeans`.

    Notes
    -----
    Source: k-means++ on a sample and Lloyd's iterations on all rows, the refinement idea of
    Bradley and Fayyad (1998), "Refining initial points for k-means clustering", ICML.
    """
    matrix = as_matrix(X)
    n_clusters = check_count(n_clusters, name="n_clusters", minimum=2)
    seed = check_seed(seed)
    starts: list[Any] = [] if also is None else [np.asarray(also, dtype=np.float64)]
    if len(matrix) > START_ROWS:
        chosen = np.random.default_rng(seed).choice(len(matrix), START_ROWS, replace=False)
        sample = matrix[np.sort(chosen)]
    else:
        sample = matrix
    if has_distinct_rows(sample, minimum=n_clusters)[0]:
        starts.append(
            best_start(
                sample[near_order(sample)],
                n_clusters=n_clusters,
                n_init=n_init,
                max_iter=max_iter,
                weights=None,
                seed=seed,
            )
        )
    elif len(sample) == len(matrix) or not starts:
        starts = ["k-means++"]
    if laid_out is not None:
        starts = [
            start
            if isinstance(start, str)
            else from_centroids(laid_out, centroids=start, max_iter=max_iter)
            for start in starts
        ]
    fits = [
        fit_kmeans(
            matrix, n_clusters=n_clusters, n_init=n_init, max_iter=max_iter, init=start, seed=seed
        )
        for start in starts
    ]
    best = min(fits, key=lambda fit: fit.inertia)
    return best.centroids, best.inertia


def refit_repeats(
    X: Any,
    *,
    scaler: Scaler | None = None,
    robust: Sequence[int] = (),
    n_clusters: int,
    n_init: int,
    max_iter: int,
    seeds: int,
    bootstraps: int,
    seed: int,
) -> list[Refit]:
    """Fit the same rows again, with other seeds and on bootstrap resamples.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        In original units.
    scaler : Scaler, optional
        A frozen one; without it each fit is standardised by the rows that it sees.
    robust : sequence of int
        As in `standardise`.
    n_clusters, n_init, max_iter : int
        As in `fit_kmeans`.
    seeds : int
        Fits of the very rows, each with a seed of its own.
    bootstraps : int
        Fits of as many rows drawn with replacement, each with a seed of its own.
    seed : int
        The others are drawn from it.

    Returns
    -------
    list of Refit
        Of length ``seeds + bootstraps``.

    Raises
    ------
    ValueError
        As `fit_kmeans`.

    Notes
    -----
    Source: Efron (1979), "Bootstrap methods", Annals of Statistics 7.
    """
    matrix = as_matrix(X)
    repeats = []
    # That of a resample, too: rows that were not drawn weigh nothing.
    order = near_order((scaler or standardise(matrix, robust=robust)).transform(matrix))
    ordered = matrix[order]
    sequences = np.random.SeedSequence(check_seed(seed)).spawn(seeds + bootstraps)
    for number, sequence in enumerate(sequences):
        generator = np.random.default_rng(sequence)
        is_resampled = number >= seeds
        rows, weights = matrix, None
        if is_resampled:
            drawn = generator.integers(len(matrix), size=len(matrix))
            rows = matrix.take(drawn, axis=0)
            weights = np.bincount(drawn, minlength=len(matrix))[order].astype(np.float64)
        used = scaler or standardise(rows, robust=robust)
        centroids, inertia = quick_fit(
            used.transform(rows),
            n_clusters=n_clusters,
            n_init=n_init,
            max_iter=max_iter,
            seed=int(generator.integers(2**32)),
            laid_out=prepare_rows(used.transform(ordered), weights),
        )
        repeats.append(Refit(used, centroids, inertia, is_resampled))
    return repeats


def best_optimum(published: Refit, repeats: list[Refit]) -> tuple[Refit, dict[str, Any]]:
    """Choose the lowest inertia of a fit and its repeats on the same rows.

    A fit that stopped in a worse local optimum would look like drift.

    Parameters
    ----------
    published : Refit
    repeats : list of Refit
        Those of bootstrap resamples are other rows and do not count.

    Returns
    -------
    best : Refit
        ``published`` unless a repeat is better by more than a share of `SAME_OPTIMUM`.
    facts : dict
        refit_inertia_excess: inertia of ``published`` above the lowest, as a share of it;
        is_refit_replaced.
    """
    same_rows = [repeat for repeat in repeats if not repeat.is_resampled]
    best = min([published, *same_rows], key=lambda fit: fit.inertia)
    excess = published.inertia / best.inertia - 1 if best.inertia > 0 else 0.0
    is_replaced = excess > SAME_OPTIMUM
    facts = {"refit_inertia_excess": excess, "is_refit_replaced": is_replaced}
    return (best if is_replaced else published), facts
