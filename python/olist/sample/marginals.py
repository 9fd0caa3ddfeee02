"""The published marginals of the real set, as arrays the generator draws from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

REAL_CUSTOMERS = 96_096
REAL_PRODUCTS = 32_951
REAL_SELLERS = 3_095

FIRST_PURCHASE = np.datetime64("2016-09-04T21:15:19", "s").astype(np.int64)
LAST_PURCHASE = np.datetime64("2018-10-17T17:30:18", "s").astype(np.int64)
ONLY_PURCHASE_OF_DECEMBER_2016 = np.datetime64("2016-12-23T23:16:47", "s").astype(np.int64)
# After this purchase the real set has 20 odd orders, none of them delivered.
LAST_REGULAR_PURCHASE = np.datetime64("2018-08-29T15:00:37", "s").astype(np.int64)
LARGEST_PAYMENT_CENTS = 1_366_408
DAY = 86_400
FIRST_DAY = int(np.datetime64("2016-09-01", "D").astype(np.int64))
DAY_COUNT = int(np.datetime64("2018-11-01", "D").astype(np.int64)) - FIRST_DAY

# Orders of Black Friday 2017 and the days after it, and of the days when the set runs out, against
# a usual day of that weekday.
DAY_FACTORS = {
    "2017-11-24": 6.5,
    "2017-11-25": 3.8,
    "2017-11-26": 2.6,
    "2017-11-27": 2.1,
    "2017-11-28": 1.9,
    "2018-08-22": 0.7,
    "2018-08-23": 0.6,
    "2018-08-24": 0.4,
    "2018-08-25": 0.35,
    "2018-08-26": 0.35,
    "2018-08-27": 0.25,
    "2018-08-28": 0.17,
    "2018-08-29": 0.05,
}


@cache
def load() -> dict[str, Any]:
    """Read ``marginals.json``, written by ``tools/measure_marginals.py``."""
    text = resources.files(__package__).joinpath("marginals.json").read_text(encoding="utf-8")
    return json.loads(text)


@dataclass(frozen=True)
class Quantiles:
    """A distribution given by its quantiles, drawn from by linear interpolation."""

    probabilities: np.ndarray
    values: np.ndarray

    def at(self, uniforms: np.ndarray) -> np.ndarray:
        """Return the quantile at each probability."""
        return np.interp(uniforms, self.probabilities, self.values)

    def probability_below(self, values: np.ndarray) -> np.ndarray:
        """Return the share of the distribution below each value."""
        # Ties in the quantiles: the highest probability of a value counts.
        return np.interp(values, self.values, self.probabilities)


def quantiles(values: list[float]) -> Quantiles:
    """Pair quantiles with the probabilities they were measured at.

    Parameters
    ----------
    values : list of float
        Quantiles from ``marginals.json``; their number tells which probabilities belong to them.

    Returns
    -------
    Quantiles
        The distribution.
    """
    tables = load()
    for name in ("probabilities", "few_probabilities", "gap_probabilities"):
        if len(tables[name]) == len(values):
            return Quantiles(np.array(tables[name]), np.array(values, dtype=float))
    msg = f"marginals.json has no list of {len(values)} probabilities; run tools.measure_marginals again"
    raise ValueError(msg)


def cumulative(counts: Any) -> np.ndarray:
    """Return cumulative shares that end at exactly 1."""
    shares = np.cumsum(np.asarray(counts, dtype=float))
    shares /= shares[-1]
    shares[-1] = 1.0
    return shares


def choose(shares: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Return the index each uniform number falls on, given cumulative shares."""
    return np.minimum(np.searchsorted(shares, uniforms, side="right"), len(shares) - 1)


@dataclass(frozen=True)
class Calendar:
    """When first orders are placed, and what the month does to them.

    Attributes
    ----------
    day_shares : ndarray of float, shape (DAY_COUNT,)
        Cumulative share of first orders up to each day since 2016-09-01.
    hour_shares : ndarray of float, shape (7, 24)
        Cumulative share of the hours, by weekday (Monday first).
    next_open_day : ndarray of int, shape (DAY_COUNT,)
        The day itself, or the next one with regular trade.
    month_of_day : ndarray of int, shape (DAY_COUNT,)
        Months since 2016-09.
    repeat_share : ndarray of float, shape (months,)
        Share of people of a first month who order again.
    delivery_factor, estimate_factor : ndarray of float, shape (months,)
        Median days to delivery and to the estimate, against the whole set.
    orders : ndarray of float, shape (months,)
        Orders of the month in the real set.
    """

    day_shares: np.ndarray
    hour_shares: np.ndarray
    next_open_day: np.ndarray
    month_of_day: np.ndarray
    repeat_share: np.ndarray
    delivery_factor: np.ndarray
    estimate_factor: np.ndarray
    orders: np.ndarray


def months_since(month: str) -> int:
    """Return the months from September 2016, the first of the data, to a month such as 2018-01."""
    return int((np.datetime64(month, "M") - np.datetime64("2016-09", "M")) / np.timedelta64(1, "M"))


@cache
def calendar() -> Calendar:
    """Spread the monthly counts over days by weekday and busy days."""
    tables = load()
    days = np.arange(FIRST_DAY, FIRST_DAY + DAY_COUNT).astype("datetime64[D]")
    month_of_day = (days.astype("datetime64[M]") - np.datetime64("2016-09", "M")).astype(int)
    months = int(month_of_day[-1]) + 1
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    hours = np.array(tables["hours"], dtype=float)
    weights = hours.sum(axis=1)[weekday]
    for day, factor in DAY_FACTORS.items():
        weights[days == np.datetime64(day)] *= factor

    shares = np.zeros(DAY_COUNT)
    regular = np.zeros(DAY_COUNT, dtype=bool)
    repeat_share = np.zeros(months)
    delivery_factor = np.ones(months)
    estimate_factor = np.ones(months)
    orders = np.zeros(months)
    # The first, the last and the December order of 2016 are cast by name, see orders.py.
    cast_days = np.isin(days, np.array(["2016-09-04", "2016-12-23", "2018-10-17"], "datetime64[D]"))
    day_of_month = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(int) + 1
    for month, all_people, all_orders, repeats, first_day, last_day, delivery, estimate in tables[
        "months"
    ]:
        index = months_since(month)
        orders[index] = all_orders
        is_open = (
            (month_of_day == index)
            & (day_of_month >= first_day)
            & (day_of_month <= last_day)
            & ~cast_days
        )
        people = all_people
        if people > 100:
            repeat_share[index] = repeats / people
            delivery_factor[index] = delivery
            estimate_factor[index] = estimate
            regular |= is_open
        else:
            # Too few to say anything else about their month. Most of them are later orders, which
            # the gaps would not bring here; less the one of the cast in each of these months.
            people = all_orders - 1
        if is_open.any():
            shares[is_open] = people * weights[is_open] / weights[is_open].sum()

    next_open_day = np.arange(DAY_COUNT)
    last_regular_day = int(LAST_REGULAR_PURCHASE // DAY) - FIRST_DAY
    upcoming = last_regular_day
    for number in range(DAY_COUNT - 1, -1, -1):
        if regular[number] and number <= last_regular_day:
            upcoming = number
        next_open_day[number] = upcoming
    return Calendar(
        day_shares=cumulative(shares),
        hour_shares=np.stack([cumulative(row) for row in hours]),
        next_open_day=next_open_day,
        month_of_day=month_of_day,
        repeat_share=repeat_share,
        delivery_factor=delivery_factor,
        estimate_factor=estimate_factor,
        orders=orders,
    )
