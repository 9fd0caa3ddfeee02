"""How far the distribution of a feature has moved from a baseline, as effects that do not grow with n.

Recency is a clock: as the history gets longer, there are customers whose last purchase is older
than any could be at the baseline, whatever people do. `clock_split` puts a distribution between
the two: the share of the date's customers that are within the baseline's horizon distributed as
at the baseline, the others as they are. From the baseline to it is the passing of time; from it
to the date is what people did: those who were customers already (`same_customers_change`), and
those who came since, the inflow of customers.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numba
import numpy as np

# A bin that is empty in one of the two samples counts as this share, so that the index is finite.
# A fixed share rather than half a row: the index must not depend on the number of rows.
EMPTY_BIN_SHARE = 1e-4
PSI_BINS = 10


@dataclasses.dataclass(frozen=True, eq=False)
class Distribution:
    """The values of a feature, each distinct one with its count; missing ones apart.

    Attributes
    ----------
    support : ndarray of shape (n_distinct,), float64
        Sorted.
    counts : ndarray of shape (n_distinct,), int64
    missing : int
    """

    support: np.ndarray
    counts: np.ndarray
    missing: int = 0

    @classmethod
    def of(cls, sample: Any) -> Distribution:
        """Count the values of a sample of shape (n_rows,); NaN is missing.

        Raises
        ------
        ValueError
            If the sample is not one-dimensional or holds an infinity.
        """
        array = np.asarray(sample, dtype=np.float64)
        if array.ndim != 1:
            raise ValueError(f"sample must have one dimension, not {array.ndim}.")
        if np.isinf(array).any():
            raise ValueError("sample has infinite values; leave these rows out first.")
        is_missing = np.isnan(array)
        values, counts = np.unique(array[~is_missing], return_counts=True)
        return cls(values, counts, int(is_missing.sum()))

    @functools.cached_property
    def size(self) -> int:
        """Values that are not missing."""
        return int(self.counts.sum())

    @property
    def missing_share(self) -> float | None:
        """Share of missing values, None for an empty sample."""
        rows = self.size + self.missing
        return self.missing / rows if rows else None

    @functools.cached_property
    def mean(self) -> float | None:
        """Mean of the values that are not missing."""
        # A sum, not a dot product: BLAS adds in an order that depends on its threads.
        return float((self.support * self.counts).sum() / self.size) if self.size else None

    @functools.cached_property
    def edges(self) -> np.ndarray:
        """Bins of the stability index with these values as its baseline, see `psi_edges`."""
        return psi_edges(self) if self.size else np.empty(0)

    @functools.cached_property
    def _passed(self) -> np.ndarray:
        """How many values lie below each distinct one, and how many there are."""
        return np.append(0, np.cumsum(self.counts))

    def up_to(self, limit: float) -> Distribution:
        """Return the part of the values that is at most ``limit``."""
        end = np.searchsorted(self.support, limit, side="right")
        return Distribution(self.support[:end], self.counts[:end])

    def in_bins(self, edges: np.ndarray) -> np.ndarray:
        """Count the values in each bin; the upper edges, in rising order, belong to the bin below."""
        ends = np.searchsorted(self.support, edges, side="right")
        return np.diff(self._passed[np.concatenate([[0], ends, [len(self.support)]])])


@dataclasses.dataclass(frozen=True)
class ClockSplit:
    """A distance between two dates, told apart into passing of time and what people did.

    Attributes
    ----------
    ks_time, wasserstein_time : float
        From the baseline to the distribution in between.
    ks_behaviour, psi_behaviour, wasserstein_behaviour : float or None
        From it to the date, the work of old and new customers; None for a date without a value.
        The distances of the two dates are at most the sum of both parts.
    """

    ks_time: float
    ks_behaviour: float | None
    psi_behaviour: float | None
    wasserstein_time: float
    wasserstein_behaviour: float | None


def ks_statistic(a: Distribution, b: Distribution) -> float | None:
    """Return the largest difference of the two distribution functions, 0 to 1.

    Returns
    -------
    float or None
        None when a sample has no value.

    Notes
    -----
    Source: Smirnov (1948); equal to the statistic of ``scipy.stats.ks_2samp``, ties included.
    """
    return _distances(a, b)[0]


def wasserstein(a: Distribution, b: Distribution) -> float | None:
    """Return the area between the two distribution functions, in the feature's unit.

    Returns
    -------
    float or None
        The mean distance that values must move to turn one sample into the other; None when a
        sample has no value.

    Notes
    -----
    Source: Vallender (1974), one-dimensional Wasserstein distance of order 1; as
    ``scipy.stats.wasserstein_distance``.
    """
    return _distances(a, b)[1]


def _distances(a: Distribution, b: Distribution) -> tuple[float | None, float | None]:
    """Return `ks_statistic` and `wasserstein`, which look at the same points."""
    if not a.size or not b.size:
        return None, None
    points, share_a, share_b = _shares(a, b)
    gaps = np.abs(share_a - share_b)
    return float(gaps.max()), float((gaps[:-1] * np.diff(points)).sum())


def _shares(a: Distribution, b: Distribution) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct values of two samples, and both distribution functions there."""
    points, passed_a, passed_b = _merged(a.support, b.support)
    return points, a._passed[passed_a] / a.size, b._passed[passed_b] / b.size


@numba.njit(nogil=True, cache=True)
def _merged(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Merge two rising arrays: their distinct values, and how many of each are at most that.

    A search for each value takes some twenty times as long.
    """
    room = a.shape[0] + b.shape[0]
    points = np.empty(room)
    passed_a, passed_b = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    i, j, count = 0, 0, 0
    while i < a.shape[0] or j < b.shape[0]:
        one = a[i] if i < a.shape[0] else np.inf
        other = b[j] if j < b.shape[0] else np.inf
        points[count] = min(one, other)
        i += one <= other
        j += other <= one
        passed_a[count], passed_b[count] = i, j
        count += 1
    return points[:count], passed_a[:count], passed_b[:count]


def psi_edges(baseline: Distribution, *, bins: int = PSI_BINS) -> np.ndarray:
    """Fix the bins of the stability index on the baseline.

    Parameters
    ----------
    baseline : Distribution
    bins : int

    Returns
    -------
    ndarray of shape (n_edges,), float64
        Upper edges, each belonging to the bin below it; the last bin has none. With no more
        distinct values than ``bins`` each one is a bin of its own, and there is an empty one
        below; otherwise the edges are the quantiles, those that coincide once.
    """
    if len(baseline.support) <= bins:
        below = np.nextafter(baseline.support[:1], -np.inf)
        return np.concatenate([below, baseline.support])
    passed = np.cumsum(baseline.counts)
    wanted = np.arange(1, bins) / bins * baseline.size
    return np.unique(baseline.support[np.searchsorted(passed, wanted)])


def population_stability_index(
    baseline: Distribution, current: Distribution, edges: np.ndarray
) -> float | None:
    """Compute ``sum((q - p) ln(q / p))`` over bins, p the baseline's shares and q the current's.

    Parameters
    ----------
    baseline, current : Distribution
    edges : ndarray
        From `psi_edges` of the baseline.

    Returns
    -------
    float or None
        At least 0; below 0.1 no change to speak of, above 0.25 a shift. None when a sample has
        no value.

    Notes
    -----
    Source: Siddiqi (2006), "Credit Risk Scorecards", the symmetrised Kullback-Leibler divergence
    (Jeffreys 1946). A share below `EMPTY_BIN_SHARE` counts as that, in both samples.
    """
    if not baseline.size or not current.size:
        return None
    return _index(*(sample.in_bins(edges) / sample.size for sample in (baseline, current)))


def _index(p: np.ndarray, q: np.ndarray) -> float:
    p, q = np.maximum(p, EMPTY_BIN_SHARE), np.maximum(q, EMPTY_BIN_SHARE)
    return float(((q - p) * np.log(q / p)).sum())


def clock_split(baseline: Distribution, current: Distribution, edges: np.ndarray) -> ClockSplit:
    """Tell the passing of time from what people did, for a feature that is a clock.

    Parameters
    ----------
    baseline, current : Distribution
        Without missing values, neither empty.
    edges : ndarray
        From `psi_edges` of the baseline.

    Returns
    -------
    ClockSplit

    Notes
    -----
    Source: ours. With h the largest value at the baseline and w the current share up to h, the
    distribution in between is w times the baseline's plus the current one beyond h. So the
    distance of behaviour is w times that between the baseline and the current values up to h.
    """
    horizon = baseline.support[-1]
    within = current.up_to(horizon)
    weight = within.size / current.size
    # None stands for no value within the horizon, whose weight is 0 too.
    ks, area = (distance or 0.0 for distance in _distances(baseline, within))
    psi = population_stability_index(baseline, within, edges) or 0.0
    points, before, now = _shares(baseline, current)
    gaps = np.abs(before - np.where(points > horizon, now, weight * before))
    return ClockSplit(
        ks_time=float(gaps.max()),
        ks_behaviour=weight * ks,
        psi_behaviour=weight * psi,
        wasserstein_time=float((gaps[:-1] * np.diff(points)).sum()),
        wasserstein_behaviour=weight * area,
    )


def feature_change(
    baseline: Distribution,
    current: Distribution,
    *,
    stayed_mean: float | None,
    elapsed_days: int,
    is_clock: bool,
) -> dict[str, Any]:
    """Measure the change of one feature between two dates.

    Parameters
    ----------
    baseline, current : Distribution
    stayed_mean : float or None
        Mean of the current values of the baseline's customers.
    elapsed_days : int
    is_clock : bool
        Whether a customer who does nothing gains a day a day, as with recency.

    Returns
    -------
    dict
        baseline_missing_share, missing_share, and the measures of the change. The change of the mean
        is the sum of three parts: passing of time (the elapsed days for a clock), behaviour of
        the baseline's customers, and new customers.
    """
    edges = baseline.edges
    ks, area = _distances(baseline, current)
    psi = population_stability_index(baseline, current, edges)
    split = ClockSplit(0.0, ks, psi, 0.0, area)
    if is_clock and ks is not None:
        split = clock_split(baseline, current, edges)
    is_measured = ks is not None
    passed = float(elapsed_days) if is_clock else 0.0
    before, after = baseline.mean, current.mean
    total = after - before if before is not None and after is not None else None
    behaviour = newcomers = None
    if before is not None and after is not None and stayed_mean is not None:
        behaviour = stayed_mean - before - passed
        newcomers = after - stayed_mean
    return {
        "baseline_missing_share": baseline.missing_share,
        "missing_share": current.missing_share,
        "baseline_mean": before,
        "mean": after,
        "mean_change": total,
        "mean_change_time": passed if is_measured else None,
        "mean_change_behaviour": behaviour,
        "mean_change_new_customers": newcomers,
        "ks_statistic": ks,
        "ks_time": split.ks_time if is_measured else None,
        "ks_behaviour": split.ks_behaviour,
        "psi": psi,
        "psi_behaviour": split.psi_behaviour,
        "psi_bins": len(edges) + 1 if is_measured else None,
        "wasserstein": area,
        "wasserstein_time": split.wasserstein_time if is_measured else None,
        "wasserstein_behaviour": split.wasserstein_behaviour,
    }


def same_customers_change(
    baseline: Distribution, before: np.ndarray, now: np.ndarray
) -> dict[str, float | None]:
    """Measure how far the values of the same customers have moved.

    Parameters
    ----------
    baseline : Distribution
        Of ``before``.
    before, now : ndarray of shape (n_rows,), float64
        Values of the customers of the baseline, at the baseline and at the date; of a clock less
        the elapsed days, so that whoever does nothing keeps the value. NaN where there is none.

    Returns
    -------
    dict
        ks_same_customers and psi_same_customers, over the customers with both values, the index
        in the bins of the whole baseline; None without such a customer.

    Notes
    -----
    Source: `ks_statistic` and `population_stability_index`, of which they are the same numbers;
    only those whose value differs need to be looked at.
    """
    # Among them is whoever lacks one of the two: a missing value differs from every other.
    differing = np.flatnonzero(before != now)
    then, later = before[differing], now[differing]
    has_left = ~np.isnan(then) & np.isnan(later)
    has_both = ~np.isnan(then) & ~np.isnan(later)
    n = len(before) - len(differing) + int(has_both.sum())
    if not n:
        return {"ks_same_customers": None, "psi_same_customers": None}
    left, old, new = (
        Distribution.of(values) for values in (then[has_left], then[has_both], later[has_both])
    )
    _, passed_old, passed_new = _merged(old.support, new.support)
    gaps = old._passed[passed_old] - new._passed[passed_new]
    edges = baseline.edges
    p = baseline.in_bins(edges) - left.in_bins(edges)
    q = p - old.in_bins(edges) + new.in_bins(edges)
    return {
        "ks_same_customers": float(np.abs(gaps).max(initial=0) / n),
        "psi_same_customers": _index(p / n, q / n),
    }
