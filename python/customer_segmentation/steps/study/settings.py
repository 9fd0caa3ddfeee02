"""What the study depends on besides its rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from customer_segmentation.cluster import (
    AssignLabels,
    Scaler,
    robust_columns,
    standardise,
)


@dataclasses.dataclass(frozen=True)
class StudySettings:
    """The grid and its budget.

    Attributes
    ----------
    cluster_counts : tuple of int
        Numbers of clusters of K-means.
    inits : tuple of str
        Of ``{"k-means++", "random"}``.
    n_inits, max_iters : tuple of int
        Optimiser budgets.
    seeds : tuple of int
        Every candidate is fitted once with each.
    spectral_cluster_counts, spectral_neighbors : tuple of int
    spectral_assign_labels : tuple of str
    exact_silhouette_rows : int
        As ``maximum_rows`` of `silhouette_estimate`.
    gap_rows, gap_references : int
        Customers drawn for the gap statistic, and reference data sets.
    smallest_cluster_share : float
        A spectral partition with a smaller cluster is degenerate, 0 to 1.
    resamples, screening_resamples, spectral_resamples : int
        Bootstrap resamples of K-means with ``n_clusters`` clusters, of K-means with another
        number, and of spectral clustering with ``n_clusters``.
    variant_resamples : int
        Subsets, and data sets with noise, of K-means with ``n_clusters`` clusters of the features
        in use.
    null_permutations, null_resamples : int
        Data sets whose columns were permuted independently, and bootstrap resamples of each (of
        K-means with ``n_clusters`` clusters); 0 leaves the null unmeasured.
    n_clusters : int
        The number of clusters in use.
    judged_clusters : tuple of (str, int)
        Feature set, and the number of clusters with which its K-means is judged instead: what is
        said above of ``n_clusters`` holds for this one.
    judges_all : bool
        Whether K-means is judged with every number of clusters, all but the variants.
    transforms : tuple of (str, str)
        Feature and the name of its transform, as in `customer_segmentation.cluster.transforms`.
    """

    cluster_counts: tuple[int, ...]
    inits: tuple[str, ...]
    n_inits: tuple[int, ...]
    max_iters: tuple[int, ...]
    seeds: tuple[int, ...]
    spectral_cluster_counts: tuple[int, ...]
    spectral_neighbors: tuple[int, ...]
    spectral_assign_labels: tuple[AssignLabels, ...]
    exact_silhouette_rows: int
    gap_rows: int
    gap_references: int
    smallest_cluster_share: float
    resamples: int
    screening_resamples: int
    spectral_resamples: int
    n_clusters: int
    variant_resamples: int = 50
    null_permutations: int = 10
    null_resamples: int = 10
    judged_clusters: tuple[tuple[str, int], ...] = ()
    judges_all: bool = False
    transforms: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> StudySettings:
        """Take them from the settings of the project; sequences become tuples."""
        fields = {field.name for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v
            for k, v in settings["study"].items()
            if k in fields
        }
        values["judged_clusters"] = tuple(sorted(settings["study"]["judged_clusters"].items()))
        in_order = tuple(sorted(settings["feature_transforms"].items()))
        return cls(**values, n_clusters=settings["n_clusters"], transforms=in_order)

    def standardise(self, X: np.ndarray, columns: Sequence[str]) -> Scaler:
        """Measure the scaler of columns that are named as in `study_columns`."""
        features = [name.removeprefix("in_use_").removeprefix("other_") for name in columns]
        return standardise(X, robust=robust_columns(features, self.transforms))

    def is_chosen(self, feature_set: str, algorithm: str, n_clusters: int) -> bool:
        """Say whether a candidate is K-means with the number of clusters that its set is judged with."""
        judged = dict(self.judged_clusters).get(feature_set, self.n_clusters)
        return algorithm == "kmeans" and n_clusters == judged

    def is_judged(self, feature_set: str, algorithm: str, n_clusters: int) -> bool:
        """Say whether a candidate gets all resamples and a null."""
        is_any = self.judges_all and algorithm == "kmeans" and n_clusters > 1
        return is_any or self.is_chosen(feature_set, algorithm, n_clusters)

    def resamples_of(self, feature_set: str, algorithm: str, n_clusters: int) -> int:
        """Return how many resamples a candidate gets; 0 leaves its stability unmeasured."""
        if self.is_judged(feature_set, algorithm, n_clusters):
            return self.resamples
        if algorithm == "kmeans":
            return self.screening_resamples
        return self.spectral_resamples if n_clusters == self.n_clusters else 0

    def budget_of(self, feature_set: str, algorithm: str, n_clusters: int) -> tuple[int, ...]:
        """Return all that is resampled of a candidate: it tells results apart."""
        budget: tuple[int, ...] = (self.resamples_of(feature_set, algorithm, n_clusters),)
        if self.is_judged(feature_set, algorithm, n_clusters):
            is_chosen = self.is_chosen(feature_set, algorithm, n_clusters)
            variants = self.variant_resamples if is_chosen else 0
            budget += (variants, self.null_permutations, self.null_resamples)
        return budget


def start_seeds(seed: int, n_init: int) -> range:
    """Return the seeds of the starts of a candidate: the first ``n_init`` of the seed's own list."""
    return range(1_000 * seed, 1_000 * seed + n_init)


def study_columns(
    features: Sequence[str], other_feature_sets: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Return the columns of the study's feature table that each feature set is made of.

    Parameters
    ----------
    features : sequence of str
        Of the set in use, which comes first.
    other_feature_sets : mapping of str to sequence of str

    Returns
    -------
    dict of str to list of str
    """
    columns = {"in_use": [f"in_use_{name}" for name in features]}
    for name, others in other_feature_sets.items():
        columns[name] = [f"other_{feature}" for feature in others]
    return columns
