"""The refresh interval that follows from how models age."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

POLICY_COLUMNS = {
    "cadence": "string",
    "interval_months": "int",
    "baselines": "int",
    "expected_agreement": "double",
    "end_agreement": "double",
    "end_agreement_low": "double",
    "end_agreement_high": "double",
    "worst_agreement": "double",
    "end_structure_agreement": "double",
    "worst_structure_agreement": "double",
    "end_changed_share": "double",
    "end_changed_share_low": "double",
    "end_changed_share_high": "double",
    "worst_changed_share": "double",
    "times_a_year": "double",
    "cost_a_year": "double",
    "is_within_rule": "boolean",
    "is_recommended": "boolean",
    "recommended_low": "int",
    "recommended_high": "int",
    "rule": "string",
}
CADENCES = ("rescore", "refit")
# An interval that fewer baselines have lived through is not judged.
LEAST_BASELINES = 3
BAND = (0.05, 0.95)


@dataclasses.dataclass(frozen=True)
class PolicySettings:
    """The limits of the rule and what a refresh costs.

    Attributes
    ----------
    least_prediction_agreement, least_structure_agreement : float
        Adjusted Rand indices that a model must still have just before it is refitted.
    largest_outdated_share : float
        Share of customers in another segment just before they are scored again.
    longest_interval : int
        Candidates are 1, 2, … so many months.
    resamples, block_length, seed : int
        Of the bootstrap over baselines.
    cost : dict of str to float
        Of one time of each cadence.
    """

    least_prediction_agreement: float
    least_structure_agreement: float
    largest_outdated_share: float
    longest_interval: int = 12
    resamples: int = 2000
    block_length: int = 3
    seed: int = 42
    cost: dict[str, float] = dataclasses.field(default_factory=lambda: dict.fromkeys(CADENCES, 0.0))


def by_baseline_and_age(simulation: pd.DataFrame, measure: str, *, longest: int) -> np.ndarray:
    """Arrange a measure by baseline and age.

    Parameters
    ----------
    simulation : DataFrame with columns baseline_as_of_date, age_months and the measure
    measure : str
    longest : int
        Ages 1 to so many months.

    Returns
    -------
    ndarray of shape (n_baselines, longest), float64
        Baselines by date; NaN for an age that a baseline has not reached.
    """
    baselines = sorted(simulation["baseline_as_of_date"].unique())
    table = np.full((len(baselines), longest), np.nan)
    row = {baseline: position for position, baseline in enumerate(baselines)}
    for baseline, age, value in zip(
        simulation["baseline_as_of_date"],
        simulation["age_months"],
        simulation[measure],
        strict=True,
    ):
        if not pd.isna(age) and 1 <= age <= longest:
            table[row[baseline], int(age) - 1] = np.nan if pd.isna(value) else value
    return table


def refresh_policy(simulation: pd.DataFrame, *, settings: PolicySettings) -> pd.DataFrame:
    """Judge intervals of one to so many months for rescoring and for refitting.

    Rule. Rescoring: the longest interval at whose end, on average over the baselines, no more
    than the largest outdated share of the customers would get another segment from the same
    model. Refitting, with scoring every month in between: the longest interval at whose end the
    model still has, on average over the baselines, the least agreement with a refit and the
    least agreement of structure. In both cases every shorter interval must pass too; if none
    does, the shortest is recommended.

    Parameters
    ----------
    simulation : DataFrame with columns of ``refresh.AGREEMENT_COLUMNS``
        Only baselines and dates that are to count.
    settings : PolicySettings

    Returns
    -------
    DataFrame with the columns of `POLICY_COLUMNS`
        One row per cadence and interval; is_within_rule is None for one that fewer than
        `LEAST_BASELINES` baselines have lived through, which is never recommended. end_…: mean
        over baselines at the interval's last month, low and high the 5th
        and 95th percentile of its bootstrap; expected_agreement: mean over the interval's
        months; worst_…: over months and baselines. recommended_low and recommended_high: 5th
        and 95th percentile of the interval that the rule recommends in the resamples.

    Notes
    -----
    Source: moving-block bootstrap of Künsch (1989), Annals of Statistics 17, over baselines in
    the order of their dates, because neighbouring baselines share most of their customers.
    """
    if simulation.empty:
        return pd.DataFrame(columns=list(POLICY_COLUMNS))
    tables = {
        name: by_baseline_and_age(simulation, name, longest=settings.longest_interval)
        for name in (
            "prediction_agreement",
            "prediction_changed_share",
            "structure_agreement",
            "migration_agreement",
            "migration_changed_share",
        )
    }
    lived = (~np.isnan(tables["migration_agreement"])).sum(axis=0)
    draws = block_draws(
        len(next(iter(tables.values()))),
        resamples=settings.resamples,
        block_length=settings.block_length,
        seed=settings.seed,
    )
    rows: list[dict[str, Any]] = []
    for cadence in CADENCES:
        rows += _cadence_rows(cadence, tables, lived, draws, settings)
    return pd.DataFrame(rows, columns=list(POLICY_COLUMNS))


def block_draws(n: int, *, resamples: int, block_length: int, seed: int) -> np.ndarray:
    """Draw rows in blocks of neighbours.

    Returns
    -------
    ndarray of shape (resamples, n), int64
    """
    generator = np.random.default_rng(seed)
    length = min(block_length, n)
    starts = generator.integers(n - length + 1, size=(resamples, -(-n // length)))
    return (starts[:, :, None] + np.arange(length)).reshape(resamples, -1)[:, :n]


def longest_passing(passes: np.ndarray) -> int:
    """Return how many intervals from the shortest on pass, at least 1.

    Parameters
    ----------
    passes : ndarray of shape (n_intervals,), bool
    """
    return max(1, int(np.argmin(np.append(passes, False))))


def cost_of_one(
    *,
    seconds: float,
    review_hours: float,
    machine_price_per_hour: float,
    review_price_per_hour: float,
) -> float:
    """Return what one refresh costs, machine and person, in the currency of the prices."""
    return float(seconds / 3600 * machine_price_per_hour + review_hours * review_price_per_hour)


def refresh_costs(costs: Mapping[str, float]) -> dict[str, float]:
    """Return what one time of each cadence costs.

    Parameters
    ----------
    costs : mapping of str to float
        Seed ``policy_costs``, by its codes.
    """
    prices = {name: costs[name] for name in ("machine_price_per_hour", "review_price_per_hour")}
    return {
        cadence: cost_of_one(
            seconds=costs[f"{cadence}_seconds"],
            review_hours=costs[f"{cadence}_review_hours"],
            **prices,
        )
        for cadence in CADENCES
    }


def _mean(table: np.ndarray, axis: int) -> np.ndarray:
    """Mean without NaN; NaN where there is nothing else."""
    is_there = ~np.isnan(table)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(is_there, table, 0.0).sum(axis=axis) / is_there.sum(axis=axis)


def _band(resampled: np.ndarray) -> np.ndarray:
    """Low and high percentile of each column without NaN; NaN for a column without values."""
    band = np.full((2, resampled.shape[1]), np.nan)
    is_there = ~np.isnan(resampled).all(axis=0)
    band[:, is_there] = np.nanquantile(resampled[:, is_there], BAND, axis=0)
    return band


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _cadence_rows(
    cadence: str,
    tables: dict[str, np.ndarray],
    lived: np.ndarray,
    draws: np.ndarray,
    settings: PolicySettings,
) -> list[dict[str, Any]]:
    design = "migration" if cadence == "rescore" else "prediction"
    agreement, changed = tables[f"{design}_agreement"], tables[f"{design}_changed_share"]
    structure = tables["structure_agreement"]

    def passing(
        agreement_end: np.ndarray, structure_end: np.ndarray, changed_end: np.ndarray
    ) -> np.ndarray:
        if cadence == "rescore":
            return changed_end <= settings.largest_outdated_share
        return (agreement_end >= settings.least_prediction_agreement) & (
            structure_end >= settings.least_structure_agreement
        )

    end = [_mean(table, 0) for table in (agreement, structure, changed)]
    is_judged = lived >= LEAST_BASELINES
    passes = passing(*end) & is_judged
    # A resample may lack an age; there the rule cannot pass.
    resampled = [_mean(table[draws], 1) for table in (agreement, structure, changed)]
    chosen = [longest_passing(one & is_judged) for one in passing(*resampled)]
    recommended = longest_passing(passes)
    low, high = np.quantile(chosen, BAND, method="nearest")
    agreement_band, changed_band = (_band(resampled[0]), _band(resampled[2]))
    is_refit = cadence == "refit"
    rule = (
        "The longest interval at whose end, on average over the baselines, the frozen model agrees with a refit"
        f" to at least {settings.least_prediction_agreement:.2f} and the structure to at least"
        f" {settings.least_structure_agreement:.2f} (adjusted Rand index), as for every shorter one;"
        " otherwise the shortest."
        if is_refit
        else "The longest interval at whose end, on average over the baselines, at most"
        f" {settings.largest_outdated_share:.0%} of the customers would get another segment, as for every shorter one;"
        " otherwise the shortest."
    )
    return [
        {
            "cadence": cadence,
            "interval_months": m,
            "baselines": int(lived[m - 1]),
            "expected_agreement": _known(end[0][:m].mean()),
            "end_agreement": _known(end[0][m - 1]),
            "end_agreement_low": _known(agreement_band[0, m - 1]),
            "end_agreement_high": _known(agreement_band[1, m - 1]),
            "worst_agreement": _known(np.nanmin(agreement[:, :m])) if lived[m - 1] else None,
            "end_structure_agreement": _known(end[1][m - 1]) if is_refit else None,
            "worst_structure_agreement": _known(np.nanmin(structure[:, :m]))
            if is_refit and lived[m - 1]
            else None,
            "end_changed_share": _known(end[2][m - 1]),
            "end_changed_share_low": _known(changed_band[0, m - 1]),
            "end_changed_share_high": _known(changed_band[1, m - 1]),
            "worst_changed_share": _known(np.nanmax(changed[:, :m])) if lived[m - 1] else None,
            "times_a_year": 12 / m,
            "cost_a_year": 12 / m * settings.cost[cadence],
            "is_within_rule": bool(passes[m - 1]) if is_judged[m - 1] else None,
            "is_recommended": m == recommended,
            "recommended_low": int(low),
            "recommended_high": int(high),
            "rule": rule,
        }
        for m in range(1, agreement.shape[1] + 1)
    ]
