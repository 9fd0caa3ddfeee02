"""How far the segments of a date have moved from those of a baseline, in four designs.

Each design compares two partitions of the same customers, with their features at the date:

=====================  =====================  ==============================================
design                 customers              first partition, second partition
=====================  =====================  ==============================================
prediction_vs_refit    all of the date        frozen model at the date, refit of the date
labels_vs_refit        those of the baseline  labels given at the baseline, refit of the date
structure              those of the baseline  labels given at the baseline, fit of these very
                                              customers at the date with the frozen scaler
migration              those of the baseline  labels given at the baseline, frozen model at
                                              the date
=====================  =====================  ==============================================
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.cluster import (
    Quantiles,
    Refit,
    Scaler,
    best_optimum,
    fit_kmeans,
    match_centroids,
    own_units,
    quick_fit,
    refit_repeats,
    robust_columns,
    standardise,
)
from customer_segmentation.distance import SilhouetteEstimate, silhouette_estimate
from customer_segmentation.measure import (
    adjusted_mutual_information,
    adjusted_rand_index,
    changed_share,
    cluster_means,
    contingency,
    homogeneity_completeness,
    match_labels,
    matched_jaccard,
    null_band,
    partition_inertia,
)
from customer_segmentation.steps.assignments import cluster_numbers, scalers_and_centroids
from customer_segmentation.steps.panel import Cross, Panel
from customer_segmentation.steps.reuse import code_and_libraries, fingerprint, reusable

# Each design with its index in a table of ``refresh.model_agreement``.
AGREEMENT_OF = {
    "prediction_vs_refit": "prediction_agreement",
    "labels_vs_refit": "labels_agreement",
    "structure": "structure_agreement",
    "migration": "migration_agreement",
}
DESIGN_COLUMNS = {
    "as_of_date": "date",
    "design": "string",
    "fingerprint": "string",
    "baseline_as_of_date": "date",
    "baseline_model_id": "string",
    "refit_model_id": "string",
    "is_refit_accepted": "boolean",
    "elapsed_days": "int",
    "customers": "bigint",
    "adjusted_rand_index": "double",
    "adjusted_rand_index_low": "double",
    "adjusted_rand_index_high": "double",
    "adjusted_mutual_information": "double",
    "homogeneity": "double",
    "completeness": "double",
    "mean_jaccard": "double",
    "lowest_jaccard": "double",
    "changed_share": "double",
    "null_low": "double",
    "null_median": "double",
    "null_high": "double",
    "null_refits": "int",
    "silhouette_first": "double",
    "silhouette_second": "double",
    "silhouette_standard_error": "double",
    "inertia_first": "double",
    "inertia_second": "double",
    "largest_centroid_movement": "double",
    "refit_inertia_excess": "double",
    "is_refit_replaced": "boolean",
    "note": "string",
}
CLUSTER_COLUMNS = {
    "cluster": "int",
    "cluster_customers": "bigint",
    "jaccard": "double",
    "matched_cluster": "int",
    "feature_position": "int",
    "feature": "string",
    "baseline_centroid": "double",
    "centroid": "double",
    "centroid_movement": "double",
    "centroid_movement_scaled": "double",
}
STABILITY_COLUMNS = DESIGN_COLUMNS | CLUSTER_COLUMNS


@dataclasses.dataclass(frozen=True)
class StabilitySettings:
    """What the comparison depends on besides rows and models.

    Attributes
    ----------
    features : tuple of str
    n_init, max_iter, seed : int
        Of the fits made here.
    null_seeds, null_bootstraps : int
        Repeats of each fit, on its own rows with other seeds and on bootstrap resamples.
    silhouette_rows : int
        Silhouettes are exact up to so many customers and estimates above.
    transforms : tuple of (str, str)
        As in ``fits.FitSettings``; centroids are carried back to the features' own units.
    """

    features: tuple[str, ...]
    n_init: int
    max_iter: int
    seed: int
    null_seeds: int
    null_bootstraps: int
    silhouette_rows: int
    transforms: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> StabilitySettings:
        """Take them from the settings of the project."""
        engine = settings["engine"]
        return cls(
            features=tuple(settings["segmentation_features"]),
            transforms=tuple(sorted(settings["feature_transforms"].items())),
            n_init=engine["n_init"],
            max_iter=engine["max_iter"],
            seed=settings["seed"],
            null_seeds=engine["null_seeds"],
            null_bootstraps=engine["null_bootstraps"],
            silhouette_rows=engine["stability_silhouette_rows"],
        )


def period_stability(
    inputs: pd.DataFrame,
    models: pd.DataFrame,
    read: Callable[[], Panel],
    *,
    baseline: Any,
    settings: StabilitySettings,
    agreement: pd.DataFrame | None = None,
    quantiles_of: Callable[[Any], Quantiles] = lambda as_of_date: {},
    previous: pd.DataFrame | None = None,
    report: Callable[[str], None] = lambda message: None,
) -> pd.DataFrame:
    """Compare every date from the baseline on with the baseline, in the four designs.

    Parameters
    ----------
    inputs : DataFrame with columns as_of_date, rows_fingerprint, model_id, model_fingerprint,
        fitted_model_id, fitted_fingerprint, is_fit_accepted
        One row per date: the model in use and the date's own fit (None without one).
    models : DataFrame with the columns of ``fits.FIT_COLUMNS``
    read : callable
        Gives the customers; called only when a date must be computed.
    baseline : date
    settings : StabilitySettings
    agreement : DataFrame with the columns of ``refresh.AGREEMENT_COLUMNS``, optional
        Of the same inputs: indices and fits that are there are not computed again.
    quantiles_of : callable
        As in ``fits.fit_periods``.
    previous : DataFrame, optional
        An earlier result of this function; dates with the same fingerprint are taken from it.
    report : callable, optional
        Receives one line of progress per date.

    Returns
    -------
    DataFrame with the columns of `STABILITY_COLUMNS`
        One row per date, design, cluster and feature; no row when the baseline has no model,
        and a single row with a note for a design that could not be computed.
    """
    dates = inputs.sort_values("as_of_date", ignore_index=True)
    days = pd.to_datetime(dates["as_of_date"])
    start = dates[(days == pd.Timestamp(baseline)) & dates["model_id"].notna()]
    if start.empty:
        report(
            f"Period stability: nothing to compare, the baseline {baseline}"
            " is not a segmented as-of date (var baseline_as_of_date);"
            " table maintenance.stability_baseline names dates that are."
        )
        return pd.DataFrame(columns=list(STABILITY_COLUMNS))
    first = start.iloc[0]
    earlier = reusable(previous, STABILITY_COLUMNS)
    code = code_and_libraries(__name__)
    numbers = cluster_numbers(models)
    tables = []
    work: _Baseline | None = None
    compared = dates[days >= pd.Timestamp(baseline)]
    for position, row in enumerate(compared.itertuples(index=False), start=1):
        key = fingerprint(
            [first.rows_fingerprint, first.model_fingerprint],
            [row.rows_fingerprint, row.fitted_fingerprint, row.is_fit_accepted],
            [row.fitted_model_id, first.model_id, str(row.as_of_date), str(first.as_of_date)],
            [numbers.get(row.fitted_model_id), numbers.get(first.model_id)],
            dataclasses.asdict(settings),
            code,
        )
        table, origin = earlier.get(key), "unchanged"
        if table is None:
            origin = "computed"
            if work is None:
                work = _Baseline(first, models, read(), settings, quantiles_of, agreement)
            rows = work.compare(row)
            table = (
                pd.DataFrame(rows).assign(fingerprint=key).reindex(columns=list(STABILITY_COLUMNS))
            )
        tables.append(table)
        report(
            f"Period stability {position}/{len(compared)}:"
            f" {pd.Timestamp(row.as_of_date).date()} {origin}"
        )
    return pd.concat([table.astype(object) for table in tables], ignore_index=True)


def compare_partitions(
    first: Any,
    second: Any,
    X: Any,
    *,
    scaler: Scaler,
    silhouette_rows: int,
    seed: int,
    index: float | None = None,
    known: dict[bytes, SilhouetteEstimate | None] | None = None,
) -> dict[str, Any]:
    """Measure how two partitions of the same customers agree, and how good each one is.

    Parameters
    ----------
    first, second : array of shape (n_rows,), integers
        With the same numbers for the same segments.
    X : array of shape (n_rows, n_features)
        In original units.
    scaler : Scaler
        Both are judged in this one space.
    silhouette_rows : int
        As ``maximum_rows`` of `silhouette_estimate`.
    seed : int
        Of the sample above.
    index : float, optional
        Their adjusted Rand index, where it is known.
    known : dict of bytes to SilhouetteEstimate, optional
        Silhouettes of partitions of these very rows, by the bytes of the labels; those that are
        measured here are added.

    Returns
    -------
    dict
        customers, adjusted_rand_index, adjusted_mutual_information, homogeneity, completeness,
        mean_jaccard and lowest_jaccard (each cluster of the first with its best match),
        changed_share (rows with another number), silhouette_first, silhouette_second,
        silhouette_standard_error (the larger one), inertia_first and inertia_second (sum of
        squared distances to the mean of the own cluster, in standard deviations squared).

    Notes
    -----
    Sources: those of `customer_segmentation.measure.agreement` and `customer_segmentation.distance.silhouette`.
    """
    table = contingency(first, second)
    jaccard = matched_jaccard(table).jaccard
    homogeneity, completeness, _ = homogeneity_completeness(table)
    scaled = scaler.transform(X)
    known = {} if known is None else known
    scores = []
    for labels in (first, second):
        key = np.asarray(labels, dtype=np.int64).tobytes()
        if key not in known:
            known[key] = (
                silhouette_estimate(scaled, labels, maximum_rows=silhouette_rows, seed=seed)
                if 1 < len(np.unique(labels)) < len(scaled)
                else None
            )
        scores.append(known[key])
    return {
        "customers": len(scaled),
        "adjusted_rand_index": adjusted_rand_index(table) if index is None else index,
        "adjusted_mutual_information": adjusted_mutual_information(table),
        "homogeneity": homogeneity,
        "completeness": completeness,
        "mean_jaccard": float(jaccard.mean()),
        "lowest_jaccard": float(jaccard.min()),
        "changed_share": changed_share(np.asarray(first), np.asarray(second)),
        "silhouette_first": scores[0].score if scores[0] else None,
        "silhouette_second": scores[1].score if scores[1] else None,
        "silhouette_standard_error": max((s.standard_error for s in scores if s), default=None),
        "inertia_first": partition_inertia(scaled, first),
        "inertia_second": partition_inertia(scaled, second),
    }


class _Baseline:
    """The frozen model, its repeats, and the labels that it gave."""

    def __init__(
        self,
        row: Any,
        models: pd.DataFrame,
        panel_: Panel,
        settings: StabilitySettings,
        quantiles_of: Callable[[Any], Quantiles],
        agreement: pd.DataFrame | None,
    ) -> None:
        self.row = row
        self.pairs = _pairs_of(agreement, row)
        self.panel = panel_
        self.settings = settings
        self.quantiles_of = quantiles_of
        self.robust = robust_columns(settings.features, settings.transforms)
        self.models = scalers_and_centroids(models)
        facts = models.drop_duplicates("model_id").set_index("model_id")
        self.inertia, self.training_rows = facts["inertia"], facts["training_rows"]
        self.fitted_at = facts["as_of_date"][row.model_id]
        self.model = Refit(*self.models[row.model_id], float("nan"), is_resampled=False)
        cross = panel_.at(row.as_of_date)
        self.labels = self.model.labels(cross.X)
        self.repeats = self._repeats(cross.X[cross.is_in_fit], scaler=None)

    @property
    def n_clusters(self) -> int:
        return len(self.model.centroids)

    def _repeats(self, X: np.ndarray, *, scaler: Scaler | None) -> list[Refit]:
        return refit_repeats(
            X,
            scaler=scaler,
            robust=self.robust,
            n_clusters=self.n_clusters,
            n_init=self.settings.n_init,
            max_iter=self.settings.max_iter,
            seeds=self.settings.null_seeds,
            bootstraps=self.settings.null_bootstraps,
            seed=self.settings.seed,
        )

    def compare(self, row: Any) -> list[dict[str, Any]]:
        """Return the rows of one date."""
        cross = self.panel.at(row.as_of_date)
        at_baseline, at_date = self.panel.shared(self.row.as_of_date, row.as_of_date)
        X = cross.X[at_date]
        labels = self.labels[at_baseline]
        frozen_labels = self.model.labels(cross.X)
        common = {
            "as_of_date": pd.Timestamp(row.as_of_date).date(),
            "baseline_as_of_date": pd.Timestamp(self.row.as_of_date).date(),
            "baseline_model_id": self.row.model_id,
            "elapsed_days": (pd.Timestamp(row.as_of_date) - pd.Timestamp(self.row.as_of_date)).days,
        }
        rows: list[dict[str, Any]] = []
        pair = self.pairs.get(common["as_of_date"], {})
        # Three designs compare the customers of the baseline, with the labels given there.
        silhouettes: dict[bytes, SilhouetteEstimate | None] = {}

        if row.fitted_model_id in self.models:
            refit, repeats, facts = self._refit_of(row, cross)
            facts |= {"refit_model_id": row.fitted_model_id}
            facts |= {"is_refit_accepted": bool(row.is_fit_accepted)}
            refit_labels = refit.labels(cross.X)
            again = [repeat.labels(cross.X) for repeat in repeats]
            rows += self._design(
                "prediction_vs_refit",
                frozen_labels,
                refit_labels,
                cross.X,
                again,
                common | facts,
                pair,
            )
            rows += self._design(
                "labels_vs_refit",
                labels,
                refit_labels[at_date],
                X,
                [one[at_date] for one in again],
                common | facts,
                pair,
                silhouettes,
            )
        else:
            note = "Not compared: the date has no fit of its own."
            rows += [
                common | {"design": design, "note": note}
                for design in ("prediction_vs_refit", "labels_vs_refit")
            ]

        try:
            refit, repeats, facts = self._structure(X[cross.is_in_fit[at_date]], pair)
        except ValueError as error:
            note = f"Not compared: could not be fitted: {error}"
            rows.append(common | {"design": "structure", "note": note})
        else:
            structure_labels = match_labels(labels, refit.labels(X))
            rows += self._design(
                "structure",
                labels,
                structure_labels,
                X,
                [one.labels(X) for one in repeats],
                common | facts,
                pair,
                silhouettes,
            )

        rows += self._design(
            "migration",
            labels,
            frozen_labels[at_date],
            X,
            [repeat.labels(X) for repeat in self.repeats],
            common,
            pair,
            silhouettes,
        )
        return rows

    def _refit_of(self, row: Any, cross: Cross) -> tuple[Refit, list[Refit], dict[str, Any]]:
        """Return the date's fit, or a better optimum of the same rows if a repeat found one."""
        rows = cross.X[cross.is_in_fit]
        scaler, centroids = self.models[row.fitted_model_id]
        inertia = float(self.inertia[row.fitted_model_id])
        if len(rows) < self.training_rows[row.fitted_model_id]:
            # It was fitted on more rows than are measured: how good is its optimum for them, in their scale?
            own = standardise(rows, robust=self.robust)
            inertia = fit_kmeans(
                own.transform(rows),
                n_clusters=self.n_clusters,
                max_iter=self.settings.max_iter,
                init=own.transform(scaler.inverse_transform(centroids)),
                seed=self.settings.seed,
            ).inertia
        published = Refit(scaler, centroids, inertia, is_resampled=False)
        is_baseline = row.as_of_date == self.row.as_of_date
        repeats = self.repeats if is_baseline else self._repeats(rows, scaler=None)
        best, facts = best_optimum(published, repeats)
        if best is not published:
            order = match_centroids(published.centroids, best.centroids)
            best = dataclasses.replace(best, centroids=best.centroids[np.argsort(order)])
        return best, repeats, facts

    def _structure(
        self, X: np.ndarray, pair: dict[str, Any]
    ) -> tuple[Refit, list[Refit], dict[str, Any]]:
        scaler = self.model.scaler
        if pd.notna(pair.get("structure_inertia")):
            inertia = float(pair["structure_inertia"])
            centroids = np.reshape(pair["structure_centroids"], self.model.centroids.shape)
        else:
            centroids, inertia = quick_fit(
                scaler.transform(X),
                n_clusters=self.n_clusters,
                n_init=self.settings.n_init,
                max_iter=self.settings.max_iter,
                seed=self.settings.seed,
                also=self.model.centroids,
            )
        repeats = self._repeats(X, scaler=scaler)
        best, facts = best_optimum(Refit(scaler, centroids, inertia, is_resampled=False), repeats)
        return best, repeats, facts

    def _design(
        self,
        design: str,
        first: np.ndarray,
        second: np.ndarray,
        X: np.ndarray,
        again: list[np.ndarray],
        common: dict[str, Any],
        pair: dict[str, Any],
        silhouettes: dict[bytes, SilhouetteEstimate | None] | None = None,
    ) -> list[dict[str, Any]]:
        if not len(first):
            note = "Not compared: none of the baseline's customers is in the history of this date."
            return [common | {"design": design, "note": note}]
        scaler = self.model.scaler
        # A refit that was replaced is not the one whose index is known.
        known = None if common.get("is_refit_replaced") else pair.get(AGREEMENT_OF[design])
        measures = compare_partitions(
            first,
            second,
            X,
            scaler=scaler,
            silhouette_rows=self.settings.silhouette_rows,
            seed=self.settings.seed,
            index=known if pd.notna(known) else None,
            known=silhouettes,
        )
        old = scaler.inverse_transform(self.model.centroids)
        new = cluster_means(X, second, n_clusters=self.n_clusters)
        moved_scaled = (new - old) / scaler.scale
        distance = np.sqrt(np.square(moved_scaled).sum(axis=1))
        # A share stands for other days or money at another date.
        old, new = (
            own_units(
                rows,
                features=self.settings.features,
                transforms=self.settings.transforms,
                quantiles=self.quantiles_of(day),
            )
            for rows, day in ((old, self.fitted_at), (new, common["as_of_date"]))
        )
        moved = new - old
        matched = matched_jaccard(first, second)
        names = np.unique(first)
        second_names = np.unique(second)
        sizes = np.bincount(first, minlength=self.n_clusters)
        jaccard = dict(zip(names.tolist(), matched.jaccard.tolist(), strict=True))
        match = dict(zip(names.tolist(), second_names[matched.column].tolist(), strict=True))
        note = "Compared."
        if common.get("is_refit_replaced"):
            note = (
                "The fit of the date is a worse optimum"
                f" (inertia {common['refit_inertia_excess']:.4%} above the best found);"
                " the better one is compared."
            )
        elif common.get("is_refit_accepted") is False:
            note = "Compared with a fit that did not pass its gates."
        row = {
            **common,
            **measures,
            **null_band(first, second, again),
            "design": design,
            "largest_centroid_movement": None
            if np.isnan(distance).all()
            else float(np.nanmax(distance)),
            "note": note,
        }
        return [
            {
                **row,
                "cluster": cluster,
                "cluster_customers": int(sizes[cluster]),
                "jaccard": jaccard.get(cluster),
                "matched_cluster": match.get(cluster),
                "feature_position": position,
                "feature": feature,
                "baseline_centroid": float(old[cluster, position]),
                "centroid": _number(new[cluster, position]),
                "centroid_movement": _number(moved[cluster, position]),
                "centroid_movement_scaled": _number(moved_scaled[cluster, position]),
            }
            for cluster in range(self.n_clusters)
            for position, feature in enumerate(self.settings.features)
        ]


def _pairs_of(agreement: pd.DataFrame | None, row: Any) -> dict[Any, dict[str, Any]]:
    """Return what is known of each later date, compared with the model of a baseline."""
    if agreement is None:
        return {}
    is_baseline = (agreement["baseline_model_id"] == row.model_id) & (
        pd.to_datetime(agreement["baseline_as_of_date"]) == pd.Timestamp(row.as_of_date)
    )
    return {
        pd.Timestamp(pair["as_of_date"]).date(): pair
        for pair in agreement[is_baseline].to_dict("records")
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
