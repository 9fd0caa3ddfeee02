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
    "judged_baselines": "int",
    "judged_blocks": "int",
    "judged_months": "int",
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
    "end_agreement_without_clock": "double",
    "worst_agreement_without_clock": "double",
    "end_changed_share_without_clock": "double",
    "worst_changed_share_without_clock": "double",
    "times_a_year": "double",
    "cost_a_year": "double",
    "is_within_rule": "boolean",
    "is_recommended": "boolean",
    "recommended_low": "int",
    "recommended_high": "int",
    "is_recommended_without_clock": "boolean",
    "recommended_low_without_clock": "int",
    "recommended_high_without_clock": "int",
    "recommendation": "string",
    "rule": "string",
    "seconds": "double",
    "machine_price_per_hour": "double",
    "review_hours": "double",
    "review_price_per_hour": "double",
}
CADENCES = ("rescore", "refit")
# Fewer baselines that have lived through the same ages judge nothing.
LEAST_BASELINES = 3
BAND = (0.05, 0.95)
# The range of so many independent blocks holds the truth in 1 - 2 ** (1 - 5) = 94 of 100 cases
# (interval of the median by the sign test), the first that is enough for `BAND`; two do in 50.
LEAST_BLOCKS = 5


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one refresh takes: seconds of a machine and hours of a person, with their prices an hour."""

    seconds: float = 0.0
    machine_price_per_hour: float = 0.0
    review_hours: float = 0.0
    review_price_per_hour: float = 0.0

    @property
    def amount(self) -> float:
        """Machine and person, in the currency of the prices."""
        return float(
            self.seconds / 3600 * self.machine_price_per_hour
            + self.review_hours * self.review_price_per_hour
        )


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
    cost : dict of str to Cost
        Of one time of each cadence.
    """

    least_prediction_agreement: float
    least_structure_agreement: float
    largest_outdated_share: float
    longest_interval: int = 12
    resamples: int = 2000
    block_length: int = 3
    seed: int = 42
    cost: dict[str, Cost] = dataclasses.field(
        default_factory=lambda: {cadence: Cost() for cadence in CADENCES}
    )


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
        One row per cadence and interval. All means are over the same baselines (`common_panel`);
        an interval that not all of them have lived through has none, is_within_rule None, and is
        never recommended. end_…: mean over baselines at the interval's last month, low and high
        the 5th and 95th percentile of its bootstrap; expected_agreement: mean over the interval's
        months; worst_…: over months and all counted baselines. recommended_low and
        recommended_high: 5th and 95th percentile of the interval that the rule recommends in the
        resamples; None with fewer than two blocks, and with fewer than `LEAST_BLOCKS` only the
        range of what the blocks say one by one, as recommendation adds. …_without_clock: the same rule and figures
        with the border of recency held. judged_months: from the first of the same baselines to
        the last date at which one of them is judged.

    Notes
    -----
    Source: bootstrap of blocks that do not overlap, Carlstein (1986), Annals of Statistics 14,
    over baselines in the order of their dates, because neighbouring baselines share most of
    their customers. Blocks are as many as have the block length; what is left over makes the
    first ones longer.
    """
    if simulation.empty:
        return pd.DataFrame(columns=list(POLICY_COLUMNS))
    rows: list[dict[str, Any]] = []
    for cadence in CADENCES:
        rows += _cadence_rows(cadence, simulation, settings)
    return pd.DataFrame(rows, columns=list(POLICY_COLUMNS))


def common_panel(table: np.ndarray) -> tuple[np.ndarray, int]:
    """Choose the baselines that are compared at every age, and the last of these ages.

    Parameters
    ----------
    table : ndarray of shape (n_baselines, n_ages), float64
        NaN for an age that a baseline has not reached.

    Returns
    -------
    is_common : ndarray of shape (n_baselines,), bool
        Baselines with a value at every age up to the last.
    ages : int
        The most ages that at least two in three of the baselines that reach one, and at least
        `LEAST_BASELINES`, have lived through without a gap; 0 when there is none. So the latest
        baselines, which say most about today, are left out for the sake of few ages only.
    """
    has_all = np.cumprod(~np.isnan(table), axis=1).astype(bool)
    reached = int((~np.isnan(table)).any(axis=1).sum())
    least = max(LEAST_BASELINES, -(-2 * reached // 3))
    ages = int((has_all.sum(axis=0) >= least).sum())
    return (has_all[:, ages - 1] if ages else np.zeros(len(table), dtype=bool)), ages


def block_weights(n: int, *, resamples: int, block_length: int, seed: int) -> np.ndarray:
    """Draw blocks of neighbours that do not overlap, with replacement.

    Parameters
    ----------
    n : int
        Rows, in the order of their dates.
    resamples, block_length, seed : int

    Returns
    -------
    ndarray of shape (resamples, n), float64
        How often each row is drawn; of no rows when there are fewer than two blocks.
    """
    blocks = n // block_length
    if blocks < 2:
        return np.empty((0, n))
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples)
    sizes = [len(part) for part in np.array_split(np.arange(n), blocks)]
    return np.repeat(drawn, sizes, axis=1).astype(np.float64)


def longest_passing(passes: np.ndarray) -> int:
    """Return how many intervals from the shortest on pass, at least 1.

    Parameters
    ----------
    passes : ndarray of shape (n_intervals,), bool
    """
    return max(1, int(np.argmin(np.append(passes, False))))


@dataclasses.dataclass(frozen=True)
class _Ages:
    """Agreement, structure and changed share of the baselines by age, of the common ones to judge."""

    agreement: np.ndarray
    structure: np.ndarray
    changed: np.ndarray
    is_common: np.ndarray
    ages: int

    def ends(self, weights: np.ndarray) -> list[np.ndarray]:
        """Return the weighted means over the common baselines, (n_resamples, ages) each."""
        parts = (self.agreement, self.structure, self.changed)
        total = weights.sum(axis=1, keepdims=True)
        return [weights @ part[self.is_common, : self.ages] / total for part in parts]

    def worst(self) -> list[np.ndarray]:
        """Return the worst of any baseline up to each age; NaN where none has reached it."""
        found = []
        for part, sign in ((self.agreement, 1), (self.structure, 1), (self.changed, -1)):
            lowest = np.where(np.isnan(part), np.inf, sign * part).min(axis=0)
            up_to = np.minimum.accumulate(lowest)
            found.append(np.where(np.isnan(part).all(axis=0), np.nan, sign * up_to))
        return found


def refresh_costs(costs: Mapping[str, float]) -> dict[str, Cost]:
    """Return what one refresh of each cadence takes.

    Parameters
    ----------
    costs : mapping of str to float
        Seed ``policy_costs``, by its codes.
    """
    return {
        cadence: Cost(
            seconds=float(costs[f"{cadence}_seconds"]),
            machine_price_per_hour=float(costs["machine_price_per_hour"]),
            review_hours=float(costs[f"{cadence}_review_hours"]),
            review_price_per_hour=float(costs["review_price_per_hour"]),
        )
        for cadence in CADENCES
    }


def _ages(
    cadence: str, simulation: pd.DataFrame, settings: PolicySettings, *, suffix: str
) -> _Ages:
    design = "migration" if cadence == "rescore" else "prediction"

    def table(measure: str) -> np.ndarray:
        return by_baseline_and_age(simulation, measure, longest=settings.longest_interval)

    agreement = table(f"{design}_agreement{suffix}")
    return _Ages(
        agreement,
        table("structure_agreement"),
        table(f"{design}_changed_share{suffix}"),
        *common_panel(agreement),
    )


@dataclasses.dataclass(frozen=True)
class _Verdict:
    """What the rule says; low and high are None without two blocks."""

    ends: list[np.ndarray]
    bands: list[np.ndarray]
    passes: np.ndarray
    recommended: int
    low: int | None
    high: int | None


def _judge(cadence: str, ages: _Ages, weights: np.ndarray, settings: PolicySettings) -> _Verdict:
    def passing(agreement: Any, structure: Any, changed: Any) -> Any:
        if cadence == "rescore":
            return changed <= settings.largest_outdated_share
        return (agreement >= settings.least_prediction_agreement) & (
            structure >= settings.least_structure_agreement
        )

    n = int(ages.is_common.sum())
    ends = [part[0] for part in ages.ends(np.ones((1, n)))] if n else [np.empty(0)] * 3
    passes = passing(*ends)
    none = np.full((2, ages.ages), np.nan)
    if not len(weights):
        return _Verdict(ends, [none] * 3, passes, longest_passing(passes), None, None)
    resampled = ages.ends(weights)
    bands = [np.quantile(part, BAND, axis=0) for part in resampled]
    chosen = [longest_passing(one) for one in passing(*resampled)]
    low, high = np.quantile(chosen, BAND, method="nearest")
    return _Verdict(ends, bands, passes, longest_passing(passes), int(low), int(high))


def _cadence_rows(
    cadence: str, simulation: pd.DataFrame, settings: PolicySettings
) -> list[dict[str, Any]]:
    ages, held_ages = (
        _ages(cadence, simulation, settings, suffix=suffix) for suffix in ("", "_without_clock")
    )
    held_ages = dataclasses.replace(held_ages, is_common=ages.is_common, ages=ages.ages)
    n = int(ages.is_common.sum())
    weights = block_weights(
        n, resamples=settings.resamples, block_length=settings.block_length, seed=settings.seed
    )
    verdict = _judge(cadence, ages, weights, settings)
    held = _judge(cadence, held_ages, weights, settings)
    worst, held_worst = ages.worst(), held_ages.worst()
    lived = (~np.isnan(ages.agreement)).sum(axis=0)
    is_refit = cadence == "refit"
    cost = settings.cost[cadence]
    blocks = n // settings.block_length
    months = _judged_months(simulation, ages)
    common = {
        "judged_baselines": n,
        "judged_blocks": blocks,
        "judged_months": months,
        "recommended_low": verdict.low,
        "recommended_high": verdict.high,
        "recommended_low_without_clock": held.low,
        "recommended_high_without_clock": held.high,
        "recommendation": _in_words(cadence, ages.ages, verdict, held, n, blocks, months),
        "rule": _rule(cadence, settings),
        **dataclasses.asdict(cost),
    }

    def at(values: np.ndarray, month: int) -> float | None:
        return _known(values[month - 1]) if month <= len(values) else None

    return [
        {
            **common,
            "cadence": cadence,
            "interval_months": m,
            "baselines": int(lived[m - 1]),
            "expected_agreement": _known(verdict.ends[0][:m].mean()) if m <= ages.ages else None,
            "end_agreement": at(verdict.ends[0], m),
            "end_agreement_low": at(verdict.bands[0][0], m),
            "end_agreement_high": at(verdict.bands[0][1], m),
            "worst_agreement": at(worst[0], m),
            "end_structure_agreement": at(verdict.ends[1], m) if is_refit else None,
            "worst_structure_agreement": at(worst[1], m) if is_refit else None,
            "end_changed_share": at(verdict.ends[2], m),
            "end_changed_share_low": at(verdict.bands[2][0], m),
            "end_changed_share_high": at(verdict.bands[2][1], m),
            "worst_changed_share": at(worst[2], m),
            "end_agreement_without_clock": at(held.ends[0], m),
            "worst_agreement_without_clock": at(held_worst[0], m),
            "end_changed_share_without_clock": at(held.ends[2], m),
            "worst_changed_share_without_clock": at(held_worst[2], m),
            "times_a_year": 12 / m,
            "cost_a_year": 12 / m * cost.amount,
            "is_within_rule": bool(verdict.passes[m - 1]) if m <= ages.ages else None,
            "is_recommended": m == verdict.recommended,
            "is_recommended_without_clock": m == held.recommended,
        }
        for m in range(1, settings.longest_interval + 1)
    ]


def _judged_months(simulation: pd.DataFrame, ages: _Ages) -> int | None:
    """Count the months from the first common baseline to the last date that is judged."""
    if not ages.ages:
        return None
    baselines = pd.to_datetime(pd.Series(sorted(simulation["baseline_as_of_date"].unique())))
    common = baselines[ages.is_common]
    first, last = common.min(), common.max()
    return int((last.year - first.year) * 12 + last.month - first.month + ages.ages)


def _rule(cadence: str, settings: PolicySettings) -> str:
    if cadence == "refit":
        return (
            "The longest interval at whose end, on average over the same baselines at every interval, the frozen"
            f" model agrees with a refit to at least {settings.least_prediction_agreement:.2f} and the structure"
            f" to at least {settings.least_structure_agreement:.2f} (adjusted Rand index), as for every shorter"
            " one; otherwise the shortest."
        )
    return (
        "The longest interval at whose end, on average over the same baselines at every interval, at most"
        f" {settings.largest_outdated_share:.0%} of the customers would get another segment, as for every"
        " shorter one; otherwise the shortest."
    )


def _in_words(
    cadence: str,
    ages: int,
    verdict: _Verdict,
    held: _Verdict,
    baselines: int,
    blocks: int,
    months: int | None,
) -> str:
    """Say the interval with what it rests on."""
    verb = cadence.capitalize()
    if not ages:
        return (
            f"{verb} every {_every(verdict.recommended)}, for want of evidence: fewer than {LEAST_BASELINES}"
            " baselines have lived through the same months."
        )

    def judged(one: _Verdict) -> str:
        # The longest interval that is judged may only be the end of the history.
        more = " or more" if one.recommended == ages else ""
        if one.low is None or one.high is None:
            return f"{_every(one.recommended)}{more}, how surely is not known"
        if one.low == one.high:
            return f"{_every(one.recommended)}{more}"
        return f"{one.low} to {_months(one.high)}{more}"

    little = (
        " That is little evidence: the range is only that of the blocks."
        if 1 < blocks < LEAST_BLOCKS
        else ""
    )
    return (
        f"{verb} every {judged(verdict)}; with the border of recency held, every {judged(held)}. On {months}"
        f" months of one history: {baselines} baselines at 1 to {_months(ages)}, in"
        f" {blocks or 1} {'blocks' if blocks > 1 else 'block'}.{little}"
    )


def _months(number: int) -> str:
    return "1 month" if number == 1 else f"{number} months"


def _every(number: int) -> str:
    return "month" if number == 1 else _months(number)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
