"""The study: candidates of every algorithm on every feature set, their quality and stability."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from customer_segmentation.cluster import (
    AssignLabels,
    Scaler,
    SpectralFit,
    fit_spectral_grid,
    match_centroids,
    near_order,
    nearest_centroid,
    prepare_rows,
    robust_columns,
    single_start,
    standardise,
    unusualness_permutation,
)
from customer_segmentation.distance import silhouette_estimate, silhouette_scores
from customer_segmentation.measure import (
    adjusted_rand_index,
    bootstrap_stability,
    gap_statistic,
    kmeans_refit,
    partition_quality,
)
from customer_segmentation.steps.fits import scaler_and_centroids
from customer_segmentation.steps.frames import rows_fingerprint
from customer_segmentation.steps.reuse import code_and_libraries, reusable
from customer_segmentation.steps.reuse import fingerprint as fingerprint_of

CANDIDATE_COLUMNS = {
    "fingerprint": "string",
    "candidate_id": "string",
    "as_of_date": "date",
    "feature_set": "string",
    "feature_set_position": "int",
    "algorithm": "string",
    "parameters": "string",
    "n_clusters": "int",
    "init": "string",
    "n_init": "int",
    "max_iter": "int",
    "n_neighbors": "int",
    "assign_labels": "string",
    "seeds": "int",
    "customers": "bigint",
    "inertia": "double",
    "inertia_spread": "double",
    "silhouette": "double",
    "silhouette_spread": "double",
    "silhouette_standard_error": "double",
    "davies_bouldin": "double",
    "calinski_harabasz": "double",
    "gap": "double",
    "gap_standard_error": "double",
    "smallest_cluster_share": "double",
    "seed_agreement": "double",
    "graph_components": "int",
    "is_degenerate": "boolean",
    "is_finalist": "boolean",
    "note": "string",
}
# What is said of the clusters of every feature set.
DESCRIBED = ("recency_days", "frequency", "monetary", "average_review_score")
# Budgets whose mean inertia is above the lowest by no more than this share reach the same optimum.
SAME_INERTIA = 1e-6
CLUSTER_COLUMNS = {
    "fingerprint": "string",
    "candidate_id": "string",
    "cluster": "int",
    "customers": "bigint",
    "mean_recency_days": "double",
    "mean_frequency": "double",
    "mean_monetary": "double",
    "mean_review_score": "double",
    "resamples": "int",
    "mean_jaccard": "double",
    "recovered_share": "double",
    "dissolved_share": "double",
    "verdict": "string",
}


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
    n_clusters : int
        The number of clusters in use.
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
    transforms: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_mapping(
        cls,
        settings: Mapping[str, Any],
        *,
        n_clusters: int,
        transforms: Mapping[str, str] | None = None,
    ) -> StudySettings:
        """Make the settings from plain values; sequences become tuples."""
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()
        }
        in_order = tuple(sorted((transforms or {}).items()))
        return cls(**values, n_clusters=n_clusters, transforms=in_order)

    def standardise(self, X: np.ndarray, columns: Sequence[str]) -> Scaler:
        """Measure the scaler of columns that are named as in `study_columns`."""
        features = [name.removeprefix("in_use_").removeprefix("other_") for name in columns]
        return standardise(X, robust=robust_columns(features, self.transforms))

    def resamples_of(self, algorithm: str, n_clusters: int) -> int:
        """Return how many resamples a candidate gets; 0 leaves its stability unmeasured."""
        is_in_use = n_clusters == self.n_clusters
        if algorithm == "kmeans":
            return self.resamples if is_in_use else self.screening_resamples
        return self.spectral_resamples if is_in_use else 0


class Start(NamedTuple):
    """One run of K-means: scaled centroids, inertia, and iterations until it ended."""

    centroids: np.ndarray
    inertia: float
    iterations: int


class Scorer:
    """Quality of partitions of the same rows; equal partitions are scored once.

    Exact silhouettes wait until one is asked for, because many of them together cost little
    more than one (see `customer_segmentation.distance.silhouette.silhouette_scores`).

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Scaled.
    exact_silhouette_rows : int
    seed : int
        Of the estimate above that many rows.
    """

    def __init__(self, X: np.ndarray, *, exact_silhouette_rows: int, seed: int) -> None:
        self._rows = X
        self._exact_rows = exact_silhouette_rows
        self._seed = seed
        self._known: dict[bytes, dict[str, float]] = {}
        self._waiting: dict[bytes, np.ndarray] = {}

    def measure(self, labels: np.ndarray) -> dict[str, float]:
        """Return inertia, Davies-Bouldin, Calinski-Harabasz and shares: all but the silhouette."""
        return self._measured(first_seen_numbers(labels))[1]

    def add(self, labels: np.ndarray) -> bytes:
        """Take a partition in and return the key of its scores, the same for equal partitions."""
        canonical = first_seen_numbers(labels)
        key, known = self._measured(canonical)
        if key in self._waiting or "silhouette" in known:
            return key
        if len(self._rows) <= self._exact_rows:
            self._waiting[key] = canonical
        else:
            score = silhouette_estimate(
                self._rows, canonical, maximum_rows=self._exact_rows, seed=self._seed
            )
            known["silhouette"] = score.score
            known["silhouette_standard_error"] = score.standard_error
        return key

    def _measured(self, canonical: np.ndarray) -> tuple[bytes, dict[str, float]]:
        key = hashlib.sha256(canonical.tobytes()).digest()
        if key not in self._known:
            measures = partition_quality(self._rows, canonical)
            self._known[key] = {
                "davies_bouldin": measures.davies_bouldin,
                "calinski_harabasz": measures.calinski_harabasz,
                "inertia": measures.inertia,
                "smallest_cluster_share": measures.smallest_cluster_share,
            }
        return key, self._known[key]

    def scores(self, key: bytes) -> dict[str, float]:
        """Return silhouette (and its standard error), Davies-Bouldin, Calinski-Harabasz, shares."""
        if self._waiting:
            silhouettes = silhouette_scores(self._rows, list(self._waiting.values()))
            for waiting, score in zip(self._waiting, silhouettes, strict=True):
                self._known[waiting]["silhouette"] = float(score)
                self._known[waiting]["silhouette_standard_error"] = 0.0
            self._waiting.clear()
        return self._known[key]


def first_seen_numbers(labels: np.ndarray) -> np.ndarray:
    """Renumber labels in the order in which they first occur, so that equal partitions are equal.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,)

    Returns
    -------
    ndarray of shape (n_rows,), int32
    """
    return pd.factorize(labels)[0].astype(np.int32)


def kmeans_candidates(
    X: np.ndarray,
    *,
    settings: StudySettings,
    scorer: Scorer,
    inits: Sequence[str],
    n_inits: Sequence[int],
    max_iters: Sequence[int],
    threads: int = 2,
    report: Callable[[str], None] = lambda message: None,
) -> Iterator[dict[str, Any]]:
    """Run K-means over the grid of optimiser budgets, each candidate with every seed.

    The budgets of a number of clusters are no models of their own: they are told apart by inertia,
    and one of them, the finalist, stands for them all (see `finalist_budget`).

    A candidate with ``n_init`` starts is the best of the first ``n_init`` of a common list of
    starts; a start that ended within a smaller ``max_iter`` is the same with a larger one. So
    nothing is fitted twice.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Scaled.
    settings : StudySettings
    scorer : Scorer
    inits, n_inits, max_iters : sequence
        The part of the grid to evaluate.
    threads : int
        Starts run side by side; the result does not depend on it.
    report : callable
        Receives a line of progress per number of clusters.

    Yields
    ------
    dict
        The parameters of a candidate and its inertia; of a finalist also the agreement of its
        partitions, one a seed, and their keys in ``scorer``; see `with_scores`.
    """
    longest, most = max(max_iters), max(n_inits)
    rows = prepare_rows(X[near_order(X)])
    counts = [k for k in settings.cluster_counts if k < len(np.unique(X, axis=0))]
    for position, n_clusters in enumerate(counts, start=1):
        budgets: list[dict[str, Any]] = []
        partitions: list[list[np.ndarray]] = []
        for init in inits:

            def start(
                job: tuple[int, int], n_clusters: int = n_clusters, init: str = init
            ) -> Start:
                seed, max_iter = job
                centroids, inertia, iterations = single_start(
                    rows, n_clusters=n_clusters, init=init, max_iter=max_iter, seed=seed
                )
                return Start(centroids, inertia, iterations)

            # The compiled starts let go of Python's lock.
            with ThreadPoolExecutor(threads) as pool:
                jobs = [
                    (job, longest) for seed in settings.seeds for job in start_seeds(seed, most)
                ]
                fits = dict(zip(jobs, pool.map(start, jobs), strict=True))
                cut = [
                    (seed, max_iter)
                    for (seed, _), fit in fits.items()
                    for max_iter in max_iters
                    if max_iter < longest and fit.iterations > max_iter
                ]
                shorter = dict(zip(cut, pool.map(start, cut), strict=True))
            for n_init in n_inits:
                for max_iter in max_iters:
                    best = [
                        min(
                            (
                                shorter.get((job, max_iter), fits[job, longest])
                                for job in start_seeds(seed, n_init)
                            ),
                            key=lambda fit: fit.inertia,
                        )
                        for seed in settings.seeds
                    ]
                    partitions.append([nearest_centroid(X, s.centroids)[0] for s in best])
                    budgets.append(
                        {
                            "algorithm": "kmeans",
                            "n_clusters": n_clusters,
                            "init": init,
                            "n_init": n_init,
                            "max_iter": max_iter,
                            "seeds": len(best),
                            **_inertia([scorer.measure(labels) for labels in partitions[-1]]),
                        }
                    )
        finalist = finalist_budget(budgets)
        for number, budget in enumerate(budgets):
            yield (
                budget
                | {"is_finalist": number == finalist}
                | (_partitions(partitions[number], scorer) if number == finalist else {})
            )
        report(f"K-means grid {position}/{len(counts)}: {n_clusters} clusters")


def finalist_budget(budgets: Sequence[Mapping[str, Any]]) -> int:
    """Choose the optimiser budget that stands for its number of clusters.

    Of those that reach the lowest inertia it is the largest, because a small one that was lucky
    here need not be so in a bootstrap resample.

    Parameters
    ----------
    budgets : sequence of mappings with init, n_init, max_iter and inertia

    Returns
    -------
    int
        Its position.
    """
    lowest = min(budget["inertia"] for budget in budgets)

    def rank(position: int) -> tuple[Any, ...]:
        budget = budgets[position]
        is_worse = budget["inertia"] > lowest * (1 + SAME_INERTIA)
        return is_worse, -budget["n_init"], -budget["max_iter"], budget["init"]

    return min(range(len(budgets)), key=rank)


def with_scores(candidate: dict[str, Any], scorer: Scorer) -> dict[str, Any]:
    """Add the quality of a candidate: means over its partitions, and spreads.

    Parameters
    ----------
    candidate : dict
        Of `kmeans_candidates` or `spectral_candidates`.
    scorer : Scorer
        The one that they were given.

    Returns
    -------
    dict
        The candidate without its keys; a spread is the largest minus the smallest value, and
        the smallest cluster is that of all partitions. One without keys is as it was.
    """
    if "partitions" not in candidate:
        return candidate
    scores = pd.DataFrame([scorer.scores(key) for key in candidate["partitions"]])
    spreads = {}
    if len(scores) > 1:
        spreads = {
            f"{name}_spread": float(scores[name].max() - scores[name].min())
            for name in ("inertia", "silhouette")
        }
    return {
        **{name: value for name, value in candidate.items() if name != "partitions"},
        **scores.mean().to_dict(),
        **spreads,
        "smallest_cluster_share": float(scores["smallest_cluster_share"].min()),
    }


def start_seeds(seed: int, n_init: int) -> range:
    """Return the seeds of the starts of a candidate: the first ``n_init`` of the seed's own list."""
    return range(1_000 * seed, 1_000 * seed + n_init)


def spectral_candidates(
    X: np.ndarray,
    *,
    settings: StudySettings,
    scorer: Scorer,
    neighbors: Sequence[int],
    seed: int,
    report: Callable[[str], None] = lambda message: None,
) -> Iterator[dict[str, Any]]:
    """Evaluate spectral clustering over its grid.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Scaled.
    settings : StudySettings
    scorer : Scorer
    neighbors : sequence of int
        The part of the grid to evaluate.
    seed : int
    report : callable

    Yields
    ------
    dict
        One candidate each, as `kmeans_candidates` gives them; a degenerate partition is marked,
        not scored away.
    """
    for n_neighbors in neighbors:
        grid = fit_spectral_grid(
            X,
            cluster_counts=settings.spectral_cluster_counts,
            assign_labels=settings.spectral_assign_labels,
            n_neighbors=n_neighbors,
            minimum_cluster_share=settings.smallest_cluster_share,
            seed=seed,
        )
        for (n_clusters, assign_labels), fit in grid.items():
            yield {
                "algorithm": "spectral",
                "n_clusters": n_clusters,
                "n_neighbors": n_neighbors,
                "assign_labels": assign_labels,
                **_partitions([fit.labels], scorer),
                "graph_components": fit.diagnostics.n_components,
                "is_degenerate": fit.diagnostics.is_degenerate,
                "note": fit.diagnostics.note,
            }
        report(f"Spectral grid: {n_neighbors} neighbours")


def study_candidates(
    X: np.ndarray,
    *,
    scaler: Scaler,
    feature_set: str,
    feature_set_position: int = 1,
    as_of_date: Any,
    fingerprint: str,
    settings: StudySettings,
    is_full_grid: bool,
    report: Callable[[str], None] = lambda message: None,
) -> pd.DataFrame:
    """Evaluate every candidate on one feature set.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_features)
        Not scaled, without missing values, in a fixed order.
    scaler : Scaler
    feature_set : str
    feature_set_position : int
        1 for the set in use.
    as_of_date : date
    fingerprint : str
        Of rows and settings; stored so that the next build can tell whether to study again.
    settings : StudySettings
    is_full_grid : bool
        Whether to vary the optimiser's budget and the graph too; otherwise only the largest
        budget and the first number of neighbours are used.
    report : callable

    Returns
    -------
    DataFrame with the columns of `CANDIDATE_COLUMNS`
        One row per candidate. Finalists stand for their algorithm and number of clusters: of
        K-means by `finalist_budget`, of spectral clustering the best silhouette among the cuts of
        the graph that are not degenerate. Only finalists and cuts are scored; of the other
        budgets there is the inertia.
    """
    scaled = scaler.transform(X)
    seed = settings.seeds[0]
    scorer = Scorer(scaled, exact_silhouette_rows=settings.exact_silhouette_rows, seed=seed)
    rows = list(
        kmeans_candidates(
            scaled,
            settings=settings,
            scorer=scorer,
            inits=settings.inits if is_full_grid else settings.inits[:1],
            n_inits=settings.n_inits if is_full_grid else (max(settings.n_inits),),
            max_iters=settings.max_iters if is_full_grid else (max(settings.max_iters),),
            report=report,
        )
    )
    gaps = _gaps(scaled, settings=settings, seed=seed)
    report("Gap statistic")
    rows = [row | (gaps.get(row["n_clusters"], {}) if row["is_finalist"] else {}) for row in rows]
    rows.extend(
        spectral_candidates(
            scaled,
            settings=settings,
            scorer=scorer,
            neighbors=settings.spectral_neighbors[: None if is_full_grid else 1],
            seed=seed,
            report=report,
        )
    )
    rows = [with_scores(row, scorer) for row in rows]
    report(f"Silhouettes of {sum('silhouette' in row for row in rows)} candidates")
    parameter_names = ("init", "n_init", "max_iter", "n_neighbors", "assign_labels")
    for row in rows:
        parameters = {name: row[name] for name in parameter_names if name in row}
        short = "-".join(str(value) for value in parameters.values())
        row.update(
            fingerprint=fingerprint,
            candidate_id=f"{feature_set}-{row['algorithm']}-k{row['n_clusters']}-{short}",
            as_of_date=as_of_date,
            feature_set=feature_set,
            feature_set_position=feature_set_position,
            parameters=json.dumps(parameters),
            customers=len(X),
        )
    frame = pd.DataFrame(_with_best_cuts(rows), columns=list(CANDIDATE_COLUMNS))
    for name in ("n_init", "max_iter", "n_neighbors", "graph_components"):
        frame[name] = frame[name].astype("Int64")
    return frame


def candidate_labels(
    X: np.ndarray, candidate: pd.Series, *, seed: int, reference: np.ndarray | None = None
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
    else:
        labels = _spectral_fit(X, candidate, seed=seed).labels
    means = np.stack([X[labels == cluster].mean(axis=0) for cluster in range(n_clusters)])
    if reference is not None and len(reference) == n_clusters:
        permutation = match_centroids(reference, means)
    else:
        permutation = unusualness_permutation(means)
    return permutation[labels].astype(np.int32)


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


def study_inputs(
    rows_of: Callable[[str], Any], *, columns_of: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """Say what each feature set is studied on.

    Parameters
    ----------
    rows_of : callable
        From a feature set to the relation of its customers, with as_of_date, customer_unique_id,
        the columns `DESCRIBED` and its own.
    columns_of : mapping
        Columns of each feature set.

    Returns
    -------
    DataFrame with columns as_of_date, feature_set, input_fingerprint
        One row per feature set that has customers, in the given order.
    """
    found = []
    for feature_set, columns in columns_of.items():
        read = rows_fingerprint(["customer_unique_id", *DESCRIBED, *columns])
        day, fingerprint = rows_of(feature_set).aggregate(f"max(as_of_date), {read}").fetchone()
        if day is not None:
            found.append((day, feature_set, fingerprint))
    return pd.DataFrame(found, columns=["as_of_date", "feature_set", "input_fingerprint"])


def study_feature_sets(
    inputs: pd.DataFrame,
    rows_of: Callable[[str], Any],
    *,
    features_of: Mapping[str, Sequence[str]],
    settings: StudySettings,
    previous: pd.DataFrame | None = None,
    report: Callable[[str], None] = lambda message: None,
) -> pd.DataFrame:
    """Evaluate the candidates of every feature set, or take over what is unchanged.

    Parameters
    ----------
    inputs : DataFrame with columns as_of_date, feature_set, input_fingerprint
        One row per feature set, the first with the full grid.
    rows_of : callable
        From a feature set to its matrix; called only for those that must be studied.
    features_of : mapping
        Columns of each feature set.
    settings : StudySettings
    previous : DataFrame, optional
        An earlier result of this function.
    report : callable

    Returns
    -------
    DataFrame with the columns of `CANDIDATE_COLUMNS`
    """
    tables = []
    for position, row in enumerate(inputs.itertuples()):
        fingerprint = fingerprint_of(
            row.feature_set,
            row.input_fingerprint,
            position == 0,
            dataclasses.asdict(settings),
            code_and_libraries(__name__),
        )
        table = reusable(previous, CANDIDATE_COLUMNS).get(fingerprint)
        report(f"Study of {row.feature_set}: {'new' if table is None else 're-used'}")
        if table is None:
            X = np.asarray(rows_of(row.feature_set), dtype=np.float64)
            table = study_candidates(
                X,
                scaler=settings.standardise(X, features_of[row.feature_set]),
                feature_set=row.feature_set,
                feature_set_position=position + 1,
                as_of_date=pd.Timestamp(row.as_of_date).date(),
                fingerprint=fingerprint,
                settings=settings,
                is_full_grid=position == 0,
                report=report,
            )
        tables.append(table)
    return _stacked(tables, CANDIDATE_COLUMNS)


def study_clusters(
    finalists: pd.DataFrame,
    rows_of: Callable[[str], pd.DataFrame],
    *,
    features_of: Mapping[str, Sequence[str]],
    settings: StudySettings,
    centroids_in_use: pd.DataFrame,
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
    previous : DataFrame, optional
        An earlier result of this function.
    report : callable

    Returns
    -------
    DataFrame with the columns of `CLUSTER_COLUMNS`
        One row per finalist and cluster.
    """
    tables = []
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
            resamples = settings.resamples_of(algorithm, n_clusters)
            fingerprint = fingerprint_of(
                candidate["fingerprint"],
                candidate["candidate_id"],
                resamples,
                numbering,
                code_and_libraries(__name__),
            )
            table = reusable(previous, CLUSTER_COLUMNS).get(fingerprint)
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
                )
                table = _cluster_table(rows, labels).assign(
                    fingerprint=fingerprint, candidate_id=candidate["candidate_id"]
                )
                table = table.merge(
                    candidate_stability(
                        scaled,
                        labels,
                        candidate,
                        resamples=resamples,
                        seed=settings.seeds[0],
                    ),
                    on="cluster",
                )[list(CLUSTER_COLUMNS)]
            report(f"Stability of {candidate['candidate_id']}: {origin}")
            tables.append(table)
    return _stacked(tables, CLUSTER_COLUMNS)


def candidate_stability(
    X: np.ndarray,
    labels: np.ndarray,
    candidate: pd.Series,
    *,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Measure how stable each cluster of a candidate is over bootstrap resamples.

    Parameters
    ----------
    X : ndarray of shape (n_customers, n_features)
        Scaled.
    labels : ndarray of shape (n_customers,)
    candidate : Series
    resamples : int
        0 leaves the measures missing.
    seed : int

    Returns
    -------
    DataFrame
        One row per cluster: cluster, resamples, mean_jaccard, recovered_share, dissolved_share,
        verdict.

    Notes
    -----
    Source: Hennig (2007); see `customer_segmentation.measure.stability.bootstrap_stability`.
    """
    n_clusters = int(candidate["n_clusters"])
    columns = [
        "cluster",
        "resamples",
        "mean_jaccard",
        "recovered_share",
        "dissolved_share",
        "verdict",
    ]
    if resamples == 0:
        return pd.DataFrame(
            {
                "cluster": np.arange(n_clusters),
                "resamples": 0,
                "mean_jaccard": np.nan,
                "recovered_share": np.nan,
                "dissolved_share": np.nan,
                "verdict": "not resampled",
            }
        )
    if candidate["algorithm"] == "kmeans":
        refit = kmeans_refit(
            n_clusters=n_clusters,
            n_init=int(candidate["n_init"]),
            max_iter=int(candidate["max_iter"]),
        )
    else:

        def refit(points: np.ndarray, weights: np.ndarray, refit_seed: int) -> np.ndarray:
            drawn = np.repeat(np.arange(len(points)), weights.astype(np.int64))
            of_point = np.zeros(len(points), dtype=np.int32)
            of_point[drawn] = _spectral_fit(points[drawn], candidate, seed=refit_seed).labels
            return of_point

    return bootstrap_stability(X, labels, refit, resamples=resamples, seed=seed).clusters[columns]


def _stacked(tables: list[pd.DataFrame], columns: Mapping[str, str]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame(columns=list(columns))
    return pd.concat([table.astype(object) for table in tables], ignore_index=True)


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


def _partitions(partitions: list[np.ndarray], scorer: Scorer) -> dict[str, Any]:
    agreement = [
        adjusted_rand_index(one, other)
        for i, one in enumerate(partitions)
        for other in partitions[i + 1 :]
    ]
    return {
        "seeds": len(partitions),
        "partitions": [scorer.add(labels) for labels in partitions],
        "seed_agreement": float(np.mean(agreement)) if agreement else np.nan,
    }


def _inertia(measures: Sequence[Mapping[str, float]]) -> dict[str, float]:
    inertia = pd.Series([each["inertia"] for each in measures])
    spread = {"inertia_spread": float(inertia.max() - inertia.min())} if len(inertia) > 1 else {}
    return {"inertia": float(inertia.mean())} | spread


def _with_best_cuts(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Say of each cut of the graph whether it is the finalist of its number of clusters."""
    best: dict[int, tuple[bool, float, str]] = {}
    for row in rows:
        if row["algorithm"] == "spectral":
            rank = (row["is_degenerate"], -row["silhouette"], row["candidate_id"])
            best[row["n_clusters"]] = min(rank, best.get(row["n_clusters"], rank))
    return [
        row | {"is_finalist": row["candidate_id"] == best[row["n_clusters"]][-1]}
        if row["algorithm"] == "spectral"
        else row
        for row in rows
    ]


def _gaps(X: np.ndarray, *, settings: StudySettings, seed: int) -> dict[int, dict[str, float]]:
    generator = np.random.default_rng(seed)
    rows = X
    if len(X) > settings.gap_rows:
        rows = X[np.sort(generator.choice(len(X), size=settings.gap_rows, replace=False))]
    gap = gap_statistic(
        rows,
        cluster_counts=settings.cluster_counts,
        references=settings.gap_references,
        n_init=3,
        seed=seed,
    )
    return {
        int(row.n_clusters): {
            "gap": float(row.gap),
            "gap_standard_error": float(row.standard_error),
        }
        for row in gap.table.itertuples()
    }
