"""What a ranking of customers says of who orders later, and of how much."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from customer_segmentation._libraries import from_scipy


class RankingAreas(NamedTuple):
    """Areas under the ROC curves of several rankings of the same rows.

    Attributes
    ----------
    area : ndarray of shape (n_rankings,), float64
        Probability that a row with the event has the higher score than one without it, ties half:
        0.5 for a ranking that says nothing. NaN without rows of both kinds.
    covariance : ndarray of shape (n_rankings, n_rankings), float64
        Of the areas; NaN with fewer than two rows of either kind.
    """

    area: np.ndarray
    covariance: np.ndarray


def ranking_areas(scores: Any, happened: Any) -> RankingAreas:
    """Compare rankings by the area under the ROC curve.

    Parameters
    ----------
    scores : array of shape (n_rankings, n_rows)
        Higher for rows where the event is thought likelier; without missing values.
    happened : array of shape (n_rows,), bool

    Returns
    -------
    RankingAreas

    Raises
    ------
    ValueError
        If the shapes do not agree, or a score is not finite.

    Notes
    -----
    Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, by the ranks of Sun and Xu
    (2014), IEEE Signal Processing Letters 21. Twice the area less 1 is Somers' D of the event.
    """
    rankdata = from_scipy("stats", "rankdata")

    table = np.atleast_2d(np.asarray(scores, dtype=np.float64))
    event = np.asarray(happened, dtype=bool)
    if table.ndim != 2 or event.shape != (table.shape[1],):
        raise ValueError("scores must have one column for each row of happened.")
    if not np.isfinite(table).all():
        raise ValueError("A score is missing or infinite.")
    n_rankings, n_with = len(table), int(event.sum())
    n_without = len(event) - n_with
    if not n_with or not n_without:
        return RankingAreas(np.full(n_rankings, np.nan), np.full((n_rankings, n_rankings), np.nan))
    together = rankdata(table, axis=1)
    # Of each row with the event the share of those without it that it is above, and the reverse.
    above = (together[:, event] - rankdata(table[:, event], axis=1)) / n_without
    under = 1 - (together[:, ~event] - rankdata(table[:, ~event], axis=1)) / n_with
    area = above.mean(axis=1)
    if min(n_with, n_without) < 2:
        return RankingAreas(area, np.full((n_rankings, n_rankings), np.nan))
    covariance = (
        np.cov(above).reshape(n_rankings, n_rankings) / n_with
        + np.cov(under).reshape(n_rankings, n_rankings) / n_without
    )
    return RankingAreas(area, covariance)


class CapturedShare(NamedTuple):
    """Share of an amount that the best-ranked rows have, and its standard error."""

    share: float
    standard_error: float


def captured_share(scores: Any, amounts: Any, *, fraction: float) -> CapturedShare:
    """Measure which share of a sum the best-ranked rows have.

    Parameters
    ----------
    scores : array of shape (n_rows,)
        Higher is better.
    amounts : array of shape (n_rows,)
        0 or more.
    fraction : float
        How many rows count as best-ranked, as a share of all, above 0 to 1. Of rows with one
        score that not all belong to them each counts in part, as if drawn by lot.

    Returns
    -------
    CapturedShare
        NaN when the sum is 0. A ranking that says nothing captures ``fraction`` on average.

    Raises
    ------
    ValueError
        If ``fraction`` is out of range, an amount is negative, or the shapes differ.

    Notes
    -----
    The error is that of a ratio of sums over rows drawn independently, to first order (Cochran
    1977, "Sampling Techniques", section 6.4), for a given border between the ranks.
    """
    score = np.asarray(scores, dtype=np.float64)
    amount = np.asarray(amounts, dtype=np.float64)
    if score.shape != amount.shape or score.ndim != 1:
        raise ValueError("scores and amounts must be two lists of the same length.")
    if not 0 < fraction <= 1 or (amount < 0).any():
        raise ValueError("fraction must be above 0 and at most 1, and no amount below 0.")
    total = amount.sum()
    if not total > 0:
        return CapturedShare(float("nan"), float("nan"))
    _, codes, sizes = np.unique(score, return_inverse=True, return_counts=True)
    before = sizes[::-1].cumsum()[::-1] - sizes
    inside = np.clip((fraction * len(score) - before) / sizes, 0, 1)[codes]
    share = float((inside * amount).sum() / total)
    error = float(np.sqrt((((inside - share) * amount) ** 2).sum()) / total)
    return CapturedShare(share, error)


def information_share(groups: Any, happened: Any) -> float:
    """Measure which share of the uncertainty about an event the group of a row takes away.

    Parameters
    ----------
    groups : array of shape (n_rows,)
    happened : array of shape (n_rows,), bool

    Returns
    -------
    float
        Mutual information divided by the entropy of the event; 0 on average for groups that say
        nothing, so that it can be a little below. NaN when the event happens to all or to none.

    Notes
    -----
    Source: the uncertainty coefficient of Theil (1970), its mutual information corrected to first
    order for the number of groups (Miller 1955).
    """
    event = np.asarray(happened, dtype=bool)
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    if not event.any() or event.all():
        return float("nan")
    n_groups = int(codes.max()) + 1
    table = np.column_stack(
        [np.bincount(codes[event == value], minlength=n_groups) for value in (False, True)]
    )
    shares = table / table.sum()
    expected = shares.sum(axis=1, keepdims=True) * shares.sum(axis=0, keepdims=True)
    there = shares > 0
    information = float((shares[there] * np.log(shares[there] / expected[there])).sum())
    margin = shares.sum(axis=0)
    entropy = -float((margin * np.log(margin)).sum())
    return (information - (n_groups - 1) / (2 * len(event))) / entropy
