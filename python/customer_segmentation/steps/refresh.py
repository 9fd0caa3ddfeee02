"""How a model and its labels age: every baseline against the later dates."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.cluster import (
    Refit,
    near_order,
    prepare_rows,
    quick_fit,
    standardise,
)
from customer_segmentation.measure import changed_share, index_of
from customer_segmentation.steps.assignments import cluster_numbers, scalers_and_centroids
from customer_segmentation.steps.panel import Cross, Panel, is_within
from customer_segmentation.steps.reuse import code_and_libraries, fingerprint, reusable_rows

AGREEMENT_COLUMNS = {
    "baseline_as_of_date": "date",
    "as_of_date": "date",
    "fingerprint": "string",
    "baseline_model_id": "string",
    "refit_model_id": "string",
    "elapsed_days": "int",
    "age_months": "int",
    "baseline_customers": "bigint",
    "customers": "bigint",
    "prediction_agreement": "double",
    "prediction_changed_share": "double",
    "prediction_agreement_without_clock": "double",
    "prediction_changed_share_without_clock": "double",
    "labels_agreement": "double",
    "labels_changed_share": "double",
    "structure_agreement": "double",
    "migration_agreement": "double",
    "migration_changed_share": "double",
    "migration_agreement_without_clock": "double",
    "migration_changed_share_without_clock": "double",
    "outdated_share": "double",
    "structure_centroids": "double[]",
    "structure_inertia": "double",
}


@dataclasses.dataclass(frozen=True)
class AgreementSettings:
    """What the comparison depends on besides rows and models; as in ``fits.FitSettings``.

    ``clocks`` names the features in which a customer who does nothing gains a day a day.
    """

    features: tuple[str, ...]
    n_init: int
    max_iter: int
    seed: int
    clocks: tuple[str, ...] = ()

    @classmethod
    def from_settings(
        cls, settings: Mapping[str, Any], *, clocks: Sequence[str]
    ) -> AgreementSettings:
        """Take them from the settings of the project."""
        return cls(
            features=tuple(settings["segmentation_features"]),
            n_init=settings["engine"]["n_init"],
            max_iter=settings["engine"]["max_iter"],
            seed=settings["seed"],
            clocks=tuple(clocks),
        )


def model_agreement(
    inputs: pd.DataFrame,
    models: pd.DataFrame,
    read: Callable[[], Panel],
    *,
    settings: AgreementSettings,
    longest_age_months: int | None = None,
    previous: pd.DataFrame | None = None,
    report: Callable[[str], None] = lambda message: None,
) -> pd.DataFrame:
    """Compare every accepted model with the later dates.

    Parameters
    ----------
    inputs : DataFrame with columns as_of_date, rows_fingerprint, fitted_model_id,
        fitted_fingerprint, is_fit_accepted
        One row per date with its own fit (None without one).
    models : DataFrame with the columns of ``fits.FIT_COLUMNS``
    read : callable
        Gives the customers; called only when a pair must be computed.
    settings : AgreementSettings
    longest_age_months : int, optional
        Dates that are more calendar months later are left out: there are as many pairs as the
        square of the dates. Without it none is.
    previous : DataFrame, optional
        An earlier result; pairs with the same fingerprint are taken from it.
    report : callable, optional
        Receives one line of progress per date.

    Returns
    -------
    DataFrame with the columns of `AGREEMENT_COLUMNS`
        One row per pair. prediction: frozen model against the date's own fit, all customers of
        the date; labels, structure and migration: the labels given at the baseline against the
        date's own fit, a fit of the same customers with the frozen scaler, and the frozen model,
        customers of the baseline. …_without_clock: the same with each clock brought back to the
        mean and standard deviation that it had at the baseline (`without_clock`), so that a
        border of days stays where it is among the customers; for prediction over all customers
        of the two dates, for migration over the customers of the baseline. outdated_share:
        customers of the date before whose segment by the frozen model is another one now.
        age_months is None unless both dates are the first of a month. structure_centroids (row
        by row, in standard deviations of the frozen scaler) and structure_inertia are those of
        the fit behind structure_agreement.

    Notes
    -----
    Source of the index: Hubert and Arabie (1985).
    """
    earlier = reusable_rows(previous, AGREEMENT_COLUMNS)
    code = code_and_libraries(__name__)
    numbers = cluster_numbers(models)
    dates = inputs.sort_values("as_of_date", ignore_index=True)
    rows = list(dates.itertuples(index=False))
    # One frame of all pairs: one a pair would take longer than what is re-used.
    pairs: list[Sequence[Any]] = []
    work: _Ageing | None = None
    for position, row in enumerate(rows):
        computed = 0
        for base in rows[:position]:
            # Where no date has a fit, all of them are NA, which is neither true nor false.
            if pd.isna(base.is_fit_accepted) or not base.is_fit_accepted:
                continue
            if not is_within(base.as_of_date, row.as_of_date, longest_age_months):
                continue
            last = rows[position - 1]
            key = fingerprint(
                [str(base.as_of_date), base.rows_fingerprint, base.fitted_fingerprint],
                [str(row.as_of_date), row.rows_fingerprint, row.fitted_fingerprint],
                [str(last.as_of_date), last.rows_fingerprint],
                [base.fitted_model_id, row.fitted_model_id],
                [numbers.get(base.fitted_model_id), numbers.get(row.fitted_model_id)],
                dataclasses.asdict(settings),
                code,
            )
            unchanged = earlier.get(key)
            if unchanged is not None:
                pairs.extend(unchanged)
                continue
            if work is None:
                work = _Ageing(read(), models, settings)
            computed += 1
            found = work.compare(base, row, last) | {"fingerprint": key}
            table = pd.DataFrame([found]).reindex(columns=list(AGREEMENT_COLUMNS))
            pairs.extend(table.astype(object).itertuples(index=False, name=None))
        if work is not None:
            work.keep(row.as_of_date)
        if position:
            report(
                f"Ageing of models {position}/{len(rows) - 1}: {pd.Timestamp(row.as_of_date).date()}"
                f" {f'{computed} pairs computed' if computed else 'unchanged'}"
            )
    return pd.DataFrame(pairs, columns=list(AGREEMENT_COLUMNS), dtype=object)


class _Ageing:
    """Customers, models, and the labels of each model at each date."""

    def __init__(self, customers: Panel, models: pd.DataFrame, settings: AgreementSettings) -> None:
        self.customers = customers
        self.settings = settings
        self.models = {
            model_id: Refit(*parts, float("nan"), is_resampled=False)
            for model_id, parts in scalers_and_centroids(models).items()
        }
        self._labels: dict[tuple[str, Any], np.ndarray] = {}
        self._own: set[tuple[str, Any]] = set()
        self._orders: dict[Any, np.ndarray] = {}

    def labels(self, model_id: str, as_of_date: Any) -> np.ndarray:
        """Return the labels that a model gives to the customers of a date."""
        place = (model_id, pd.Timestamp(as_of_date))
        if place not in self._labels:
            found = self.models[model_id].labels(self.customers.at(as_of_date).X)
            self._labels[place] = found.astype(np.int16)
        return self._labels[place]

    def keep(self, as_of_date: Any) -> None:
        """Forget what is known of other dates, but for the labels that each model gave at its own."""
        day = pd.Timestamp(as_of_date)
        self._labels = {
            place: labels
            for place, labels in self._labels.items()
            if place[1] == day or place in self._own
        }
        self._orders.clear()

    def compare(self, base: Any, row: Any, last: Any) -> dict[str, Any]:
        """Return the row of one pair."""
        frozen = base.fitted_model_id
        days = [pd.Timestamp(one.as_of_date) for one in (base, row)]
        at_base, at_date = self.customers.shared(*days)
        at_last, at_date_of_last = self.customers.shared(last.as_of_date, days[1])
        start, end = (self.customers.at(day) for day in days)
        self._own.add((frozen, days[0]))
        given = self.labels(frozen, days[0])[at_base]
        predicted = self.labels(frozen, days[1])
        stayed = self._without_clock(frozen, _rows(start, at_base), _rows(end, at_date))
        found = {
            "baseline_as_of_date": days[0].date(),
            "as_of_date": days[1].date(),
            "baseline_model_id": frozen,
            "refit_model_id": row.fitted_model_id,
            "elapsed_days": (days[1] - days[0]).days,
            "age_months": months_between(*days),
            "baseline_customers": len(self.customers.at(days[0]).person),
            "customers": len(predicted),
            "migration_agreement": index_of(given, predicted[at_date]),
            "migration_changed_share": changed_share(given, predicted[at_date]),
            "migration_agreement_without_clock": index_of(given, stayed),
            "migration_changed_share_without_clock": changed_share(given, stayed),
            **self._structure(frozen, given, days[1], at_date),
            "outdated_share": changed_share(
                self.labels(frozen, last.as_of_date)[at_last], predicted[at_date_of_last]
            ),
        }
        if row.fitted_model_id in self.models:
            refitted = self.labels(row.fitted_model_id, days[1])
            held = self._without_clock(frozen, start, end)
            found |= {
                "prediction_agreement_without_clock": index_of(held, refitted),
                "prediction_changed_share_without_clock": changed_share(held, refitted),
                "prediction_agreement": index_of(predicted, refitted),
                "prediction_changed_share": changed_share(predicted, refitted),
                "labels_agreement": index_of(given, refitted[at_date]),
                "labels_changed_share": changed_share(given, refitted[at_date]),
            }
        else:
            found["refit_model_id"] = None
        return found

    def _neighbours_first(self, date: Any, rows: np.ndarray) -> np.ndarray:
        """Return rows in the fit of a date in such an order that neighbours are next to each other."""
        day, cross = pd.Timestamp(date), self.customers.at(date)
        if day not in self._orders:
            in_fit = np.flatnonzero(cross.is_in_fit)
            X = cross.X[in_fit]
            self._orders[day] = in_fit[near_order(standardise(X).transform(X))]
        is_asked = np.zeros(len(cross.X), dtype=bool)
        is_asked[rows] = True
        order = self._orders[day]
        return order[is_asked[order]]

    def _without_clock(self, frozen: str, before: Cross, now: Cross) -> np.ndarray:
        """Return the labels that a model gives when its borders move with the clocks."""
        clocks = [
            place
            for place, feature in enumerate(self.settings.features)
            if feature in self.settings.clocks
        ]
        return self.models[frozen].labels(without_clock(before, now, clocks)).astype(np.int16)

    def _structure(
        self, frozen: str, given: np.ndarray, date: Any, at_date: np.ndarray
    ) -> dict[str, Any]:
        model, cross = self.models[frozen], self.customers.at(date)
        X = cross.X[at_date]
        fitted = at_date[cross.is_in_fit[at_date]]
        nothing = dict.fromkeys(("structure_agreement", "structure_centroids", "structure_inertia"))
        if not len(fitted):
            # A short history forgets everybody who was there.
            return nothing
        try:
            centroids, inertia = quick_fit(
                model.scaler.transform(cross.X[fitted]),
                n_clusters=len(model.centroids),
                n_init=self.settings.n_init,
                max_iter=self.settings.max_iter,
                seed=self.settings.seed,
                also=model.centroids,
                laid_out=prepare_rows(
                    model.scaler.transform(cross.X[self._neighbours_first(date, fitted)])
                ),
            )
        except ValueError:
            return nothing
        fit = Refit(model.scaler, centroids, inertia, is_resampled=False)
        return {
            "structure_agreement": index_of(given, fit.labels(X)),
            "structure_centroids": centroids.ravel().tolist(),
            "structure_inertia": inertia,
        }


def without_clock(before: Cross, now: Cross, clocks: Sequence[int]) -> np.ndarray:
    """Bring clocks back to the mean and standard deviation that they had before.

    Parameters
    ----------
    before, now : Cross
        Customers at two dates.
    clocks : sequence of int
        Places of the features that are clocks.

    Returns
    -------
    ndarray of shape (n_rows, n_features), float64
        The features of ``now``; of the clocks ``(x - mean_now) * scale_before / scale_now +
        mean_before``, over the rows that models are fitted on. Where one of the two has no
        spread, or no row, only the mean is brought back, or nothing.

    Notes
    -----
    Source: ours. A model that standardises its features gives the same labels as one whose mean
    and deviation of the clocks are replaced by those of the date: its border lies at the same
    place among the customers, and what a refit changes beyond it is not the work of the clock.
    """
    X = now.X.copy()
    for place in clocks:
        old, new = (cross.X[cross.is_in_fit, place] for cross in (before, now))
        if not old.size or not new.size:
            continue
        scales = old.std(), new.std()
        factor = scales[0] / scales[1] if min(scales) > 0 else 1.0
        X[:, place] = (X[:, place] - new.mean()) * factor + old.mean()
    return X


def _rows(cross: Cross, rows: np.ndarray) -> Cross:
    return Cross(cross.person[rows], cross.X[rows], cross.is_in_fit[rows])


def months_between(earlier: pd.Timestamp, later: pd.Timestamp) -> int | None:
    """Count the months from one first of a month to another; None for other days."""
    if earlier.day != 1 or later.day != 1:
        return None
    return (later.year - earlier.year) * 12 + later.month - earlier.month
