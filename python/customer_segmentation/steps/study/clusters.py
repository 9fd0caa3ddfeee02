"""The clusters of the finalists: their mean customers and their stability."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from customer_segmentation.cluster import (
    SpectralFit,
    fit_spectral_grid,
    match_centroids,
    near_order,
    nearest_centroid,
    prepare_rows,
    remembered_spectral_grid,
    single_start,
    unusualness_permutation,
)
from customer_segmentation.measure import (
    bootstrap_stability,
    cluster_borders,
    cluster_silhouettes,
    excess_over_null,
    kmeans_refit,
    null_clusters,
    verdict,
)
from customer_segmentation.steps.fits import scaler_and_centroids
from customer_segmentation.steps.frames import stacked
from customer_segmentation.steps.naming import (
    REVIEWS,
    Ranks,
    Rule,
    codes_of,
    named_clusters,
    possible_names,
)
from customer_segmentation.steps.reuse import code_and_libraries, reusable
from customer_segmentation.steps.reuse import fingerprint as fingerprint_of
from customer_segmentation.steps.study.settings import StudySettings, start_seeds

CLUSTER_COLUMNS = {
    "fingerprint": "string",
    "candidate_id": "string",
    "cluster": "int",
    "customers": "bigint",
    "mean_recency_days": "double",
    "mean_frequency": "double",
    "mean_monetary": "double",
    "mean_review_score": "double",
    "segment_code": "string",
    "possible_names": "int",
    "resamples": "int",
    "mean_jaccard": "double",
    "recovered_share": "double",
    "dissolved_share": "double",
    "null_resamples": "int",
    "null_jaccard": "double",
    "excess_jaccard": "double",
    "excess_jaccard_standard_error": "double",
    "silhouette": "double",
    "null_silhouette": "double",
    "excess_silhouette": "double",
    "excess_silhouette_standard_error": "double",
    "subset_jaccard": "double",
    "noise_jaccard": "double",
    "neighbour": "int",
    "border_depth": "double",
    "border": "string",
    "verdict": "string",
}

STABILITY_COLUMNS = list(CLUSTER_COLUMNS)[list(CLUSTER_COLUMNS).index("resamples") :]


def candidate_labels(
    X: np.ndarray,
    candidate: pd.Series,
    *,
    seed: int,
    reference: np.ndarray | None = None,
    settings: StudySettings | None = None,
) -> np.ndarray:
    """Fit one candidate again and return its labels, numbered for people.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_features)
        Scaled.
    candidate : Series
        A row of the candidates.
    seed : int
    reference : ndarray of shape (n_reference, n_features), optional
        Scaled centroids whose numbers to follow; default: from ordinary to unusual.
    settings : StudySettings, optional
        Of the study that the candidate is of, on the same rows: a graph that it has cut in this
        process is not made again.

    Returns
    -------
    ndarray of shape (n_customers,), int32
    """
    n_clusters = int(candidate["n_clusters"])
    if candidate["algorithm"] == "kmeans":
        rows = prepare_rows(X[near_order(X)])
        starts = [
            single_start(
                rows,
                n_clusters=n_clusters,
                init=candidate["init"],
                max_iter=int(candidate["max_iter"]),
                seed=start_seed,
            )
            for start_seed in start_seeds(seed, int(candidate["n_init"]))
        ]
        best, _, _ = min(starts, key=lambda start: start[1])
        labels = nearest_centroid(X, best)[0]
    elif settings is not None:
        labels = remembered_spectral_grid(
            X,
            cluster_counts=settings.spectral_cluster_counts,
            assign_labels=settings.spectral_assign_labels,
            n_neighbors=int(candidate["n_neighbors"]),
            minimum_cluster_share=settings.smallest_cluster_share,
            seed=seed,
        )[n_clusters, candidate["assign_labels"]].labels
    else:
        labels = _spectral_fit(X, candidate, seed=seed).labels
    means = np.stack([X[labels == cluster].mean(axis=0) for cluster in range(n_clusters)])
    if reference is not None and len(reference) == n_clusters:
        permutation = match_centroids(reference, means)
    else:
        permutation = unusualness_permutation(means)
    return permutation[labels].astype(np.int32)


def study_clusters(
    finalists: pd.DataFrame,
    rows_of: Callable[[str], pd.DataFrame],
    *,
    features_of: Mapping[str, Sequence[str]],
    settings: StudySettings,
    centroids_in_use: pd.DataFrame,
    rules: Sequence[Rule] = (),
    ranks: Ranks | None = None,
    previous: pd.DataFrame | None = None,
    report: Callable[[str], None] = lambda message: None,
) -> pd.DataFrame:
    """Describe every cluster of every finalist: its mean customer and its stability.

    Parameters
    ----------
    finalists : DataFrame
        Candidates to look into, one row each.
    rows_of : callable
        From a feature set to a frame with its features and recency_days, frequency, monetary,
        average_review_score.
    features_of : mapping
        Columns of each feature set.
    settings : StudySettings
    centroids_in_use : DataFrame with columns cluster, feature_position, scaler_mean, scaler_scale,
        centroid_scaled
        The model whose numbers the first feature set follows; empty when there is none.
    rules, ranks : optional
        What clusters are called, as of `named_clusters`; looked at anew in each build.
    previous : DataFrame, optional
        An earlier result of this function.
    report : callable

    Returns
    -------
    DataFrame with the columns of `CLUSTER_COLUMNS`
        One row per finalist and cluster; possible_names is how many names a cluster of its feature set can have.
    """
    tables = []
    code = code_and_libraries(__name__)
    earlier = reusable(previous, CLUSTER_COLUMNS)
    first_set = next(iter(features_of))
    reference, numbering = None, None
    if not centroids_in_use.empty:
        model_scaler, model_centroids = scaler_and_centroids(centroids_in_use)
        reference = model_scaler.inverse_transform(model_centroids)
        numbering = reference.tolist()
    for feature_set, candidates in finalists.groupby("feature_set", sort=False):
        rows, scaled, scaler = pd.DataFrame(), None, None
        for _, candidate in candidates.iterrows():
            algorithm, n_clusters = candidate["algorithm"], int(candidate["n_clusters"])
            key = str(feature_set), algorithm, n_clusters
            resamples = settings.resamples_of(*key)
            fingerprint = fingerprint_of(
                candidate["fingerprint"],
                candidate["candidate_id"],
                settings.budget_of(*key),
                numbering,
                code,
            )
            table = earlier.get(fingerprint)
            origin = "re-used"
            if table is None:
                origin = f"{resamples} resamples"
                if scaled is None or scaler is None:
                    rows = rows_of(feature_set)
                    X = rows[list(features_of[feature_set])].to_numpy(dtype=np.float64)
                    scaler = settings.standardise(X, features_of[feature_set])
                    scaled = scaler.transform(X)
                follows = reference is not None and feature_set == first_set
                labels = candidate_labels(
                    scaled,
                    candidate,
                    seed=settings.seeds[0],
                    reference=scaler.transform(reference) if follows else None,
                    settings=settings,
                )
                table = _cluster_table(rows, labels).assign(
                    fingerprint=fingerprint, candidate_id=candidate["candidate_id"]
                )
                table = table.merge(
                    candidate_stability(
                        scaled,
                        labels,
                        candidate,
                        settings=settings,
                    ),
                    on="cluster",
                ).reindex(columns=list(CLUSTER_COLUMNS))
            table = with_names(table, features_of[feature_set], rules=rules, ranks=ranks)
            report(f"Stability of {candidate['candidate_id']}: {origin}")
            tables.append(table)
    return stacked(tables, CLUSTER_COLUMNS)


def with_names(
    clusters: pd.DataFrame, features: Sequence[str], *, rules: Sequence[Rule], ranks: Ranks | None
) -> pd.DataFrame:
    """Call the clusters of a candidate what those of a model with the same centroids are called.

    Parameters
    ----------
    clusters : DataFrame with columns customers, mean_recency_days, mean_frequency, mean_monetary, mean_review_score
        One row per cluster, by number.
    features : sequence of str
        Columns that they were made by: who was not made by satisfaction is not named by it.
    rules, ranks
        As of `named_clusters`.

    Returns
    -------
    DataFrame
        With segment_code and possible_names.
    """
    clusters = clusters.sort_values("cluster", ignore_index=True)
    sizes = clusters["customers"].to_numpy(dtype=np.float64)
    money, days = (
        clusters[name].to_numpy(dtype=np.float64) for name in ("mean_monetary", "mean_recency_days")
    )
    by_reviews = any(name.endswith("average_review_score") for name in features)
    measures = pd.DataFrame(
        {
            "frequency": clusters["mean_frequency"].to_numpy(dtype=np.float64),
            "monetary": money,
            "recency_days": days,
            "monetary_ratio": _relative(money, sizes),
            "recency_ratio": _relative(days, sizes),
            REVIEWS: clusters["mean_review_score"].to_numpy(dtype=np.float64)
            if by_reviews
            else np.nan,
        }
    )
    known = [
        {name: value for name, value in row.items() if not np.isnan(value)}
        for row in measures.to_dict("records")
    ]
    return clusters.assign(
        segment_code=codes_of(named_clusters(known, rules, ranks)),
        possible_names=possible_names(rules, ranks, by_reviews=by_reviews),
    )


def _relative(means: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Divide means by the mean over all; missing where that is 0."""
    overall = float(means @ sizes) / float(sizes.sum())
    return means / overall if overall else np.full(len(means), np.nan)


def candidate_stability(
    X: np.ndarray, labels: np.ndarray, candidate: pd.Series, *, settings: StudySettings
) -> pd.DataFrame:
    """Measure how stable each cluster of a candidate is, and what a structureless one would be.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_features)
        Scaled.
    labels : ndarray of shape (n_customers,)
    candidate : Series
    settings : StudySettings

    Returns
    -------
    DataFrame
        One row per cluster: cluster, resamples, mean_jaccard, recovered_share, dissolved_share;
        of K-means neighbour, border_depth and border; with the number of clusters that is judged
        silhouette, null_resamples, and null, excess and standard error of Jaccard similarity and
        silhouette as well, of the features in use also subset_jaccard and noise_jaccard; verdict.
        What is not measured is missing.

    Notes
    -----
    Sources: Hennig (2007); see `customer_segmentation.measure.stability.bootstrap_stability`,
    `customer_segmentation.measure.null` and `customer_segmentation.measure.borders`.
    """
    n_clusters, seed = int(candidate["n_clusters"]), settings.seeds[0]
    is_kmeans = candidate["algorithm"] == "kmeans"
    key = candidate["feature_set"], candidate["algorithm"], n_clusters
    resamples = settings.resamples_of(*key)
    table = pd.DataFrame({"cluster": np.arange(n_clusters), "resamples": 0, "null_resamples": 0})
    budget = {}
    if is_kmeans:
        budget = {"n_init": int(candidate["n_init"]), "max_iter": int(candidate["max_iter"])}
        refit = kmeans_refit(n_clusters=n_clusters, **budget)
        table = table.merge(cluster_borders(X, labels), on="cluster")
    else:

        def refit(points: np.ndarray, weights: np.ndarray, refit_seed: int) -> np.ndarray:
            if len(points) <= n_clusters:
                return np.arange(len(points), dtype=np.int32)
            drawn = np.repeat(np.arange(len(points)), weights.astype(np.int64))
            of_point = np.zeros(len(points), dtype=np.int32)
            of_point[drawn] = _spectral_fit(points[drawn], candidate, seed=refit_seed).labels
            return of_point

    if resamples:
        found = bootstrap_stability(X, labels, refit, resamples=resamples, seed=seed).clusters
        measured = ["resamples", "mean_jaccard", "recovered_share", "dissolved_share"]
        table[measured] = found[measured]
    is_above: list[bool | None] = [None] * n_clusters
    if settings.is_judged(*key):
        has_variants = settings.variant_resamples and settings.is_chosen(*key)
        if has_variants and candidate["feature_set_position"] == 1:
            for method in ("subset", "noise"):
                found = bootstrap_stability(
                    X,
                    labels,
                    refit,
                    resamples=settings.variant_resamples,
                    method=method,
                    seed=seed,
                ).clusters
                table[f"{method}_jaccard"] = found["mean_jaccard"]
        if resamples and settings.null_permutations and settings.null_resamples:
            null = null_clusters(
                X,
                labels,
                permutations=settings.null_permutations,
                resamples=settings.null_resamples,
                maximum_rows=settings.gap_rows,
                seed=seed,
                **budget,
            )
            table["null_resamples"] = (~np.isnan(null.jaccard)).sum(
                axis=0
            ) * settings.null_resamples
            table["silhouette"] = cluster_silhouettes(
                X, labels, maximum_rows=settings.gap_rows, seed=seed
            )
            above = []
            for name, observed, drawn in (
                ("jaccard", table["mean_jaccard"], null.jaccard),
                ("silhouette", table["silhouette"], null.silhouette),
            ):
                # Every cluster by two measures.
                compared = excess_over_null(observed, drawn, comparisons=2 * n_clusters)
                table[f"null_{name}"] = compared["null"]
                table[f"excess_{name}"] = compared["excess"]
                table[f"excess_{name}_standard_error"] = compared["standard_error"]
                above.append(compared["is_above"].tolist())
            is_above = [either(*pair) for pair in zip(*above, strict=True)]
    table = table.reindex(columns=["cluster", *STABILITY_COLUMNS])
    table["neighbour"] = table["neighbour"].astype("Int64")
    table["verdict"] = [
        verdict(
            row.mean_jaccard,
            resamples=int(row.resamples),
            null_resamples=int(row.null_resamples),
            is_above_null=above,
        )
        for row, above in zip(table.itertuples(), is_above, strict=True)
    ]
    return table


def either(one: bool | None, other: bool | None) -> bool | None:
    """Return whether one of two is true; None when none is and one is not known."""
    if one or other:
        return True
    return None if one is None or other is None else False


def _cluster_table(rows: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    grouped = rows.groupby(labels)
    return pd.DataFrame(
        {
            "cluster": sorted(grouped.groups),
            "customers": grouped.size().to_numpy(),
            "mean_recency_days": grouped["recency_days"].mean().to_numpy(),
            "mean_frequency": grouped["frequency"].mean().to_numpy(),
            "mean_monetary": grouped["monetary"].mean().to_numpy(),
            "mean_review_score": grouped["average_review_score"].mean().to_numpy(),
        }
    )


def _spectral_fit(X: np.ndarray, candidate: pd.Series, *, seed: int) -> SpectralFit:
    n_clusters, assign_labels = int(candidate["n_clusters"]), candidate["assign_labels"]
    return fit_spectral_grid(
        X,
        cluster_counts=(n_clusters,),
        assign_labels=(assign_labels,),
        n_neighbors=int(candidate["n_neighbors"]),
        seed=seed,
    )[n_clusters, assign_labels]
