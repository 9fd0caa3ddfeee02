"""What changes between dates: features, models, segments."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pandas as pd

from benchmarks.job import Job, Meter
from benchmarks.parts.base import Check, ModelPart, largest_gap
from benchmarks.parts.clustering import WithBestLibraries
from benchmarks.plain import ageing, drift


class Drift(ModelPart):
    """Change of every feature between every two dates."""

    name, title = "drift", "Drift of every feature, every date as baseline"
    models = ("feature_changes",)
    is_slow = True
    expert_tools = ("numpy",)
    features = ("recency_days", "frequency", "monetary", "average_review_score")

    def prepare_plain(self, job: Job) -> Any:
        return job.frame(
            "select * from marts.rfm where as_of_date in"
            " (select as_of_date from segmentation_work.period_inputs)"
        )

    def plain(self, job: Job, inputs: Any, meter: Meter) -> Any:
        return self.measured(job, inputs, meter, drift.changes)

    def prepare_expert(self, job: Job) -> Any:
        import benchmarks.expert.drift  # noqa: F401

        return self.prepare_plain(job)

    def expert(self, job: Job, inputs: Any, meter: Meter) -> Any:
        from benchmarks.expert import drift

        # Quick enough to be measured whole.
        return self.measured(dataclasses.replace(job, shares=None), inputs, meter, drift.changes)

    def measured(self, job: Job, inputs: Any, meter: Meter, changes: Any) -> pd.DataFrame:
        """Measure the pairs of dates, or a share of them."""
        dates = sorted(inputs["as_of_date"].unique())
        pairs = list(itertools.combinations_with_replacement(dates, 2))
        chosen = job.sample(pairs, "drift_pairs")
        with meter.piece("pairs of dates", done=len(chosen), of=len(pairs)):
            return changes(inputs, features=list(self.features), pairs=chosen)

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


class Ageing(WithBestLibraries, ModelPart):
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


class Stability(WithBestLibraries, ModelPart):
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
