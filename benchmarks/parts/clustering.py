"""K-means, silhouettes, spectral clustering and bootstraps of one number of clusters."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

from benchmarks.job import Job, Meter
from benchmarks.parts.base import Check, ModelPart, Part
from benchmarks.plain import bootstrap, grid, kmeans


class WithBestLibraries(Part):
    """A part that an expert does as the plain way does, with other libraries."""

    expert_tools = ("scikit-learn-intelex",)

    def prepare_expert(self, job: Job) -> Any:
        # Off the clock, as the import of scikit-learn is.
        with self.best_libraries():
            return self.prepare_plain(job)

    def expert(self, job: Job, inputs: Any, meter: Meter) -> Any:
        with self.best_libraries():
            return self.plain(job, inputs, meter)

    def best_libraries(self) -> contextlib.AbstractContextManager[None]:
        """Import the libraries only where they are needed."""
        from benchmarks.expert.clustering import best_libraries

        return best_libraries()


class KMeans(WithBestLibraries, ModelPart):
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
                scores[date] = kmeans.silhouette_score(X, models[date].kmeans.labels_)
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


class Silhouette(WithBestLibraries):
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
        return kmeans.silhouette_score(*inputs)

    def compare(self, job: Job, ours: Any, plain: Any) -> list[Check]:
        return [Check("mean silhouette of the same partition", abs(ours - plain), 1e-6)]


class Spectral(WithBestLibraries):
    """One spectral clustering of all customers."""

    name, title = "spectral", "Spectral clustering of all customers"
    is_counted = False
    expert_tools = ("scikit-learn-intelex", "scipy")

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


class Bootstrap(WithBestLibraries):
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
