"""The parts of the study: our way, the plain way, and whether they give the same.

A part prepares its inputs off the clock; `ours` and `plain` are on it. Where a part begins with
fitted models, both sides get the same ones, so that a difference is one of the part itself.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.job import Job, Meter
from benchmarks.plain import (
    ageing,
    bootstrap,
    drift,
    grid,
    kmeans,
    rfm,
    segments,
    separation,
    tables,
    traits,
)


@dataclasses.dataclass(frozen=True)
class Check:
    """One comparison of results.

    Attributes
    ----------
    what : str
    difference : float
        Largest one found, in the unit of the tolerance.
    tolerance : float or None
        None for a figure that is only reported, because the two need not agree.
    """

    what: str
    difference: float
    tolerance: float | None

    @property
    def is_equal(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.tolerance is None or bool(self.difference <= self.tolerance)


class Part:
    """One part; the docstring of a subclass says what is compared.

    Attributes
    ----------
    name, title : str
    is_counted : bool
        Whether its time is part of the whole (some parts are shares of others).
    is_slow : bool
        Whether the yardstick is measured once, whatever the number of repeats.
    largest_size : int
        Largest multiple of Olist at which the yardstick is run.
    """

    name = ""
    title = ""
    is_counted = True
    is_slow = False
    largest_size = 1

    def prepare_ours(self, job: Job) -> Any:
        """Make the inputs of `ours`."""
        raise NotImplementedError

    def ours(self, job: Job, inputs: Any) -> Any:
        """Do the work our way."""
        raise NotImplementedError

    def collect_ours(self, job: Job, inputs: Any, outcome: Any) -> Any:
        """Make what `compare` reads of the outcome; off the clock."""
        return outcome

    def prepare_plain(self, job: Job) -> Any:
        """Make the inputs of `plain`."""
        raise NotImplementedError

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        """Do the work the plain way, or a share of it."""
        raise NotImplementedError

    def collect_plain(self, job: Job, inputs: Any, outcome: Any) -> Any:
        """Make what `compare` reads of the outcome; off the clock."""
        return outcome

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        """Compare what the sides collected."""
        raise NotImplementedError


class ModelPart(Part):
    """A part that is one or several dbt models on our side.

    Attributes
    ----------
    models : tuple of str
        In order.
    """

    models: tuple[str, ...] = ()

    def prepare_ours(self, job: Job) -> Any:
        warehouse = job.warehouse(forget=list(self.models[::-1]))
        if any(warehouse.nodes[name]["language"] == "python" for name in self.models):
            import customer_segmentation.steps  # noqa: F401
        return warehouse

    def changes(self, job: Job) -> dict[str, Any]:
        """Return settings of the models to replace."""
        return {}

    def ours(self, job: Job, inputs: Any) -> Any:
        inputs.make(self.models, changes=self.changes(job))

    def collect_ours(self, job: Job, inputs: Any, outcome: Any) -> Any:
        return inputs.frame(f"from {inputs.relation(self.models[-1])}")


class Load(ModelPart):
    """Raw files to one row per order."""

    name, title = "load", "Raw files to orders"
    made = ("orders", "stg_products", "stg_sellers", "stg_geolocation")
    largest_size = 10

    def prepare_ours(self, job: Job) -> Any:
        warehouse = job.warehouse(forget=[])
        self.models = upstream(warehouse.nodes, *self.made)
        return warehouse

    def collect_ours(self, job: Job, inputs: Any, outcome: Any) -> Any:
        return inputs.frame(
            "select order_id, customer_unique_id, order_value::double as order_value,"
            " payment_installments::double as payment_installments"
            " from marts.orders order by order_id"
        )

    def prepare_plain(self, job: Job) -> Any:
        return job.raw_dir

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        raw = tables.read_tables(inputs)
        orders = tables.make_orders(raw)
        return orders, tables.make_reviews(raw, orders)

    def collect_plain(self, job: Job, inputs: Any, outcome: Any) -> Any:
        return outcome[0].sort_values("order_id", ignore_index=True)

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        is_same = list(ours["order_id"]) == list(plain["order_id"])
        checks = [Check("orders that only one side has", 0.0 if is_same else 1.0, 0.0)]
        if is_same:
            checks += [
                Check(f"{name} of an order", largest_gap(ours[name], plain[name]), 1e-6)
                for name in ("order_value", "payment_installments")
            ]
        return checks


class Rfm(ModelPart):
    """RFM of every customer at every date, from orders and reviews."""

    name, title = "rfm", "RFM at all dates"
    models = ("rfm",)
    largest_size = 10
    columns = (
        "recency_days",
        "frequency",
        "monetary",
        "average_review_score",
        "review_count",
        "tenure_days",
        "is_monetary_imputed",
    )

    def collect_ours(self, job: Job, inputs: Any, outcome: Any) -> Path:
        path = job.work / "rfm-ours.parquet"
        inputs.connection.execute(f"copy marts.rfm to '{path}' (format parquet)")
        return path

    def prepare_plain(self, job: Job) -> Any:
        raw = tables.read_tables(job.raw_dir)
        orders = tables.make_orders(raw)
        return orders, tables.make_reviews(raw, orders)

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        found = rfm.rfm_at_all_dates(*inputs, first=job.settings()["first_as_of_date"])
        # Both sides end with a stored table.
        path = job.work / "rfm-plain.parquet"
        found.to_parquet(path, index=False)
        return path

    def collect_plain(self, job: Job, inputs: Any, outcome: Any) -> Path:
        return outcome

    def compare(self, job: Job, ours: Path, plain: Path) -> list[Check]:
        import duckdb

        # Doubles on both sides: amounts with two decimals are the same double.
        columns = ", ".join(f"{name}::double as {name}" for name in self.columns)
        one, other = (
            f"select as_of_date::date as as_of_date, customer_unique_id, {columns} from '{path}'"
            for path in (ours, plain)
        )
        with duckdb.connect() as connection:
            (different,) = connection.execute(
                f"select count(*) from (({one} except all {other})"
                f" union all ({other} except all {one}))"
            ).fetchone()
        return [Check("rows of marts.rfm that differ", float(different), 0.0)]


class KMeans(ModelPart):
    """K-means with ten starts at every date, without the silhouettes."""

    name, title = "kmeans", "K-means at all dates, without silhouettes"
    models = ("kmeans_fits",)
    is_counted = False
    is_scored = False

    def ours(self, job: Job, inputs: Any) -> Any:
        from unittest import mock

        from customer_segmentation.distance import SilhouetteEstimate
        from customer_segmentation.steps import fits

        # The model as it is, but for the silhouette.
        none = SilhouetteEstimate(1.0, 0.0, is_exact=True, rows_scored=0)
        with mock.patch.object(fits, "silhouette_estimate", return_value=none):
            super().ours(job, inputs)

    def prepare_plain(self, job: Job) -> Any:
        return job.frame(
            "from segmentation_work.segmentation_features order by as_of_date, customer_unique_id"
        )

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        settings = job.settings()
        return kmeans.fit_dates(
            inputs,
            columns=job.features(),
            n_clusters=settings["n_clusters"],
            seed=settings["seed"],
            is_scored=False,
        )

    def collect_plain(self, job: Job, inputs: Any, outcome: Any) -> Any:
        return {date: (model.kmeans.inertia_, model.silhouette) for date, model in outcome.items()}

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        inertia = ours.dropna(subset="cluster").drop_duplicates("as_of_date")
        inertia = inertia.set_index("as_of_date")["inertia"]
        above = [inertia[date] / found - 1 for date, (found, _) in plain.items()]
        return [Check("inertia above the yardstick's at any date, share", max(above), 1e-6)]


class KMeansScored(KMeans):
    """K-means and its exact silhouette at every date."""

    name, title = "kmeans_silhouettes", "K-means and exact silhouettes at all dates"
    is_counted = True
    is_slow = True

    def ours(self, job: Job, inputs: Any) -> Any:
        ModelPart.ours(self, job, inputs)

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        from sklearn.metrics import silhouette_score

        models = super().plain(job, inputs, meter)
        scores = dict.fromkeys(models, float("nan"))
        dates = list(models)
        rows = {
            date: inputs[(inputs["as_of_date"] == date) & inputs["is_in_fit"]] for date in dates
        }
        chosen = job.sample(dates, "silhouette_dates")
        pairs = {date: len(rows[date]) ** 2 for date in dates}
        with meter.piece(
            "pairs of the silhouettes",
            done=sum(pairs[date] for date in chosen),
            of=sum(pairs.values()),
        ):
            for date in chosen:
                X = models[date].scaler.transform(rows[date][job.features()].to_numpy(dtype=float))
                scores[date] = silhouette_score(X, models[date].kmeans.labels_)
        return models, scores

    def collect_plain(self, job: Job, inputs: Any, outcome: Any) -> Any:
        models, scores = outcome
        return {date: (model.kmeans.inertia_, scores[date]) for date, model in models.items()}

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        fits = ours.dropna(subset="cluster").drop_duplicates("as_of_date")
        silhouette = fits.set_index("as_of_date")["silhouette"]
        gaps = [abs(silhouette[date] - s) for date, (_, s) in plain.items() if not np.isnan(s)]
        # The yardstick's fits stop at scikit-learn's tolerance, a few customers away.
        return [
            *super().compare(job, ours, plain),
            Check("mean silhouette, each side of its own fit", max(gaps), 5e-3),
        ]


def latest_rows(job: Job) -> np.ndarray:
    """Return the fitted customers of the latest date, scaled by scikit-learn."""
    from sklearn.preprocessing import StandardScaler

    rows = job.frame(
        f"select {', '.join(job.features())} from segmentation_work.segmentation_features"
        " where is_in_fit and as_of_date = (select max(as_of_date) from"
        " segmentation_work.segmentation_features) order by customer_unique_id"
    )
    return StandardScaler().fit_transform(rows.to_numpy(dtype=float))


def latest_labels(job: Job, X: np.ndarray) -> np.ndarray:
    """Return our K-means labels of `latest_rows`."""
    from sklearn.metrics import pairwise_distances_argmin

    models = job.models()
    return pairwise_distances_argmin(X, models[max(models)].centroids)


class Silhouette(Part):
    """The exact silhouette of one partition of all customers."""

    name, title = "silhouette", "Exact silhouette of all customers"
    is_counted = False
    is_slow = True

    def prepare_ours(self, job: Job) -> Any:
        from customer_segmentation.distance import silhouette_score

        # Loads the compiled kernels, as an import loads scikit-learn's.
        silhouette_score(np.eye(4), np.array([0, 0, 1, 1]))
        return self.prepare_plain(job)

    def ours(self, job: Job, inputs: Any) -> Any:
        from customer_segmentation.distance import silhouette_score

        return silhouette_score(*inputs)

    def prepare_plain(self, job: Job) -> Any:
        X = latest_rows(job)
        return X, latest_labels(job, X)

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        from sklearn.metrics import silhouette_score

        return silhouette_score(*inputs)

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        return [Check("mean silhouette of the same partition", abs(ours - plain), 1e-6)]


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


class Grid(ModelPart):
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


class Spectral(Part):
    """One spectral clustering of all customers."""

    name, title = "spectral", "Spectral clustering of all customers"
    is_counted = False

    def prepare_ours(self, job: Job) -> Any:
        import customer_segmentation.cluster  # noqa: F401

        return latest_rows(job)

    def ours(self, job: Job, inputs: Any) -> Any:
        from customer_segmentation.cluster import fit_spectral

        settings = job.settings()
        return fit_spectral(
            inputs, n_clusters=settings["n_clusters"], n_neighbors=10, seed=settings["seed"]
        ).labels

    def prepare_plain(self, job: Job) -> Any:
        import sklearn.cluster  # noqa: F401

        return latest_rows(job)

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        settings = job.settings()
        return grid.spectral(
            inputs, n_clusters=settings["n_clusters"], random_state=settings["seed"]
        )

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        from sklearn.metrics import adjusted_rand_score

        # On duplicates and on a graph that is not connected the default is not the right answer.
        return [
            Check("1 - adjusted Rand index", 1 - adjusted_rand_score(ours, plain), None),
            Check("smallest cluster of ours, share", np.bincount(ours).min() / len(ours), None),
            Check("smallest cluster of theirs, share", np.bincount(plain).min() / len(plain), None),
        ]


class SpectralGrid(Part):
    """The spectral grid of all feature sets, scored."""

    name, title = "spectral_grid", "Spectral grid, scored"
    is_slow = True

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


class Bootstrap(Part):
    """Bootstraps of the published K-means, fresh starts in each."""

    name, title = "bootstrap", "Bootstraps of the published K-means"
    is_counted = False
    is_slow = True

    def prepare_ours(self, job: Job) -> Any:
        import customer_segmentation.measure  # noqa: F401

        return self.prepare_plain(job)

    def ours(self, job: Job, inputs: Any) -> Any:
        from customer_segmentation.measure import bootstrap_stability, kmeans_refit

        settings = job.settings()
        return bootstrap_stability(
            *inputs,
            kmeans_refit(n_clusters=settings["n_clusters"], n_init=10),
            resamples=job.study["resamples"],
            seed=settings["seed"],
        ).jaccard

    def prepare_plain(self, job: Job) -> Any:
        X = latest_rows(job)
        return X, latest_labels(job, X)

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        settings = job.settings()
        wanted = job.study["resamples"]
        done = len(job.sample(list(range(wanted)), "bootstraps"))
        with meter.piece("resamples", done=done, of=wanted):
            return bootstrap.bootstrap(
                *inputs,
                bootstrap.kmeans_of(settings["n_clusters"]),
                resamples=done,
                seed=settings["seed"],
            )

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        # Other resamples: the means may differ by what chance makes of so few.
        spread = np.maximum(np.nanstd(ours, axis=0, ddof=1), np.std(plain, axis=0))
        error = spread * np.sqrt(1 / len(ours) + 1 / len(plain))
        gap = np.abs(np.nanmean(ours, axis=0) - plain.mean(axis=0))
        return [
            Check(
                "mean Jaccard of a cluster, in standard errors of the difference",
                float((gap / np.maximum(error, 1e-4)).max()),
                4.0,
            )
        ]


class Finalists(ModelPart):
    """Stability of every finalist of the study, K-means and spectral, in all feature sets."""

    name, title = "finalists", "Bootstraps of all finalists"
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
            key = (row.algorithm, row.n_clusters == in_use)
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

    def prepare_ours(self, job: Job) -> Any:
        import customer_segmentation.measure  # noqa: F401

        return self.prepare_plain(job)

    def ours(self, job: Job, inputs: Any) -> Any:
        from customer_segmentation.measure import segment_separation

        return segment_separation(inputs, made_by=job.features())

    def prepare_plain(self, job: Job) -> Any:
        return job.frame("from segmentation_work.study_segmented order by customer_unique_id")

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        skipped = ("as_of_date", "customer_unique_id", "cluster", "is_in_fit")
        features = [name for name in inputs.columns if name not in skipped]
        return separation.separation(inputs, features=features)

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        both = ours.merge(plain, on=["feature", "cluster_a", "cluster_b"], suffixes=("", "_plain"))
        return [
            Check("tests that only one side has", float(abs(len(ours) - len(both))), 0.0),
            Check("KS statistic", largest_gap(both.ks_statistic, both.ks_statistic_plain), 1e-12),
            Check("Cliff's delta", largest_gap(both.effect, both.effect_plain), 1e-9),
        ]


class Drift(ModelPart):
    """Change of every feature between every two dates."""

    name, title = "drift", "Drift of every feature, every date as baseline"
    models = ("feature_changes",)
    is_slow = True

    def prepare_plain(self, job: Job) -> Any:
        return job.frame(
            "select * from marts.rfm where as_of_date in"
            " (select as_of_date from segmentation_work.period_inputs)"
        )

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        features = [
            "recency_days",
            "frequency",
            "monetary",
            "average_review_score",
        ]
        dates = sorted(inputs["as_of_date"].unique())
        pairs = list(itertools.combinations_with_replacement(dates, 2))
        chosen = job.sample(pairs, "drift_pairs")
        with meter.piece("pairs of dates", done=len(chosen), of=len(pairs)):
            return drift.changes(inputs, features=features, pairs=chosen)

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        keys = ["baseline_as_of_date", "as_of_date", "feature"]
        both = ours.merge(plain, on=keys, suffixes=("", "_plain"))
        missing = ours["feature"].nunique() - plain["feature"].nunique()
        return [
            Check("features that only one side has", float(abs(missing)), 0.0),
            Check("rows that only the yardstick has", float(len(plain) - len(both)), 0.0),
            *(
                Check(name, largest_gap(both[name], both[f"{name}_plain"]), 1e-9)
                for name in ("ks_statistic", "psi", "wasserstein", "mean_change")
            ),
        ]


class Ageing(ModelPart):
    """Every model against the fit of every later date."""

    name, title = "ageing", "Ageing of every model"
    models = ("model_agreement",)
    is_slow = True

    def prepare_plain(self, job: Job) -> Any:
        return job.customers(), job.models()

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        customers, models = inputs
        pairs = list(itertools.combinations(sorted(models), 2))
        chosen = job.sample(pairs, "ageing_pairs")
        with meter.piece("pairs of dates", done=len(chosen), of=len(pairs)):
            return pd.DataFrame(
                [
                    ageing.age(customers, models, *pair, seed=job.settings()["seed"])
                    for pair in chosen
                ]
            )

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        both = ours.merge(plain, on=["baseline_as_of_date", "as_of_date"], suffixes=("", "_plain"))
        exact = (
            "prediction_agreement",
            "labels_agreement",
            "migration_agreement",
            "prediction_changed_share",
            "migration_changed_share",
        )
        return [
            Check("pairs compared by both, none", 0.0 if len(both) else 1.0, 0.0),
            *(Check(name, largest_gap(both[name], both[f"{name}_plain"]), 1e-9) for name in exact),
            Check(
                "structure_agreement (each side refits)",
                largest_gap(both.structure_agreement, both.structure_agreement_plain),
                None,
            ),
        ]


class Stability(ModelPart):
    """Every date against the baseline in four designs, with null bands of refits."""

    name, title = "stability", "Stability over time, with null bands"
    models = ("stability_measures",)
    is_slow = True

    def prepare_plain(self, job: Job) -> Any:
        return job.customers(), job.models()

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        customers, models = inputs
        settings = job.settings()
        engine = settings["engine"]
        counts = {"seeds": engine["null_seeds"], "bootstraps": engine["null_bootstraps"]}
        baseline = pd.Timestamp(settings["baseline_as_of_date"])
        then = customers[baseline]
        fitted = then.loc[then["is_in_fit"], job.features()].to_numpy()
        repeats = ageing.repeats(fitted, n_clusters=settings["n_clusters"], **counts)
        dates = [date for date in sorted(models) if date >= baseline]
        chosen = job.sample(dates, "stability_dates")
        with meter.piece("dates", done=len(chosen), of=len(dates)):
            return pd.concat(
                [
                    ageing.period_stability(customers, models, repeats, baseline, date, **counts)
                    for date in chosen
                ],
                ignore_index=True,
            )

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        ours = ours.drop_duplicates(["as_of_date", "design"])
        both = ours.merge(plain, on=["as_of_date", "design"], suffixes=("", "_plain"))
        # A refit that found a better optimum replaces the date's own: another partition.
        replaced = both["is_refit_replaced"].fillna(False).astype(bool)
        same = both[(both["design"] != "structure") & ~replaced]
        return [
            Check("designs that only the yardstick has", float(len(plain) - len(both)), 0.0),
            *(
                Check(name, largest_gap(same[name], same[f"{name}_plain"]), 1e-9)
                for name in (
                    "adjusted_rand_index",
                    "adjusted_mutual_information",
                    "homogeneity",
                    "completeness",
                    "mean_jaccard",
                    "changed_share",
                )
            ),
            Check("null_low (other refits)", largest_gap(both.null_low, both.null_low_plain), None),
        ]


class Traits(ModelPart):
    """Traits of the segments, from orders, lines, payments and reviews."""

    name, title = "traits", "Traits of the segments"
    models = (
        "order_items",
        "order_payments",
        "customer_facts",
        "study_description",
    )

    def prepare_ours(self, job: Job) -> Any:
        import customer_segmentation.steps  # noqa: F401

        return job.warehouse(forget=[])

    def collect_ours(self, job: Job, inputs: Any, outcome: Any) -> Any:
        return inputs.frame(
            "select * from (select unnest(traits, recursive := true) from segmentation_work.study_description)"
            " where unit = 'customer'"
        )

    def prepare_plain(self, job: Job) -> Any:
        raw = tables.read_tables(job.raw_dir)
        segments_of = job.frame(
            "select s.as_of_date, s.customer_unique_id, cluster, average_review_score"
            " from segmentation.customer_segments as s"
            " inner join marts.rfm using (as_of_date, customer_unique_id)"
            " where as_of_date = (select as_of_date from marts.periods where is_described)"
        ).set_index("customer_unique_id")
        regions = job.frame("select state_code, region from seeds.states")
        return raw, tables.make_orders(raw), segments_of, regions.set_index("state_code")["region"]

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        raw, orders, segments_of, regions = inputs
        of_customers = traits.customer_traits(
            raw,
            orders,
            segments_of["average_review_score"],
            regions,
            as_of_date=segments_of["as_of_date"].iloc[0],
        )
        return traits.segment_traits(of_customers, segments_of["cluster"])

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        both = ours.merge(
            plain, on=["cluster", "trait", "value"], suffixes=("", "_plain"), how="outer"
        )
        alone = both[both["customers"].isna() | both["customers_plain"].isna()]
        names = ("customers", "share_in_segment", "lift", "share_low", "share_high", "cramers_v")
        return [
            Check("rows that only one side has", float(len(alone)), 0.0),
            *(
                Check(name, largest_gap(both[name], both[f"{name}_plain"]), 1e-9)
                for name in (*names, "eta_squared")
            ),
        ]


class Segments(ModelPart):
    """The segment of every customer at every date, profiles, written out."""

    name, title = "segments", "Assign, profile and write the segments"
    models = ("kmeans_assignments", "customer_segments", "segment_profiles")

    def prepare_ours(self, job: Job) -> Any:
        import customer_segmentation.steps  # noqa: F401

        return job.warehouse(forget=[])

    def collect_ours(self, job: Job, inputs: Any, outcome: Any) -> Any:
        return inputs.frame(
            "select as_of_date, customer_unique_id, cluster, distance_to_centroid"
            " from segmentation.customer_segments where cluster is not null"
        )

    def prepare_plain(self, job: Job) -> Any:
        return job.frame("from segmentation_work.segmentation_features"), job.models(in_use=True)

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        features, models = inputs
        assigned = segments.assign(features, models, columns=job.features())
        profiles = segments.profiles(assigned, features, columns=job.features())
        segments.write(
            {"customer_segments": assigned, "segment_profiles": profiles}, job.work / "plain"
        )
        return assigned

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        both = ours.merge(plain, on=["as_of_date", "customer_unique_id"], suffixes=("", "_plain"))
        return [
            Check(
                "rows that only one side has", float(len(ours) + len(plain) - 2 * len(both)), 0.0
            ),
            Check(
                "customers in another cluster",
                float((both["cluster"] != both["cluster_plain"]).sum()),
                0.0,
            ),
            Check(
                "distance to the centroid",
                largest_gap(both.distance_to_centroid, both.distance_to_centroid_plain),
                1e-9,
            ),
        ]


def upstream(nodes: dict[str, Any], *names: str) -> tuple[str, ...]:
    """List models and all models that they are made from, in an order in which to make them."""
    found: list[str] = []

    def visit(name: str) -> None:
        node = nodes.get(name)
        if node is None or name in found or node["resource_type"] != "model":
            return
        for parent in node["depends_on"]["nodes"]:
            visit(parent.split(".")[-1])
        found.append(name)

    for name in names:
        visit(name)
    return tuple(found)


def largest_gap(a: Any, b: Any) -> float:
    """Return the largest difference of two columns; infinity where only one has a value."""
    one, other = (np.asarray(x, dtype=float) for x in (a, b))
    if len(one) == 0:
        return 0.0
    gap = np.abs(one - other)
    gap[np.isnan(one) & np.isnan(other)] = 0.0
    return float(np.where(np.isnan(gap), np.inf, gap).max())


PARTS: dict[str, Callable[[], Part]] = {
    part.name: part
    for part in (
        Load,
        Rfm,
        KMeans,
        Silhouette,
        KMeansScored,
        Grid,
        Spectral,
        SpectralGrid,
        Bootstrap,
        Finalists,
        Ks,
        Drift,
        Ageing,
        Stability,
        Traits,
        Segments,
    )
}
