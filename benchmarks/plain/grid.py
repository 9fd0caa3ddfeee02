"""The grid search: every combination fitted and scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.metrics import (
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_score,
)
from sklearn.model_selection import ParameterGrid


def kmeans_candidates(study: dict[str, Any], *, is_full: bool = True) -> list[dict[str, Any]]:
    """List the fits of the K-means grid, one for each seed.

    Parameters
    ----------
    study : dict
        Var ``study`` of dbt_project.yml.
    is_full : bool
        Whether to vary the optimiser's budget too, or take the largest.

    Returns
    -------
    list of dict
        Keyword arguments of ``KMeans``.
    """
    grid = {
        "n_clusters": study["cluster_counts"],
        "init": study["inits"] if is_full else study["inits"][:1],
        "n_init": study["n_inits"] if is_full else [max(study["n_inits"])],
        "max_iter": study["max_iters"] if is_full else [max(study["max_iters"])],
        "random_state": study["seeds"],
    }
    return list(ParameterGrid(grid))


def spectral_candidates(study: dict[str, Any], *, is_full: bool = True) -> list[dict[str, Any]]:
    """List the fits of the spectral grid: keyword arguments of ``SpectralClustering``."""
    neighbors = study["spectral_neighbors"]
    grid = {
        "n_clusters": study["spectral_cluster_counts"],
        "n_neighbors": neighbors if is_full else neighbors[:1],
        "assign_labels": study["spectral_assign_labels"],
        "random_state": study["seeds"][:1],
    }
    return list(ParameterGrid(grid))


def fit(X: np.ndarray, model: KMeans) -> dict[str, Any]:
    """Fit a model on scaled rows."""
    labels = model.fit_predict(X)
    return {**model.get_params(), "labels": labels, "inertia": model.inertia_}


def score(X: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Score a partition of scaled rows."""
    return {
        "silhouette": silhouette_score(X, labels),
        "davies_bouldin": davies_bouldin_score(X, labels),
        "calinski_harabasz": calinski_harabasz_score(X, labels),
        "smallest_cluster_share": np.bincount(labels).min() / len(labels),
    }


def kmeans_fits(X: np.ndarray, candidates: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Fit K-means candidates, one row each."""
    return pd.DataFrame([fit(X, KMeans(**parameters)) for parameters in candidates])


def with_scores(X: np.ndarray, fits: pd.DataFrame) -> pd.DataFrame:
    """Score fitted partitions."""
    scores = [score(X, labels) for labels in fits["labels"]]
    return pd.concat([fits.reset_index(drop=True), pd.DataFrame(scores)], axis=1)


def spectral(X: np.ndarray, **parameters: Any) -> np.ndarray:
    """Cluster scaled rows with scikit-learn's defaults but the nearest-neighbour graph."""
    return SpectralClustering(affinity="nearest_neighbors", **parameters).fit_predict(X)


def spectral_grid(X: np.ndarray, candidates: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Evaluate spectral candidates, one row each."""
    fits = [{**parameters, "labels": spectral(X, **parameters)} for parameters in candidates]
    return with_scores(X, pd.DataFrame(fits))


def gap_rows(X: np.ndarray, *, rows: int, seed: int) -> np.ndarray:
    """Draw the rows for the gap statistic."""
    if len(X) <= rows:
        return X
    return X[np.random.default_rng(seed).choice(len(X), size=rows, replace=False)]


def log_inertias(X: np.ndarray, *, cluster_counts: Sequence[int], seed: int) -> np.ndarray:
    """Return the logarithm of the inertia for each number of clusters."""
    return np.log(
        [KMeans(n_clusters=k, n_init=3, random_state=seed).fit(X).inertia_ for k in cluster_counts]
    )


def gap_statistic(
    X: np.ndarray, *, cluster_counts: Sequence[int], references: int, seed: int
) -> pd.DataFrame:
    """Compare the inertia with that of uniform data in the same box (Tibshirani)."""
    generator = np.random.default_rng(seed)
    low, high = X.min(axis=0), X.max(axis=0)
    drawn = np.stack(
        [
            log_inertias(
                generator.uniform(low, high, size=X.shape), cluster_counts=cluster_counts, seed=seed
            )
            for _ in range(references)
        ]
    )
    observed = log_inertias(X, cluster_counts=cluster_counts, seed=seed)
    return pd.DataFrame(
        {
            "n_clusters": list(cluster_counts),
            "gap": drawn.mean(axis=0) - observed,
            "gap_standard_error": drawn.std(axis=0) * np.sqrt(1 + 1 / references),
        }
    )
