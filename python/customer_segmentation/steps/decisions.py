"""What to do at each as-of date: keep, rescore, retrain or investigate, and why.

The dates are walked in their order, with the model that the decisions so far have left in force.
A decision rests on facts before its date alone: on the models up to it, and on measures between
the date of the model in force and the date.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

# An age of a century stands for any larger one, which no date can be moved by.
MOST_MONTHS = 1200
DECISIONS = ("keep", "rescore", "retrain", "investigate")

DECISION_COLUMNS = {
    "as_of_date": "date",
    "decision": "string",
    "model_id": "string",
    "fitted_as_of_date": "date",
    "judged_model_id": "string",
    "judged_fitted_as_of_date": "date",
    "model_age_days": "int",
    "model_age_months": "int",
    "is_forced": "boolean",
    "is_fallback": "boolean",
    "prediction_agreement": "double",
    "structure_agreement": "double",
    "outdated_share": "double",
    "order_value_ratio": "double",
    "drifted_features": "int",
    "reason_number": "int",
    "reason_code": "string",
    "threshold_code": "string",
    "feature": "string",
    "level": "string",
    "value": "double",
    "threshold": "double",
    "detail": "string",
}


@dataclasses.dataclass(frozen=True)
class Threshold:
    """A row of seed maintenance_thresholds."""

    direction: str
    watch: float
    act: float

    def level(self, value: float | None) -> str | None:
        """Return "act", "watch" or None; no value crosses nothing."""
        if value is None or pd.isna(value):
            return None
        for level, limit in (("act", self.act), ("watch", self.watch)):
            if value >= limit if self.direction == "above" else value < limit:
                return level
        return None


@dataclasses.dataclass(frozen=True)
class Reason:
    """What a sentence is made of, in ``maintenance.decision_reasons`` by seed maintenance_words.

    Attributes
    ----------
    code : str
        A threshold, "feature_drift", or a sentence of the seed.
    threshold_code, level, value, threshold
        The threshold that is crossed, "watch" or "act", what was measured and the limit; of a
        sparse month, its orders are the value.
    feature : str, optional
        The one that drifts.
    detail : str, optional
        What the build says of it already.
    """

    code: str
    threshold_code: str | None = None
    level: str | None = None
    value: float | None = None
    threshold: float | None = None
    feature: str | None = None
    detail: str | None = None


def thresholds_from(seed: pd.DataFrame) -> dict[str, Threshold]:
    """Read seed maintenance_thresholds."""
    return {
        row.threshold_code: Threshold(row.direction, float(row.watch_value), float(row.act_value))
        for row in seed.itertuples(index=False)
    }


def longest_age(settings: Mapping[str, Any], thresholds: Mapping[str, Threshold]) -> int:
    """Return how many calendar months two dates may be apart to be compared.

    Parameters
    ----------
    settings : mapping
        Those of the project.
    thresholds : mapping of str to Threshold
        As of `thresholds_from`.

    Returns
    -------
    int
        Setting engine.longest_age_months, or the age at which a model is to be retrained, if that
        is more. So what is not measured could not change a decision: the age alone calls for
        retraining.
    """
    act = min(max(thresholds["model_age_months"].act, 0), MOST_MONTHS)
    return max(settings["engine"]["longest_age_months"], math.ceil(act))


def decide(
    dates: pd.DataFrame,
    pairs: pd.DataFrame,
    verdicts: pd.DataFrame,
    thresholds: dict[str, Threshold],
    *,
    force_retrain: Iterable[str] = (),
    report: Callable[[str], None] = lambda message: None,
) -> pd.DataFrame:
    """Walk the dates and decide at each one.

    Parameters
    ----------
    dates : DataFrame with columns as_of_date, is_segmentable, is_sparse, note,
        orders_in_last_month, order_value_ratio, fitted_model_id, is_fit_accepted, gate_failures
        One row per as-of date.
    pairs : DataFrame with columns of ``refresh.AGREEMENT_COLUMNS``
    verdicts : DataFrame with columns baseline_as_of_date, as_of_date, feature, verdict
        Drift of each feature between two dates. A pair of dates that is in neither was not
        measured, and its measures are None.
    thresholds : dict of str to Threshold
    force_retrain : iterable of str
        ISO dates that retrain whatever is measured; "latest" stands for the last one.
    report : callable, optional
        Receives a line for each of them that is none of the dates.

    Returns
    -------
    DataFrame with the columns of `DECISION_COLUMNS`
        One row per date and reason. judged_model_id is the model in force before the decision,
        model_id the one after it.

    Notes
    -----
    In order of precedence: a forced date retrains if its fit was accepted. Without a model the
    first accepted fit takes over, after whatever month, because nobody would have a segment
    otherwise. A month with too few orders, or with order values out of proportion, is
    investigated: nothing is learnt from it. Agreement or structure below its act_value, and a
    model as old as its act_value, retrain if the date's fit was accepted, and are investigated
    otherwise. A feature that drifts is investigated. When more than the watch_value of the
    customers are in another segment than at the last retraining or rescoring, lists are to be
    drawn anew (rescore). Otherwise all is kept.
    """
    pair_of = {
        (pd.Timestamp(row.baseline_as_of_date), pd.Timestamp(row.as_of_date)): row
        for row in pairs.itertuples(index=False)
    }
    drift_of: dict[tuple[pd.Timestamp, pd.Timestamp], list[Any]] = {}
    for row in verdicts.itertuples(index=False):
        place = (pd.Timestamp(row.baseline_as_of_date), pd.Timestamp(row.as_of_date))
        drift_of.setdefault(place, []).append(row)
    ordered = dates.sort_values("as_of_date", ignore_index=True)
    forced = {str(day) for day in force_retrain}
    if "latest" in forced and len(ordered):
        forced.add(f"{pd.Timestamp(ordered['as_of_date'].iloc[-1]):%Y-%m-%d}")
    known = {f"{day:%Y-%m-%d}" for day in pd.to_datetime(ordered["as_of_date"])}
    for day in sorted(forced - known - {"latest"}):
        report(
            f"Var force_retrain names {day}, which is no date of marts.periods in this build:"
            " nothing is retrained for it."
        )
    rows: list[dict[str, Any]] = []
    in_force: tuple[str, pd.Timestamp] | None = None
    outdated = 0.0
    for date in ordered.itertuples(index=False):
        day = pd.Timestamp(date.as_of_date)
        is_forced = f"{day:%Y-%m-%d}" in forced
        judged = in_force
        pair = pair_of.get((judged[1], day)) if judged else None
        drifts = drift_of.get((judged[1], day), []) if judged else []
        if pair is not None and not pd.isna(pair.outdated_share):
            outdated += pair.outdated_share
        decision, reasons, is_fallback = _decision(
            date, judged, pair, drifts, outdated, thresholds, is_forced=is_forced
        )
        if decision == "retrain":
            in_force = (date.fitted_model_id, day)
        measures = {
            "prediction_agreement": getattr(pair, "prediction_agreement", None),
            "structure_agreement": getattr(pair, "structure_agreement", None),
            "outdated_share": outdated if pair is not None else None,
            "order_value_ratio": date.order_value_ratio,
            "drifted_features": sum(row.verdict == "drift" for row in drifts) if drifts else None,
        }
        if decision in ("retrain", "rescore"):
            outdated = 0.0
        in_use = in_force if date.is_segmentable else None
        rows += [
            {
                "as_of_date": day.date(),
                "decision": decision,
                "model_id": in_use[0] if in_use else None,
                "fitted_as_of_date": in_use[1].date() if in_use else None,
                "judged_model_id": judged[0] if judged else None,
                "judged_fitted_as_of_date": judged[1].date() if judged else None,
                "model_age_days": (day - judged[1]).days if judged else None,
                "model_age_months": whole_months(judged[1], day) if judged else None,
                "is_forced": is_forced,
                "is_fallback": is_fallback,
                **{name: None if pd.isna(value) else value for name, value in measures.items()},
                "reason_number": number,
                "reason_code": reason.code,
                "threshold_code": reason.threshold_code,
                "feature": reason.feature,
                "level": reason.level,
                "value": reason.value,
                "threshold": reason.threshold,
                "detail": reason.detail,
            }
            for number, reason in enumerate(reasons, start=1)
        ]
    return pd.DataFrame(rows, columns=list(DECISION_COLUMNS), dtype=object)


def _decision(
    date: Any,
    judged: tuple[str, pd.Timestamp] | None,
    pair: Any,
    drifts: list[Any],
    outdated: float,
    thresholds: dict[str, Threshold],
    *,
    is_forced: bool,
) -> tuple[str, list[Reason], bool]:
    """Return decision, reasons and whether a wanted retraining had to be left out."""
    if not date.is_segmentable:
        return "keep", [Reason("not_segmented", detail=str(date.note))], False
    has_fit = not pd.isna(date.is_fit_accepted) and bool(date.is_fit_accepted)
    failures = None if pd.isna(date.gate_failures) else str(date.gate_failures)
    refused = Reason("fit_refused", detail=failures)
    if judged is None:
        if not has_fit:
            return "investigate", [Reason("no_model"), refused], False
        if date.is_sparse:
            first = Reason("first_model_after_sparse_month", value=float(date.orders_in_last_month))
        else:
            first = Reason("first_model")
        return "retrain", [first], False

    reasons: list[Reason] = []
    alarm = False
    if date.is_sparse:
        alarm = True
        reasons.append(Reason("sparse_month", value=float(date.orders_in_last_month)))
    else:
        ratio = _crossing(thresholds, "order_value_ratio", date.order_value_ratio)
        if ratio:
            reasons.append(ratio)
            alarm = ratio.level == "act"
    measured = [
        _crossing(thresholds, code, value)
        for code, value in (
            ("prediction_agreement", getattr(pair, "prediction_agreement", None)),
            ("structure_agreement", getattr(pair, "structure_agreement", None)),
            ("model_age_months", whole_months(judged[1], pd.Timestamp(date.as_of_date))),
        )
    ]
    reasons += [reason for reason in measured if reason]
    wants = is_forced or any(reason and reason.level == "act" for reason in measured)
    drifted = [row for row in drifts if row.verdict == "drift"]
    reasons += [
        Reason("feature_drift", "feature_drift", _LEVELS[row.verdict], feature=row.feature)
        for row in drifts
        if row.verdict in _LEVELS
    ]
    stale = _crossing(thresholds, "outdated_share", outdated)
    if stale:
        reasons.append(stale)

    if is_forced:
        reasons.insert(0, Reason("forced"))
    if wants and not has_fit:
        return "investigate", [*reasons, refused], True
    if is_forced:
        return "retrain", reasons, False
    if alarm:
        return "investigate", reasons, wants
    if wants:
        return "retrain", reasons, False
    if drifted:
        return "investigate", reasons, False
    if stale:
        return "rescore", reasons, False
    return "keep", reasons or [Reason("within_limits")], False


def whole_months(earlier: pd.Timestamp, later: pd.Timestamp) -> int:
    """Count the calendar months that are complete between two days; the day of the month counts.

    From the last days of a long month to the end of a shorter one is a whole month, as in
    DuckDB's and Spark's sums of a date and an interval.
    """
    months = (later.year - earlier.year) * 12 + later.month - earlier.month
    return months - int(earlier + pd.DateOffset(months=months) > later)


_LEVELS = {"drift": "act", "watch": "watch"}


def _crossing(thresholds: dict[str, Threshold], code: str, value: float | None) -> Reason | None:
    """Say which limit a value crosses; None for none."""
    threshold = thresholds[code]
    level = threshold.level(value)
    if level is None or value is None:
        return None
    limit = threshold.act if level == "act" else threshold.watch
    return Reason(code, code, level, float(value), limit)
