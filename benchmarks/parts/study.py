"""The grid of models, their stability, and what tells segments apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.job import Job, Meter
from benchmarks.parts.base import Check, ModelPart, Part, largest_gap
from benchmarks.parts.clustering import WithBestLibraries
from benchmarks.plain import bootstrap, grid, separation


def study_matrices(job: Job) -> dict[str, np.ndarray]:
    """Return the scaled rows of every feature set that is studied."""
    from sklearn.preprocessing import StandardScaler

    settings = job.settings()
    sets = {"in_use": [f"in_use_{name}" for name in settings["segmentation_features"]]}
    for name, features in settings["study"]["other_feature_sets"].items():
        sets[name] = [f"other_{feature}" for feature in features]
    rows = job.frame(
        "from segmentation_work.measured_customers semi join (from marts.periods where is_compared)"
        " using (as_of_date) where is_in_fit order by customer_unique_id"
    )
    return {
        name: StandardScaler().fit_transform(rows[columns].dropna().to_numpy(dtype=float))
        for name, columns in sets.items()
    }


def check_scores(X: np.ndarray, scored: pd.DataFrame) -> list[Check]:
    """Score the yardstick's partitions with our functions."""
    from customer_segmentation.distance import silhouette_scores
    from customer_segmentation.measure import partition_quality

    silhouettes = silhouette_scores(X, list(scored["labels"]))
    ours = [partition_quality(X, labels) for labels in scored["labels"]]
    return [
        Check(
            "silhouette of the same partition", largest_gap(silhouettes, scored.silhouette), 1e-6
        ),
        *(
            Check(
                f"{name} of the same partition, share",
                float(
                    max(
                        abs(getattr(q, name) / s - 1)
                        for q, s in zip(ours, scored[name], strict=True)
                    )
                ),
                1e-9,
            )
            for name in ("davies_bouldin", "calinski_harabasz")
        ),
    ]


class Grid(WithBestLibraries, ModelPart):
    """The K-means grid of all feature sets, one budget scored, with the gap statistic."""

    name, title = "grid", "K-means grid, scored, and gap statistic"
    models = ("study_candidates",)
    is_slow = True

    def changes(self, job: Job) -> dict[str, Any]:
        # The yardstick has no null.
        return {"study": {**job.study, "spectral_neighbors": [], "null_permutations": 0}}

    def prepare_plain(self, job: Job) -> Any:
        return study_matrices(job)

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        study = job.study
        counts, seed = study["cluster_counts"], study["seeds"][0]
        found = {}
        for position, (name, X) in enumerate(inputs.items()):
            candidates = grid.kmeans_candidates(study, is_full=position == 0)
            chosen = job.sample(candidates, "grid_fits")[: None if position == 0 else 1]
            if job.shares is None:
                chosen = candidates
            with meter.piece(f"fits of {name}", done=len(chosen), of=len(candidates)):
                fits = grid.kmeans_fits(X, chosen)
            # Of each number of clusters and seed one budget is scored; which one makes no difference in time.
            of = len(grid.kmeans_candidates(study, is_full=False))
            scored = fits.head(max(len(chosen) * of // len(candidates), 1))
            with meter.piece(f"scores of {name}", done=len(scored), of=of):
                scored = grid.with_scores(X, scored)
            found[name] = fits, scored
            rows = grid.gap_rows(X, rows=study["gap_rows"], seed=seed)
            data_sets = study["gap_references"] + 1
            if job.shares is None:
                grid.gap_statistic(rows, cluster_counts=counts, references=data_sets - 1, seed=seed)
            else:
                with meter.piece(f"gap data sets of {name}", done=1, of=data_sets):
                    grid.log_inertias(rows, cluster_counts=counts, seed=seed)
        return found

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        checks = []
        matrices = study_matrices(job)
        for name, (found, scored) in plain.items():
            mine = ours[(ours["feature_set"] == name) & (ours["algorithm"] == "kmeans")]
            best = mine.groupby("n_clusters")["inertia"].min()
            above = [best[k] / i - 1 for k, i in zip(found.n_clusters, found.inertia, strict=True)]
            checks.append(Check(f"lowest inertia above the yardstick's, {name}", max(above), 1e-6))
            checks += check_scores(matrices[name], scored)
        return checks


class SpectralGrid(WithBestLibraries):
    """The spectral grid of all feature sets, scored."""

    name, title = "spectral_grid", "Spectral grid, scored"
    is_slow = True
    expert_tools = ("scikit-learn-intelex", "scipy")

    def prepare_ours(self, job: Job) -> Any:
        import customer_segmentation.steps  # noqa: F401

        return study_matrices(job)

    def ours(self, job: Job, inputs: Any) -> Any:
        from customer_segmentation.steps.study.candidates import spectral_candidates
        from customer_segmentation.steps.study.scores import Scorer, with_scores
        from customer_segmentation.steps.study.settings import StudySettings

        settings = StudySettings.from_settings(job.settings() | {"study": job.study})
        found = []
        for position, (name, X) in enumerate(inputs.items()):
            scorer = Scorer(
                X, exact_silhouette_rows=settings.exact_silhouette_rows, seed=settings.seeds[0]
            )
            rows = list(
                spectral_candidates(
                    X,
                    settings=settings,
                    scorer=scorer,
                    neighbors=settings.spectral_neighbors[: None if position == 0 else 1],
                    seed=settings.seeds[0],
                )
            )
            found += [with_scores(row, scorer) | {"feature_set": name} for row in rows]
        return pd.DataFrame(found)

    def prepare_plain(self, job: Job) -> Any:
        return study_matrices(job)

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        found = {}
        for position, (name, X) in enumerate(inputs.items()):
            candidates = grid.spectral_candidates(job.study, is_full=position == 0)
            chosen = job.sample(candidates, "spectral_fits")
            with meter.piece(f"fits of {name}", done=len(chosen), of=len(candidates)):
                found[name] = grid.spectral_grid(X, chosen)
        return found

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        matrices = study_matrices(job)
        return [check for name in plain for check in check_scores(matrices[name], plain[name])]


class Finalists(WithBestLibraries, ModelPart):
    """Stability of every finalist of the study, K-means and spectral, in all feature sets."""

    name, title = "finalists", "Bootstraps of all finalists"
    expert_tools = ("scikit-learn-intelex", "scipy")
    models = ("study_clusters",)
    is_slow = True

    def changes(self, job: Job) -> dict[str, Any]:
        # The yardstick has no null and no other kind of resample.
        return {"study": {**job.study, "null_permutations": 0, "variant_resamples": 0}}

    def prepare_plain(self, job: Job) -> Any:
        finalists = job.frame(
            "select feature_set, algorithm, n_clusters from segmentation_work.study_candidates"
            " where is_finalist and n_clusters > 1 order by feature_set_position, algorithm, n_clusters"
        )
        return finalists, study_matrices(job)

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        finalists, matrices = inputs
        in_use = job.settings()["n_clusters"]
        sizes = {
            ("kmeans", True): (job.study["resamples"], "bootstraps"),
            ("kmeans", False): (job.study["screening_resamples"], "other_bootstraps"),
            ("spectral", True): (job.study["spectral_resamples"], "spectral_bootstraps"),
        }
        groups: dict[tuple[str, bool], list[Any]] = {}
        for row in finalists.itertuples():
            judged = in_use
            if row.algorithm == "kmeans":
                judged = job.study["judged_clusters"].get(row.feature_set, in_use)
            key = (row.algorithm, row.n_clusters == judged)
            if key in sizes:
                groups.setdefault(key, []).extend([row] * sizes[key][0])
        found = []
        for key, resamples in groups.items():
            chosen = job.sample(resamples, sizes[key][1])
            name = f"{key[0]} resamples, {'the' if key[1] else 'another'} number of clusters"
            with meter.piece(name, done=len(chosen), of=len(resamples)):
                for row in chosen:
                    found.append(self._resample(row, matrices[row.feature_set]))
        return found

    def _resample(self, row: Any, X: np.ndarray) -> tuple[str, int, np.ndarray]:
        if row.algorithm == "kmeans":
            cluster = bootstrap.kmeans_of(row.n_clusters)
        else:

            def cluster(rows: np.ndarray, seed: int) -> np.ndarray:
                return grid.spectral(rows, n_clusters=row.n_clusters, random_state=seed)

        # The labels stand in for the fit that is already there.
        labels = X[:, 0].argsort().argsort() * row.n_clusters // len(X)
        similarity = bootstrap.bootstrap(X, labels, cluster, resamples=1, seed=0)
        return row.feature_set, row.n_clusters, similarity

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        finalists = job.frame(
            "select count(*) as n from segmentation_work.study_candidates"
            " where is_finalist and n_clusters > 1"
        )
        missing = finalists["n"][0] - ours["candidate_id"].nunique()
        # The similarities themselves are compared in the part of the published K-means.
        return [Check("finalists without stability", float(missing), 0.0)]


class Ks(Part):
    """Kolmogorov-Smirnov tests and effects of every pair of segments and feature."""

    name, title = "ks", "Kolmogorov-Smirnov tests and effects"
    expert_tools = ("numpy",)

    def prepare_ours(self, job: Job) -> Any:
        import customer_segmentation.measure  # noqa: F401

        return self.prepare_plain(job)

    def ours(self, job: Job, inputs: Any) -> Any:
        from customer_segmentation.measure import segment_separation

        return segment_separation(inputs, made_by=job.features())

    def prepare_plain(self, job: Job) -> Any:
        return job.frame("from segmentation_work.study_segmented order by customer_unique_id")

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        return separation.separation(inputs, features=self.features(inputs))

    def prepare_expert(self, job: Job) -> Any:
        import benchmarks.expert.separation  # noqa: F401

        return self.prepare_plain(job)

    def expert(self, job: Job, inputs: Any, meter: Meter) -> Any:
        from benchmarks.expert import separation

        return separation.separation(inputs, features=self.features(inputs))

    def features(self, rows: pd.DataFrame) -> list[str]:
        """Name what is tested."""
        skipped = ("as_of_date", "customer_unique_id", "cluster", "is_in_fit")
        return [name for name in rows.columns if name not in skipped]

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        both = ours.merge(plain, on=["feature", "cluster_a", "cluster_b"], suffixes=("", "_plain"))
        return [
            Check("tests that only one side has", float(abs(len(ours) - len(both))), 0.0),
            Check("KS statistic", largest_gap(both.ks_statistic, both.ks_statistic_plain), 1e-12),
            Check("Cliff's delta", largest_gap(both.effect, both.effect_plain), 1e-9),
        ]
