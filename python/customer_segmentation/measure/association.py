"""What sets a segment apart, from tables of counts that SQL can make."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from customer_segmentation._libraries import from_scipy


class TraitShares(NamedTuple):
    """Shares of each value of a trait in each segment, all of shape (n_segments, n_values).

    Attributes
    ----------
    share_in_segment : ndarray, float64
        Rows with the value over rows of the segment; NaN in a segment without rows.
    share_overall : ndarray, float64
        Rows with the value over all rows, the same in every segment.
    lift : ndarray, float64
        ``share_in_segment / share_overall``; NaN for a value without rows.
    low, high : ndarray, float64
        Wilson interval of ``share_in_segment``.
    """

    share_in_segment: np.ndarray
    share_overall: np.ndarray
    lift: np.ndarray
    low: np.ndarray
    high: np.ndarray


def trait_shares(counts: Any, *, confidence: float = 0.95) -> TraitShares:
    """Compare the share of each value of a trait in each segment with its share overall.

    Parameters
    ----------
    counts : array of shape (n_segments, n_values)
        Rows of each segment that have each value; every row in exactly one cell.
    confidence : float
        Of one interval; they are not adjusted for their number.

    Returns
    -------
    TraitShares

    Raises
    ------
    ValueError
        If ``counts`` is not a table of counts, is all zeros, or ``confidence`` is not between
        0 and 1.

    Notes
    -----
    The lift is that of association rules (Brin et al. 1997, SIGMOD), whose whole includes the
    segment itself.
    """
    table = _table(counts)
    sizes = table.sum(axis=1, keepdims=True)
    low, high = wilson_interval(table, np.broadcast_to(sizes, table.shape), confidence=confidence)
    overall = np.broadcast_to(table.sum(axis=0) / table.sum(), table.shape).copy()
    with np.errstate(invalid="ignore"):
        share = table / sizes
        lift = share / overall
    return TraitShares(share, overall, lift, low, high)


def wilson_interval(
    successes: Any, trials: Any, *, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the score interval of a share.

    Parameters
    ----------
    successes, trials : array of the same shape
        Counts; ``successes`` at most ``trials``.
    confidence : float

    Returns
    -------
    low, high : ndarray of the same shape, float64
        From 0 to 1; NaN without trials.

    Raises
    ------
    ValueError
        If a count is negative or there are more successes than trials, or ``confidence`` is not
        between 0 and 1.

    Notes
    -----
    Source: Wilson (1927), JASA 22, without continuity correction; as
    ``statsmodels.stats.proportion.proportion_confint(method="wilson")``.
    """
    ndtri = from_scipy("special", "ndtri")

    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, such as 0.95, not {confidence!r}.")
    hits = np.asarray(successes, dtype=np.float64)
    total = np.asarray(trials, dtype=np.float64)
    if not ((hits >= 0) & (hits <= total)).all():
        raise ValueError("successes must be from 0 to trials in every place.")
    z = float(ndtri((1 + confidence) / 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hits / total
        centre = (hits + z**2 / 2) / (total + z**2)
        reach = z / (total + z**2) * np.sqrt(total * share * (1 - share) + z**2 / 4)
    # The bounds are exact here; rounding must not leave 1e-17 or pass 1.
    low = np.where(hits == 0, 0.0, centre - reach)
    high = np.where(hits == total, 1.0, centre + reach)
    return np.where(total > 0, low, np.nan), np.where(total > 0, high, np.nan)


def cramers_v(counts: Any, *, is_corrected: bool = True) -> float:
    """Measure the association of two categories, from 0 (none) to 1 (one tells the other).

    Parameters
    ----------
    counts : array of shape (n_segments, n_values)
        Segments and values without rows are left out.
    is_corrected : bool
        Take off what chance alone would give.

    Returns
    -------
    float
        NaN when there are not at least two segments and two values, or (corrected) when the
        table is too small for the correction.

    Raises
    ------
    ValueError
        If ``counts`` is not a table of counts, or is all zeros.

    Notes
    -----
    Sources: Cramér (1946); the correction is Bergsma (2013), "A bias-correction for Cramér's V
    and Tschuprow's T", J. Korean Statistical Society 42. Uncorrected as
    ``scipy.stats.contingency.association(method="cramer")``.
    """
    table = _table(counts)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    n_segments, n_values = table.shape
    if min(n_segments, n_values) < 2:
        return math.nan
    n_rows = float(table.sum())
    expected = table.sum(axis=1, keepdims=True) / n_rows * table.sum(axis=0, keepdims=True)
    # Pearson's statistic over the number of rows.
    phi_squared = float((np.square(table - expected) / expected).sum()) / n_rows
    if not is_corrected:
        return math.sqrt(phi_squared / (min(n_segments, n_values) - 1))
    chance = (n_segments - 1) * (n_values - 1) / (n_rows - 1)
    segments = n_segments - (n_segments - 1) ** 2 / (n_rows - 1)
    values = n_values - (n_values - 1) ** 2 / (n_rows - 1)
    largest = min(segments, values) - 1
    if largest <= 0:
        return math.nan
    return min(math.sqrt(max(phi_squared - chance, 0.0) / largest), 1.0)


def eta_squared(counts: Any, means: Any, variances: Any) -> float:
    """Measure how much of the variance of a number lies between the segments, 0 to 1.

    Parameters
    ----------
    counts : array of shape (n_segments,)
        Rows with a value, in each segment.
    means : array of shape (n_segments,)
        In any unit. Ignored (NaN or anything) in a segment without rows.
    variances : array of shape (n_segments,)
        Population variances (divisor n; ``var_pop`` in SQL), which lose fewer digits than sums
        of squares.

    Returns
    -------
    float
        NaN when there is no variance at all, or fewer than two segments with rows.

    Raises
    ------
    ValueError
        If the shapes differ, a count or variance is negative, or a segment with rows has no
        finite mean and variance.

    Notes
    -----
    Source: Fisher (1925), correlation ratio: between-segment over total sum of squares of a
    one-way analysis of variance.
    """
    size = np.asarray(counts, dtype=np.float64)
    mean, variance = np.asarray(means, dtype=np.float64), np.asarray(variances, dtype=np.float64)
    if size.ndim != 1 or not size.shape == mean.shape == variance.shape:
        raise ValueError(
            "counts, means and variances must be three arrays with one value a segment, not "
            f"{size.shape}, {mean.shape} and {variance.shape}."
        )
    if not (size >= 0).all():
        raise ValueError("counts must be at least 0.")
    has_rows = size > 0
    size, mean, variance = size[has_rows], mean[has_rows], variance[has_rows]
    if not (np.isfinite(mean).all() and np.isfinite(variance).all() and (variance >= 0).all()):
        raise ValueError(
            "Every segment with rows needs a finite mean and a finite variance of at least 0; "
            "var_pop of one row is 0, var_samp is null."
        )
    if len(size) < 2:
        return math.nan
    grand_mean = mean[0] + np.average(mean - mean[0], weights=size)
    between = float((size * np.square(mean - grand_mean)).sum())
    total = between + float((size * variance).sum())
    return between / total if total > 0 else math.nan


def spearman(x: Any, y: Any) -> float:
    """Compute the rank correlation of two numbers, -1 to 1.

    Parameters
    ----------
    x, y : array of shape (n_rows,)
        A row with a missing value is left out.

    Returns
    -------
    float
        NaN when one of them does not vary.

    Raises
    ------
    ValueError
        If the lengths differ.

    Notes
    -----
    Source: Spearman (1904), American Journal of Psychology 15; equal values share their mean
    rank, as in ``scipy.stats.spearmanr``.
    """
    first, second = _complete(np.asarray(x, dtype=np.float64), y)
    ranks = [_centred_ranks(values) for values in (first, second)]
    size = math.sqrt(float((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1])))
    if size == 0:
        return math.nan
    return max(min(float(ranks[0] @ ranks[1]) / size, 1.0), -1.0)


def rank_correlation_ratio(categories: Any, y: Any) -> float:
    """Measure how much a category tells of the rank of a number, 0 to 1.

    The root of the share of the variance of the ranks that lies between the categories: what
    the absolute rank correlation is for two numbers.

    Parameters
    ----------
    categories : array of shape (n_rows,), integers of at least 0
    y : array of shape (n_rows,)
        A row with a missing value is left out.

    Returns
    -------
    float
        NaN when the number does not vary, or there are fewer than two categories.

    Raises
    ------
    ValueError
        If the lengths differ.

    Notes
    -----
    Sources: Fisher (1925), correlation ratio; of ranks it is ``H / (n - 1)`` with the ``H`` of
    Kruskal and Wallis (1952), corrected for ties.
    """
    codes, values = _complete(np.asarray(categories), y)
    ranks = _centred_ranks(values)
    sizes = np.bincount(codes)
    total = float(ranks @ ranks)
    if (sizes > 0).sum() < 2 or total == 0:
        return math.nan
    sums = np.bincount(codes, weights=ranks)
    between = float((np.square(sums[sizes > 0]) / sizes[sizes > 0]).sum())
    return math.sqrt(min(between / total, 1.0))


def _complete(x: np.ndarray, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows without a missing value."""
    values = np.asarray(y, dtype=np.float64)
    if x.ndim != 1 or x.shape != values.shape:
        raise ValueError(
            f"Both must be arrays of the same length, not of shape {x.shape} and {values.shape}."
        )
    is_complete = ~np.isnan(values)
    if x.dtype.kind == "f":
        is_complete &= ~np.isnan(x)
    return x[is_complete], values[is_complete]


def _centred_ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks less their mean, equal values with the mean of theirs."""
    rankdata = from_scipy("stats", "rankdata")

    ranks = np.asarray(rankdata(values), dtype=np.float64)
    return ranks - (len(ranks) + 1) / 2


def _table(counts: Any) -> np.ndarray:
    table = np.asarray(counts)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(
            "counts must be a table with a row for each segment and a column for each value, "
            f"not an array of shape {table.shape}."
        )
    whole = table.astype(np.int64)
    if (whole != table).any() or (whole < 0).any():
        raise ValueError("counts must hold whole numbers of at least 0.")
    if not whole.any():
        raise ValueError("counts is all zeros; there are no rows to compare.")
    return whole
