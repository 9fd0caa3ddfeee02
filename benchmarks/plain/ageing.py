"""How models and the labels that they gave age."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    homogeneity_completeness_v_measure,
    pairwise_distances_argmin,
    silhouette_score,
)
from sklearn.preprocessing import StandardScaler

from benchmarks.plain.bootstrap import jaccard_by_cluster

SILHOUETTE_ROWS = 10_000


@dataclasses.dataclass(frozen=True, eq=False)
class Frozen:
    """A model as it was at its date: mean and scale of the features, scaled centroids."""

    mean: np.ndarray
    scale: np.ndarray
    centroids: np.ndarray

    def scaled(self, X: np.ndarray) -> np.ndarray:
        """Standardise rows as the model does."""
        return (X - self.mean) / self.scale

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the nearest centroid of rows in original units."""
        return pairwise_distances_argmin(self.scaled(X), self.centroids)


def refit(X: np.ndarray, *, n_clusters: int, seed: int, model: Frozen | None = None) -> Frozen:
    """Fit rows in original units, in a scale of their own or that of a frozen model."""
    if model is None:
        scaler = StandardScaler().fit(X)
        mean, scale = scaler.mean_, scaler.scale_
    else:
        mean, scale = model.mean, model.scale
    kmeans = KMeans(n_clusters=n_clusters, n_init=10, random_state=seed).fit((X - mean) / scale)
    return Frozen(mean, scale, kmeans.cluster_centers_)


def age(
    customers: dict[pd.Timestamp, pd.DataFrame],
    models: dict[pd.Timestamp, Frozen],
    baseline: pd.Timestamp,
    date: pd.Timestamp,
    *,
    seed: int,
) -> dict[str, object]:
    """Compare a model with the fit of a later date.

    Parameters
    ----------
    customers : dict of Timestamp to DataFrame
        Features by customer_unique_id, and is_in_fit.
    models : dict of Timestamp to Frozen
    baseline, date : Timestamp
    seed : int

    Returns
    -------
    dict
        Adjusted Rand indices of the four designs and the share of customers with a new segment.
    """
    frozen, own = models[baseline], models[date]
    then, now = customers[baseline], customers[date]
    features = [column for column in now.columns if column != "is_in_fit"]
    X = now[features].to_numpy()
    is_shared = now.index.isin(then.index)
    shared = now[is_shared]
    given = pd.Series(frozen.predict(then[features].to_numpy()), index=then.index)
    given = given[shared.index].to_numpy()
    predicted, refitted = frozen.predict(X), own.predict(X)
    again = refit(
        shared.loc[shared["is_in_fit"], features].to_numpy(),
        n_clusters=len(frozen.centroids),
        seed=seed,
        model=frozen,
    )
    return {
        "baseline_as_of_date": baseline,
        "as_of_date": date,
        "prediction_agreement": adjusted_rand_score(predicted, refitted),
        "labels_agreement": adjusted_rand_score(given, refitted[is_shared]),
        "structure_agreement": adjusted_rand_score(
            given, again.predict(shared[features].to_numpy())
        ),
        "migration_agreement": adjusted_rand_score(given, predicted[is_shared]),
        "prediction_changed_share": np.mean(predicted != refitted),
        "migration_changed_share": np.mean(given != predicted[is_shared]),
    }


def repeats(
    X: np.ndarray,
    *,
    n_clusters: int,
    seeds: int,
    bootstraps: int,
    model: Frozen | None = None,
) -> list[Frozen]:
    """Fit rows again, with other seeds and on bootstrap resamples."""
    generator = np.random.default_rng(0)
    fits = [refit(X, n_clusters=n_clusters, seed=seed, model=model) for seed in range(seeds)]
    for seed in range(bootstraps):
        drawn = generator.integers(len(X), size=len(X))
        fits.append(refit(X[drawn], n_clusters=n_clusters, seed=seed, model=model))
    return fits


def compare(
    first: np.ndarray, second: np.ndarray, scaled: np.ndarray, again: list[np.ndarray]
) -> dict[str, float]:
    """Measure how two partitions agree, how good they are, and how much refitting explains."""
    homogeneity, completeness, _ = homogeneity_completeness_v_measure(first, second)
    null = [adjusted_rand_score(a, b) for a, b in itertools.combinations([second, *again], 2)]
    own = [adjusted_rand_score(first, labels) for labels in [second, *again]]
    sample = min(SILHOUETTE_ROWS, len(scaled))
    return {
        "adjusted_rand_index": adjusted_rand_score(first, second),
        "adjusted_mutual_information": adjusted_mutual_info_score(first, second),
        "homogeneity": homogeneity,
        "completeness": completeness,
        "mean_jaccard": jaccard_by_cluster(first, second).mean(),
        "changed_share": np.mean(first != second),
        "silhouette_first": silhouette_score(scaled, first, sample_size=sample, random_state=0),
        "silhouette_second": silhouette_score(scaled, second, sample_size=sample, random_state=0),
        "null_low": np.quantile(null, 0.05),
        "null_high": max(null),
        "adjusted_rand_index_low": min(own),
        "adjusted_rand_index_high": max(own),
    }


def period_stability(
    customers: dict[pd.Timestamp, pd.DataFrame],
    models: dict[pd.Timestamp, Frozen],
    baseline_repeats: list[Frozen],
    baseline: pd.Timestamp,
    date: pd.Timestamp,
    *,
    seeds: int,
    bootstraps: int,
) -> pd.DataFrame:
    """Compare a date with the baseline in the four designs, each with its null band.

    Parameters
    ----------
    customers, models : dict
        As in `age`.
    baseline_repeats : list of Frozen
        The baseline's fit made again, from `repeats`.
    baseline, date : Timestamp
    seeds, bootstraps : int

    Returns
    -------
    DataFrame
        One row per design.
    """
    frozen, own = models[baseline], models[date]
    then, now = customers[baseline], customers[date]
    features = [column for column in now.columns if column != "is_in_fit"]
    X, is_in_fit = now[features].to_numpy(), now["is_in_fit"].to_numpy()
    is_shared = now.index.isin(then.index)
    shared = X[is_shared]
    given = pd.Series(frozen.predict(then[features].to_numpy()), index=then.index)
    given = given[now.index[is_shared]].to_numpy()
    predicted, refitted = frozen.predict(X), own.predict(X)
    settings = {"n_clusters": len(frozen.centroids), "seeds": seeds, "bootstraps": bootstraps}
    again = [model.predict(X) for model in repeats(X[is_in_fit], **settings)]
    of_shared = shared[is_in_fit[is_shared]]
    structure = refit(of_shared, n_clusters=len(frozen.centroids), seed=0, model=frozen)
    structures = repeats(of_shared, **settings, model=frozen)
    scaled, scaled_shared = frozen.scaled(X), frozen.scaled(shared)
    designs = {
        "prediction_vs_refit": (predicted, refitted, scaled, again),
        "labels_vs_refit": (
            given,
            refitted[is_shared],
            scaled_shared,
            [labels[is_shared] for labels in again],
        ),
        "structure": (
            given,
            structure.predict(shared),
            scaled_shared,
            [model.predict(shared) for model in structures],
        ),
        "migration": (
            given,
            predicted[is_shared],
            scaled_shared,
            [model.predict(shared) for model in baseline_repeats],
        ),
    }
    return pd.DataFrame(
        [
            {"as_of_date": date, "design": design, **compare(*partitions)}
            for design, partitions in designs.items()
        ]
    )
