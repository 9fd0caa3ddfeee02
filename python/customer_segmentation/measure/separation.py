"""How far apart the clusters are on each feature: Kolmogorov-Smirnov and Cliff's delta."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from customer_segmentation._libraries import from_scipy
from customer_segmentation._validation import as_matrix, encode_labels

Adjustment = Literal["holm", "benjamini-hochberg"]

# Distinct values worked on at a time; a few arrays of this length by the number of clusters.
BLOCK_VALUES = 65_536
# From here on the second term of Kolmogorov's series is below the rounding of the first.
SEPARATION_COLUMNS = {
    "as_of_date": "date",
    "feature": "string",
    "is_circular": "boolean",
    "cluster_a": "int",
    "cluster_b": "int",
    "n_a": "bigint",
    "n_b": "bigint",
    "ks_statistic": "double",
    "p_value": "double",
    "log10_p_value": "double",
    "adjusted_p_value": "double",
    "log10_adjusted_p_value": "double",
    "effect": "double",
    "probability_above": "double",
}
TAIL_START = 3.0
LOG10_E = math.log10(math.e)


class PairwiseDistances(NamedTuple):
    """Distances between the distributions of one feature in each pair of clusters.

    Attributes
    ----------
    ks_statistic : ndarray of shape (n_clusters, n_clusters), float64
        Largest difference of the two distribution functions, 0 to 1; NaN without values.
    cliffs_delta : ndarray of shape (n_clusters, n_clusters), float64
        Probability that a value of the row's cluster is above one of the column's, less the
        probability that it is below, -1 to 1; NaN without values.
    counts : ndarray of shape (n_clusters,), int64
        Values that are not missing.
    """

    ks_statistic: np.ndarray
    cliffs_delta: np.ndarray
    counts: np.ndarray


# Columns of a table of customers that are no features.
KEYS = ("as_of_date", "customer_unique_id", "cluster", "is_in_fit")


def segment_separation(rows: pd.DataFrame, *, made_by: Sequence[str]) -> pd.DataFrame:
    """Compare every pair of segments on what made them and on what is held out.

    Parameters
    ----------
    rows : DataFrame with the columns `KEYS`
        One row per customer of one date; every other column is a feature, missing values allowed.
    made_by : sequence of str
        The features that made the segments; their rows are marked as circular.

    Returns
    -------
    DataFrame with the columns of `SEPARATION_COLUMNS`
        As `feature_separation`; no row for fewer than two segments.
    """
    if rows["cluster"].nunique() < 2:
        return pd.DataFrame(columns=list(SEPARATION_COLUMNS))
    features = rows.drop(columns=list(KEYS))
    return feature_separation(features, rows["cluster"]).assign(
        is_circular=lambda table: table["feature"].isin(list(made_by)),
        as_of_date=rows["as_of_date"].iloc[0],
    )


def feature_separation(
    X: Any,
    labels: Any,
    *,
    features: Sequence[str] | None = None,
    adjustment: Adjustment = "holm",
) -> pd.DataFrame:
    """Compare every pair of clusters on every feature.

    Parameters
    ----------
    X : array or frame of shape (n_rows, n_features)
        NaN is left out feature by feature.
    labels : array of shape (n_rows,)
        At least two distinct values.
    features : sequence of str of length n_features, optional
        Default: the columns of a frame, otherwise "feature_0" and so on.
    adjustment : {"holm", "benjamini-hochberg"}
        For the number of comparisons in the whole table; see `adjust_log10_p`.

    Returns
    -------
    DataFrame
        One row per feature and pair of clusters, in that order, with columns feature,
        cluster_a, cluster_b (labels, a before b), n_a, n_b (values that are not missing),
        ks_statistic, p_value, log10_p_value, adjusted_p_value, log10_adjusted_p_value (p-values
        below about 1e-308 are 0, their logarithms still right), effect (Cliff's delta, positive
        when cluster_a has the larger values) and probability_above (common-language effect
        size: the probability that a value of cluster_a is above one of cluster_b, ties half).
        A cluster without values of a feature has NaN there.

    Raises
    ------
    ValueError
        If ``X`` or ``labels`` is malformed, there are fewer than two clusters, or ``features``
        does not name every column.

    Notes
    -----
    On many rows every p-value is tiny; read the effect beside it. The clusters were made from
    these features, so a small p-value says that they differ, not that they were there before.
    """
    matrix = as_matrix(X, allow_missing=True)
    if features is not None:
        names = list(features)
    elif isinstance(X, pd.DataFrame):
        names = [str(column) for column in X.columns]
    else:
        names = [f"feature_{column}" for column in range(matrix.shape[1])]
    if len(names) != matrix.shape[1]:
        raise ValueError(
            f"features has {len(names)} names for {matrix.shape[1]} columns; name each column."
        )
    codes, values = encode_labels(labels, n_rows=len(matrix))
    if len(values) < 2:
        raise ValueError("labels has a single cluster; at least two are needed to compare.")
    first, second = np.array(list(itertools.combinations(range(len(values)), 2))).T
    tables = []
    for feature, column in zip(names, matrix.T, strict=True):
        distances = pairwise_distances(column, codes, n_clusters=len(values))
        delta = distances.cliffs_delta[first, second]
        tables.append(
            pd.DataFrame(
                {
                    "feature": feature,
                    "cluster_a": values[first],
                    "cluster_b": values[second],
                    "n_a": distances.counts[first],
                    "n_b": distances.counts[second],
                    "ks_statistic": distances.ks_statistic[first, second],
                    "effect": delta,
                    "probability_above": (delta + 1) / 2,
                }
            )
        )
    table = pd.concat(tables, ignore_index=True)
    log10_p = kolmogorov_log10_p(
        table["ks_statistic"].to_numpy(), table["n_a"].to_numpy(), table["n_b"].to_numpy()
    )
    log10_adjusted = adjust_log10_p(log10_p, method=adjustment)
    table["log10_p_value"] = log10_p
    table["p_value"] = 10.0**log10_p
    table["log10_adjusted_p_value"] = log10_adjusted
    table["adjusted_p_value"] = 10.0**log10_adjusted
    return table[
        [
            "feature",
            "cluster_a",
            "cluster_b",
            "n_a",
            "n_b",
            "ks_statistic",
            "p_value",
            "log10_p_value",
            "adjusted_p_value",
            "log10_adjusted_p_value",
            "effect",
            "probability_above",
        ]
    ]


def pairwise_distances(values: Any, codes: Any, *, n_clusters: int) -> PairwiseDistances:
    """Compare the distributions of one feature in all pairs of clusters, with a single sort.

    Parameters
    ----------
    values : array of shape (n_rows,)
        NaN is left out.
    codes : array of shape (n_rows,), integers from 0 to ``n_clusters - 1``
    n_clusters : int

    Returns
    -------
    PairwiseDistances

    Raises
    ------
    ValueError
        If the lengths differ or a code is out of range.

    Notes
    -----
    Sources: the statistic equals ``scipy.stats.ks_2samp`` bit for bit, ties included (both
    distribution functions are taken after each distinct value). Cliff (1993), "Dominance
    statistics", Psychological Bulletin 114, from the Mann-Whitney count of the same sort,
    ``delta = 2 U / (n_a n_b) - 1``, counted in integers; ties count half (McGraw and Wong 1992).
    """
    array = np.asarray(values, dtype=np.float64)
    numbers = np.asarray(codes)
    if array.ndim != 1 or array.shape != numbers.shape:
        raise ValueError(
            f"values and codes must be two arrays of the same length, not {array.shape} "
            f"and {numbers.shape}."
        )
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < n_clusters:
        raise ValueError(f"codes must be from 0 to {n_clusters - 1}; number the labels first.")
    is_present = ~np.isnan(array)
    array, numbers = array[is_present], numbers[is_present]
    counts = np.bincount(numbers, minlength=n_clusters)
    order = np.argsort(array, kind="stable")
    array, numbers = array[order], numbers[order]
    is_first = np.ones(len(array), dtype=bool)
    is_first[1:] = array[1:] != array[:-1]
    first = np.append(np.flatnonzero(is_first), len(array))

    statistic = np.zeros((n_clusters, n_clusters))
    wins = np.zeros((n_clusters, n_clusters), dtype=np.int64)
    before = np.zeros(n_clusters, dtype=np.int64)
    divisor = np.maximum(counts, 1)
    for start in range(0, len(first) - 1, BLOCK_VALUES):
        stop = min(start + BLOCK_VALUES, len(first) - 1)
        rows = slice(first[start], first[stop])
        value = np.cumsum(is_first[rows]) - 1
        here = np.bincount(
            value * n_clusters + numbers[rows], minlength=(stop - start) * n_clusters
        ).reshape(-1, n_clusters)
        through = np.cumsum(here, axis=0) + before
        share = np.ascontiguousarray((through / divisor).T)
        # Twice the Mann-Whitney count, to keep the halves of the ties whole.
        wins += here.T @ (2 * through - here)
        for a, b in itertools.combinations(range(n_clusters), 2):
            gap = np.abs(share[a] - share[b]).max()
            statistic[a, b] = statistic[b, a] = max(statistic[a, b], gap)
        before = through[-1]

    pairs = counts[:, None] * counts[None, :]
    has_values = pairs > 0
    return PairwiseDistances(
        np.where(has_values, statistic, np.nan),
        np.where(has_values, wins / np.maximum(pairs, 1) - 1, np.nan),
        counts,
    )


class BandedEffect(NamedTuple):
    """Effects within bands of another number, both of shape (n_clusters, n_clusters), float64.

    Attributes
    ----------
    cliffs_delta : ndarray
        -1 to 1, over the pairs of rows that share a band; NaN without any.
    pairs_share : ndarray
        Share of all pairs of rows that share a band, 0 to 1; NaN without pairs.
    """

    cliffs_delta: np.ndarray
    pairs_share: np.ndarray


def effect_within_bands(values: Any, codes: Any, bands: Any, *, n_clusters: int) -> BandedEffect:
    """Compare the clusters on a feature among rows that are alike in another number.

    Parameters
    ----------
    values : array of shape (n_rows,)
        NaN is left out.
    codes : array of shape (n_rows,), integers from 0 to ``n_clusters - 1``
    bands : array of shape (n_rows,), integers of at least 0
        As `quantile_bands` makes them.
    n_clusters : int

    Returns
    -------
    BandedEffect
        Wins less losses over pairs, both summed over the bands: each pair of rows counts once.

    Raises
    ------
    ValueError
        As `pairwise_distances`.

    Notes
    -----
    Sources: Cliff (1993); the sum over strata is the stratified comparison of van Elteren
    (1960), "On the combination of independent two-sample tests of Wilcoxon", with the weights of
    the pairs.
    """
    array, numbers, band = np.asarray(values), np.asarray(codes), np.asarray(bands)
    size = (n_clusters, n_clusters)
    wins, pairs = np.zeros(size), np.zeros(size)
    for rows in np.split(np.argsort(band, kind="stable"), np.cumsum(np.bincount(band))[:-1]):
        if len(rows):
            found = pairwise_distances(array[rows], numbers[rows], n_clusters=n_clusters)
            here = np.outer(found.counts, found.counts)
            wins += np.where(here > 0, found.cliffs_delta, 0) * here
            pairs += here
    sizes = np.bincount(numbers[~np.isnan(array)], minlength=n_clusters)
    with np.errstate(invalid="ignore", divide="ignore"):
        return BandedEffect(wins / pairs, pairs / np.outer(sizes, sizes))


def quantile_bands(values: Any, *, n_bands: int) -> np.ndarray:
    """Cut a number into bands of about equally many rows; equal values share a band.

    Parameters
    ----------
    values : array of shape (n_rows,), without NaN
    n_bands : int

    Returns
    -------
    ndarray of shape (n_rows,), int64
        From 0.
    """
    array = np.asarray(values, dtype=np.float64)
    edges = np.quantile(array, np.arange(1, n_bands) / n_bands)
    return np.searchsorted(np.unique(edges), array, side="left").astype(np.int64)


def kolmogorov_log10_p(statistic: Any, n_a: Any, n_b: Any) -> np.ndarray:
    """Compute the decimal logarithm of the asymptotic p-value of Kolmogorov-Smirnov statistics.

    ``p = 2 (exp(-2 z^2) - exp(-8 z^2) + exp(-18 z^2) - …)`` with
    ``z = statistic * sqrt(n_a n_b / (n_a + n_b))``, two-sided.

    Parameters
    ----------
    statistic : array, 0 to 1
    n_a, n_b : array of the same shape
        Sample sizes.

    Returns
    -------
    ndarray, float64
        At most 0; never minus infinity. NaN where the statistic is.

    Notes
    -----
    Source: Smirnov's limit theorem, Hodges (1958), "The significance probability of the Smirnov
    two-sample test", Arkiv för Matematik 3, with ``scipy.special.kolmogorov`` for the body and
    the first term of the series beyond ``z = 3``. ``scipy.stats.ks_2samp(method="asymp")`` puts
    the one-sample distribution for ``round(n_a n_b / (n_a + n_b))`` rows in place of its limit:
    the two agree for long samples, and the limit is the larger, more careful, for short ones.
    """
    kolmogorov = from_scipy("special", "kolmogorov")

    size_a, size_b = np.asarray(n_a, dtype=np.float64), np.asarray(n_b, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        z = np.asarray(statistic, dtype=np.float64) * np.sqrt(size_a * size_b / (size_a + size_b))
        body = np.log10(kolmogorov(np.minimum(z, TAIL_START)))
    tail = math.log10(2) - 2 * z**2 * LOG10_E
    return np.where(z < TAIL_START, body, tail)


def adjust_log10_p(log10_p: Any, *, method: Adjustment = "holm") -> np.ndarray:
    """Adjust p-values for the number of comparisons, in logarithms so that none underflows.

    Parameters
    ----------
    log10_p : array of shape (n_tests,)
        NaN is no test: it stays NaN and does not count.
    method : {"holm", "benjamini-hochberg"}
        Holm keeps the probability of any false finding, Benjamini-Hochberg the expected share
        of false ones among the findings.

    Returns
    -------
    ndarray of shape (n_tests,), float64
        At most 0.

    Raises
    ------
    ValueError
        If ``method`` is neither.

    Notes
    -----
    Sources: Holm (1979), Scand. J. Statistics 6; Benjamini and Hochberg (1995), JRSS B 57; as
    ``statsmodels.stats.multitest.multipletests`` with "holm" and "fdr_bh".
    """
    if method not in ("holm", "benjamini-hochberg"):
        raise ValueError(f"method must be 'holm' or 'benjamini-hochberg', not {method!r}.")
    logarithms = np.asarray(log10_p, dtype=np.float64)
    adjusted = np.full(logarithms.shape, np.nan)
    tests = np.flatnonzero(~np.isnan(logarithms))
    order = tests[np.argsort(logarithms[tests], kind="stable")]
    rank = np.arange(1, len(order) + 1)
    if method == "holm":
        stepped = np.maximum.accumulate(logarithms[order] + np.log10(len(order) - rank + 1))
    else:
        raised = logarithms[order] + np.log10(len(order) / rank)
        stepped = np.minimum.accumulate(raised[::-1])[::-1]
    adjusted[order] = np.minimum(stepped, 0.0)
    return adjusted
