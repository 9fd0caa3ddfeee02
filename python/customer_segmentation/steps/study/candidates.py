"""Candidates of every algorithm on every feature set, and their quality."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from customer_segmentation._validation import has_distinct_rows
from customer_segmentation.cluster import (
    Scaler,
    near_order,
    nearest_centroid,
    prepare_rows,
    remembered_spectral_grid,
    single_start,
)
from customer_segmentation.measure import gap_statistic, null_silhouettes
from customer_segmentation.steps.engines import Engine
from customer_segmentation.steps.frames import stacked
from customer_segmentation.steps.reuse import code_and_libraries, reusable
from customer_segmentation.steps.reuse import fingerprint as fingerprint_of
from customer_segmentation.steps.study.scores import (
    Scorer,
    inertia_and_spread,
    partition_keys,
    with_scores,
)
from customer_segmentation.steps.study.settings import StudySettings, start_seeds

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
    "starts": "int",
    "good_start_share": "double",
    "silhouette": "double",
    "silhouette_spread": "double",
    "silhouette_standard_error": "double",
    "null_silhouette": "double",
    "null_silhouette_standard_error": "double",
    "davies_bouldin": "double",
    "calinski_harabasz": "double",
    "gap": "double",
    "gap_standard_error": "double",
    "is_gap_choice": "boolean",
    "smallest_cluster_share": "double",
    "seed_agreement": "double",
    "graph_components": "int",
    "is_degenerate": "boolean",
    "is_finalist": "boolean",
    "note": "string",
}


# Budgets whose mean inertia is above the lowest by no more than this share reach the same optimum.
SAME_INERTIA = 1e-6
# A start within this share of the lowest inertia of all has found the optimum for all purposes.
GOOD_START = 1e-3


class Start(NamedTuple):
    """One run of K-means: scaled centroids, inertia, and iterations until it ended."""

    centroids: np.ndarray
    inertia: float
    iterations: int


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
        The parameters of a candidate, its inertia, and of how many single starts which share was
        good (`GOOD_START`); of a finalist also the agreement of its partitions, one a seed, and
        their keys in ``scorer``; see `with_scores`.
    """
    longest, most = max(max_iters), max(n_inits)
    rows = prepare_rows(X[near_order(X)])
    counts = [k for k in settings.cluster_counts if has_distinct_rows(X, minimum=k + 1)[0]]
    for position, n_clusters in enumerate(counts, start=1):
        budgets: list[dict[str, Any]] = []
        partitions: list[list[np.ndarray]] = []
        single: dict[tuple[str, int], np.ndarray] = {}
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
            for max_iter in max_iters:
                ends = [shorter.get((job[0], max_iter), fit) for job, fit in fits.items()]
                single[init, max_iter] = np.array([fit.inertia for fit in ends])
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
                            **inertia_and_spread(
                                [scorer.measure(labels) for labels in partitions[-1]]
                            ),
                        }
                    )
        finalist = finalist_budget(budgets)
        good = (1 + GOOD_START) * min(inertia.min() for inertia in single.values())
        for number, budget in enumerate(budgets):
            starts = single[budget["init"], budget["max_iter"]]
            yield (
                budget
                | {"starts": len(starts), "good_start_share": float((starts <= good).mean())}
                | {"is_finalist": number == finalist}
                | (partition_keys(partitions[number], scorer) if number == finalist else {})
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
    counts = tuple(
        k for k in settings.spectral_cluster_counts if has_distinct_rows(X, minimum=k + 1)[0]
    )
    for n_neighbors in neighbors if counts else ():
        grid = remembered_spectral_grid(
            X,
            cluster_counts=counts,
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
                **partition_keys([fit.labels], scorer),
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
        budgets there is the inertia. One cluster, which is all customers, is a finalist, too:
        it has an inertia and a gap, and no other measure is defined for it.
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
    nulls = _nulls(scaled, rows, settings=settings, seed=seed)
    report("Silhouettes of permuted columns")
    rows.insert(0, _one_cluster(scaled))
    for row in rows:
        if row["is_finalist"]:
            row |= gaps.get(row["n_clusters"], {}) | nulls.get(row["n_clusters"], {})
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
        short = "-".join(["", *(str(value) for value in parameters.values())])
        row.update(
            fingerprint=fingerprint,
            candidate_id=f"{feature_set}-{row['algorithm']}-k{row['n_clusters']}{short}",
            as_of_date=as_of_date,
            feature_set=feature_set,
            feature_set_position=feature_set_position,
            parameters=json.dumps(parameters),
            customers=len(X),
        )
    frame = pd.DataFrame(_with_best_cuts(rows), columns=list(CANDIDATE_COLUMNS))
    for name in ("n_init", "max_iter", "n_neighbors", "graph_components", "starts"):
        frame[name] = frame[name].astype("Int64")
    return frame


def study_inputs(
    engine: Engine,
    rows_of: Callable[[str], Any],
    *,
    columns_of: Mapping[str, Sequence[str]],
    described: Sequence[str],
) -> pd.DataFrame:
    """Say what each feature set is studied on.

    Parameters
    ----------
    engine : Engine
    rows_of : callable
        From a feature set to the relation of its customers, with as_of_date, customer_unique_id,
        the columns ``described`` and its own.
    columns_of : mapping
        Columns of each feature set.
    described : sequence of str
        Features that are said of the clusters of every set.

    Returns
    -------
    DataFrame with columns as_of_date, feature_set, input_fingerprint
        One row per feature set that has customers, in the given order.
    """
    found = []
    for feature_set, columns in columns_of.items():
        read = engine.rows_fingerprint(["customer_unique_id", *described, *columns])
        day, fingerprint = engine.row(rows_of(feature_set), ["max(as_of_date)", read])
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
    return stacked(tables, CANDIDATE_COLUMNS)


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
    # Of customers who are all alike, or nearly so, a cluster each would leave nothing within.
    counts = [
        count
        for count in range(1, max(settings.cluster_counts) + 1)
        if has_distinct_rows(rows, minimum=count + 1)[0]
    ]
    if not counts:
        return {}
    gap = gap_statistic(
        rows,
        cluster_counts=counts,
        references=settings.gap_references,
        n_init=3,
        seed=seed,
    )
    return {
        int(row.n_clusters): {
            "gap": float(row.gap),
            "gap_standard_error": float(row.standard_error),
            "is_gap_choice": int(row.n_clusters) == gap.chosen,
        }
        for row in gap.table.itertuples()
    }


def _nulls(
    X: np.ndarray, rows: Sequence[Mapping[str, Any]], *, settings: StudySettings, seed: int
) -> dict[int, dict[str, float]]:
    """Measure the silhouettes of permuted columns with the budgets of the finalists."""
    finalists = [row for row in rows if row["is_finalist"]]
    if not finalists or not settings.null_permutations:
        return {}
    table = null_silhouettes(
        X,
        cluster_counts=[row["n_clusters"] for row in finalists],
        maximum_rows=settings.gap_rows,
        permutations=settings.null_permutations,
        n_init=max(row["n_init"] for row in finalists),
        max_iter=max(row["max_iter"] for row in finalists),
        seed=seed,
    )
    return {
        int(row.n_clusters): {
            "null_silhouette": float(row.null_silhouette),
            "null_silhouette_standard_error": float(row.standard_error),
        }
        for row in table.itertuples()
    }


def _one_cluster(X: np.ndarray) -> dict[str, Any]:
    return {
        "algorithm": "kmeans",
        "n_clusters": 1,
        "seeds": 1,
        "inertia": float(np.square(X - X.mean(axis=0)).sum()),
        "smallest_cluster_share": 1.0,
        "is_finalist": True,
    }
