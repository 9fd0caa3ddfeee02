"""The change of every feature between two dates, or what is known of it from the last build."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.measure import Distribution, feature_change, same_customers_change
from customer_segmentation.steps.panel import Panel, is_within
from customer_segmentation.steps.reuse import code_and_libraries, fingerprint, reusable_rows

CHANGE_COLUMNS = {
    "baseline_as_of_date": "date",
    "as_of_date": "date",
    "feature": "string",
    "fingerprint": "string",
    "elapsed_days": "int",
    "baseline_customers": "bigint",
    "customers": "bigint",
    "new_customer_share": "double",
    "baseline_missing_share": "double",
    "missing_share": "double",
    "baseline_mean": "double",
    "mean": "double",
    "mean_change": "double",
    "mean_change_time": "double",
    "mean_change_behaviour": "double",
    "mean_change_new_customers": "double",
    "ks_statistic": "double",
    "ks_time": "double",
    "ks_behaviour": "double",
    "ks_same_customers": "double",
    "psi": "double",
    "psi_behaviour": "double",
    "psi_same_customers": "double",
    "psi_bins": "int",
    "wasserstein": "double",
    "wasserstein_time": "double",
    "wasserstein_behaviour": "double",
}


def feature_changes(
    inputs: pd.DataFrame,
    read: Callable[[], Panel],
    *,
    features: Sequence[str],
    clocks: Sequence[str],
    longest_age_months: int | None = None,
    baseline: Any = None,
    previous: pd.DataFrame | None = None,
    report: Callable[[str], None] = lambda message: None,
) -> pd.DataFrame:
    """Measure the change of every feature between two dates.

    Parameters
    ----------
    inputs : DataFrame with columns as_of_date, rows_fingerprint
    read : callable
        Gives the customers with the features, NaN where missing; called only when needed.
    features : sequence of str
    clocks : sequence of str
        Those of them that are clocks.
    longest_age_months : int, optional
        Pairs of dates that are more calendar months apart are left out: there are as many as the
        square of the dates. Without it none is.
    baseline : date, optional
        The one that every later date is compared with, however far away it is.
    previous : DataFrame, optional
        An earlier result; pairs with the same fingerprint are taken from it.
    report : callable, optional
        Receives one line of progress per date.

    Returns
    -------
    DataFrame with the columns of `CHANGE_COLUMNS`
        One row per pair of dates, the earlier one being the baseline, and feature; a date with
        itself included.
    """
    earlier = reusable_rows(previous, CHANGE_COLUMNS)
    code = code_and_libraries(__name__)
    dates = list(inputs.sort_values("as_of_date").itertuples(index=False))
    # One frame of all rows: one a pair would take longer than the measures themselves.
    rows: list[Sequence[Any]] = []
    cache: dict[tuple[Any, str], Distribution] = {}
    customers: Panel | None = None
    for later, current in enumerate(dates):
        computed = 0
        for base in dates[: later + 1]:
            if not (
                _is_day(base.as_of_date, baseline)
                or is_within(base.as_of_date, current.as_of_date, longest_age_months)
            ):
                for feature in features:
                    cache.pop((pd.Timestamp(base.as_of_date), feature), None)
                continue
            key = fingerprint(
                [str(base.as_of_date), base.rows_fingerprint],
                [str(current.as_of_date), current.rows_fingerprint],
                [list(features), list(clocks)],
                code,
            )
            unchanged = earlier.get(key)
            if unchanged is not None:
                rows.extend(unchanged)
                continue
            if customers is None:
                customers = read()
            computed += 1
            for row in _pair(customers, base, current, features, clocks, cache):
                found = row | {"fingerprint": key}
                rows.append([found[name] for name in CHANGE_COLUMNS])
        report(
            f"Change of features {later + 1}/{len(dates)}: {pd.Timestamp(current.as_of_date).date()}"
            f" {f'{computed} pairs computed' if computed else 'unchanged'}"
        )
    return pd.DataFrame(rows, columns=list(CHANGE_COLUMNS), dtype=object)


def _is_day(as_of_date: Any, day: Any) -> bool:
    return day is not None and pd.Timestamp(as_of_date) == pd.Timestamp(day)


def _pair(
    customers: Panel,
    base: Any,
    current: Any,
    features: Sequence[str],
    clocks: Sequence[str],
    cache: dict[tuple[Any, str], Distribution],
) -> list[dict[str, Any]]:
    def distribution(date: Any, position: int, feature: str) -> Distribution:
        if (date, feature) not in cache:
            cache[date, feature] = Distribution.of(customers.at(date).X[:, position])
        return cache[date, feature]

    days = [pd.Timestamp(row.as_of_date) for row in (base, current)]
    elapsed = (days[1] - days[0]).days
    base_rows, stayed_rows = customers.shared(*days)
    n_before, n_now = (len(customers.at(day).person) for day in days)
    common = {
        "baseline_as_of_date": days[0].date(),
        "as_of_date": days[1].date(),
        "elapsed_days": elapsed,
        "baseline_customers": n_before,
        "customers": n_now,
        "new_customer_share": 1 - len(stayed_rows) / n_now if n_now else None,
    }

    then_rows, now_rows = (customers.at(day).X for day in days)
    rows = []
    for position, feature in enumerate(features):
        is_clock = feature in clocks
        then, stayed = then_rows[:, position], now_rows[stayed_rows, position]
        # The values of the baseline's customers at the date; of a clock, as if it had stood still.
        now = np.full(len(then), np.nan)
        now[base_rows] = stayed - elapsed if is_clock else stayed
        before, after = (distribution(day, position, feature) for day in days)
        rows.append(
            {
                **common,
                "feature": feature,
                **same_customers_change(before, then, now),
                **feature_change(
                    before,
                    after,
                    stayed_mean=_mean(stayed),
                    elapsed_days=elapsed,
                    is_clock=is_clock,
                ),
            }
        )
    return rows


def _mean(sample: np.ndarray) -> float | None:
    is_missing = np.isnan(sample)
    present = sample[~is_missing] if is_missing.any() else sample
    return float(present.mean()) if present.size else None
