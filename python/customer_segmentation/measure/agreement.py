"""Agreement of two partitions of the same rows, all from one small table of counts.

Every measure takes either two arrays of labels, ``measure(a, b)``, or the table alone,
``measure(table)``, where the table is a `Contingency` or a matrix of counts such as SQL makes
with ``group by``. Rows of the table are the clusters of ``a``, columns those of ``b``.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from customer_segmentation._libraries import from_scipy
from customer_segmentation._validation import encode_labels

MAXIMUM_CELLS = 10_000_000
# Working memory of the count: a few arrays of this many rows.
CHUNK_ROWS = 1_000_000
LARGEST_KEY = 2**62
# Share of the pairs of refits that agree less than null_low.
NULL_SHARE = 0.05
NULL_COLUMNS = (
    "null_low",
    "null_median",
    "null_high",
    "null_refits",
    "adjusted_rand_index_low",
    "adjusted_rand_index_high",
)


@dataclasses.dataclass(frozen=True, eq=False)
class Contingency:
    """How many rows each pair of clusters shares.

    Attributes
    ----------
    counts : ndarray of shape (n_clusters_a, n_clusters_b), int64
    labels_a : ndarray of shape (n_clusters_a,)
        The label behind each row of ``counts``, sorted.
    labels_b : ndarray of shape (n_clusters_b,)
        The label behind each column of ``counts``, sorted.
    """

    counts: np.ndarray
    labels_a: np.ndarray
    labels_b: np.ndarray


class HomogeneityCompleteness(NamedTuple):
    """Homogeneity, completeness and their harmonic mean, each from 0 to 1."""

    homogeneity: float
    completeness: float
    v_measure: float


class MatchedJaccard(NamedTuple):
    """Highest Jaccard similarity of each cluster of ``a``, and the cluster of ``b`` that has it.

    Attributes
    ----------
    jaccard : ndarray of shape (n_clusters_a,), float64
    column : ndarray of shape (n_clusters_a,), int64
        Position of the matching cluster among the sorted labels of ``b``; the first of equals.
    """

    jaccard: np.ndarray
    column: np.ndarray


def contingency(a: Any, b: Any) -> Contingency:
    """Count the rows that each cluster of ``a`` shares with each cluster of ``b``.

    Parameters
    ----------
    a, b : array of shape (n_rows,)
        Labels of the same rows in the same order: integers, strings, anything that sorts.

    Returns
    -------
    Contingency

    Raises
    ------
    ValueError
        If the arrays are empty, differ in length or have missing labels, or if there are so many
        distinct labels that the table would not be a small one.

    Notes
    -----
    Same table as ``sklearn.metrics.cluster.contingency_matrix``.
    """
    codes_a, labels_a = encode_labels(a, name="a")
    codes_b, labels_b = encode_labels(b, name="b", n_rows=len(codes_a))
    shape = (len(labels_a), len(labels_b))
    cells = shape[0] * shape[1]
    if cells > MAXIMUM_CELLS:
        raise ValueError(
            f"a has {shape[0]} and b {shape[1]} distinct labels, too many for a table of counts; "
            "pass cluster labels rather than row identifiers."
        )
    counts = np.zeros(cells, dtype=np.int64)
    for start in range(0, len(codes_a), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        counts += np.bincount(codes_a[rows] * shape[1] + codes_b[rows], minlength=cells)
    return Contingency(counts.reshape(shape), labels_a, labels_b)


def adjusted_rand_index(a: Any, b: Any = None) -> float:
    """Compute the Rand index adjusted for chance.

    Parameters
    ----------
    a, b : array of shape (n_rows,)
        Labels, or ``a`` alone: a `Contingency` or a matrix of counts.

    Returns
    -------
    float
        1 for the same partition, about 0 for independent ones, at least -0.5.

    Raises
    ------
    ValueError
        If the labels or counts are malformed.

    Notes
    -----
    Source: Hubert and Arabie (1985), "Comparing partitions", J. Classification 2; limits as in
    ``sklearn.metrics.adjusted_rand_score``. Pairs are counted in Python's unbounded integers:
    at 100 million rows their products pass 2**63 many times over.
    """
    counts = _counts(a, b)
    n_rows = int(counts.sum())
    together = sum(value * value for value in counts.ravel().tolist())
    in_a = sum(value * value for value in counts.sum(axis=1).tolist())
    in_b = sum(value * value for value in counts.sum(axis=0).tolist())
    # Ordered pairs that are together in both, in a alone, in b alone, in neither.
    both = together - n_rows
    only_a = in_a - together
    only_b = in_b - together
    neither = n_rows * n_rows - in_a - in_b + together
    if only_a == 0 and only_b == 0:
        return 1.0
    numerator = 2 * (both * neither - only_a * only_b)
    denominator = (both + only_a) * (only_a + neither) + (both + only_b) * (only_b + neither)
    return numerator / denominator


def adjusted_mutual_information(a: Any, b: Any = None) -> float:
    """Compute the mutual information adjusted for chance, over the mean of the two entropies.

    Parameters
    ----------
    a, b : array of shape (n_rows,)
        Labels, or ``a`` alone: a `Contingency` or a matrix of counts.

    Returns
    -------
    float
        1 for the same partition, about 0 for independent ones.

    Raises
    ------
    ValueError
        If the labels or counts are malformed.

    Notes
    -----
    Source: Vinh, Epps and Bailey (2010), "Information theoretic measures for clusterings
    comparison", JMLR 11; arithmetic mean and limits as in
    ``sklearn.metrics.adjusted_mutual_info_score``. scikit-learn's needs the labels themselves
    and time in proportion to the rows; here the expected value is summed only over the counts
    whose probability is not negligible.
    """
    counts = _counts(a, b)
    sizes_a, sizes_b = counts.sum(axis=1), counts.sum(axis=0)
    # The same partition; among them are the only two cases in which chance has nothing to vary,
    # one cluster and one cluster a row, and the quotient below would be 0 over 0.
    if len(sizes_a) == len(sizes_b) == np.count_nonzero(counts):
        return 1.0
    expected = _expected_mutual_information(sizes_a, sizes_b)
    normaliser = (_entropy(sizes_a) + _entropy(sizes_b)) / 2
    return float((_mutual_information(counts) - expected) / (normaliser - expected))


def homogeneity_completeness(a: Any, b: Any = None) -> HomogeneityCompleteness:
    """Tell whether clusters of ``b`` stay within those of ``a``, and the reverse.

    Homogeneity is 1 when each cluster of ``b`` lies in one cluster of ``a``; completeness is 1
    when each cluster of ``a`` lies in one cluster of ``b``.

    Parameters
    ----------
    a, b : array of shape (n_rows,)
        Labels (``a`` the reference), or ``a`` alone: a `Contingency` or a matrix of counts.

    Returns
    -------
    HomogeneityCompleteness

    Raises
    ------
    ValueError
        If the labels or counts are malformed.

    Notes
    -----
    Source: Rosenberg and Hirschberg (2007), "V-Measure", EMNLP-CoNLL; limits as in
    ``sklearn.metrics.homogeneity_completeness_v_measure``.
    """
    counts = _counts(a, b)
    entropy_a, entropy_b = _entropy(counts.sum(axis=1)), _entropy(counts.sum(axis=0))
    information = _mutual_information(counts)
    homogeneity = min(information / entropy_a, 1.0) if entropy_a else 1.0
    completeness = min(information / entropy_b, 1.0) if entropy_b else 1.0
    total = homogeneity + completeness
    v_measure = 2 * homogeneity * completeness / total if total else 0.0
    return HomogeneityCompleteness(homogeneity, completeness, v_measure)


def jaccard_matrix(a: Any, b: Any = None) -> np.ndarray:
    """Compute the Jaccard similarity of every cluster of ``a`` with every cluster of ``b``.

    Parameters
    ----------
    a, b : array of shape (n_rows,)
        Labels, or ``a`` alone: a `Contingency` or a matrix of counts. A cluster without rows
        in such a matrix has similarity 0 with every other.

    Returns
    -------
    ndarray of shape (n_clusters_a, n_clusters_b), float64
        Rows in common over rows in either, from 0 to 1.

    Raises
    ------
    ValueError
        If the labels or counts are malformed.

    Notes
    -----
    Source: Jaccard (1901), as used by Hennig (2007), CSDA 52.
    """
    counts = _table(a, b)
    union = counts.sum(axis=1)[:, None] + counts.sum(axis=0)[None, :] - counts
    return counts / np.maximum(union, 1)


def matched_jaccard(a: Any, b: Any = None) -> MatchedJaccard:
    """Find, for each cluster of ``a``, the most similar cluster of ``b``.

    Two clusters of ``a`` may have the same match, as in Hennig's definition.

    Parameters
    ----------
    a, b : array of shape (n_rows,)
        Labels, or ``a`` alone: a `Contingency` or a matrix of counts.

    Returns
    -------
    MatchedJaccard

    Raises
    ------
    ValueError
        If the labels or counts are malformed.

    Notes
    -----
    Source: Hennig (2007), "Cluster-wise assessment of cluster stability", CSDA 52, section 2.
    """
    similarity = jaccard_matrix(a, b)
    column = similarity.argmax(axis=1)
    return MatchedJaccard(similarity[np.arange(len(column)), column], column)


def match_labels(reference: Any, candidate: Any) -> np.ndarray:
    """Renumber the labels of a partition so that as many rows as possible keep their number.

    Parameters
    ----------
    reference : array of shape (n_rows,), integer
    candidate : array of shape (n_rows,)
        Labels of the same rows.

    Returns
    -------
    ndarray of shape (n_rows,), int64
        ``candidate`` with each cluster renamed to the matched label of ``reference``. Clusters
        left over get the numbers after the highest label of the reference.

    Raises
    ------
    ValueError
        If the labels are malformed or those of the reference are not integers.

    Notes
    -----
    Source: ``scipy.optimize.linear_sum_assignment`` on the table of counts.
    """
    linear_sum_assignment = from_scipy("optimize", "linear_sum_assignment")

    table = contingency(reference, candidate)
    if table.labels_a.dtype.kind not in "iu":
        raise ValueError(
            "reference must hold integer cluster numbers; number its clusters first, for example "
            "with numpy.unique(labels, return_inverse=True)."
        )
    rows, columns = linear_sum_assignment(table.counts, maximize=True)
    highest = int(table.labels_a.max())
    new_label = np.full(table.counts.shape[1], -1, dtype=np.int64)
    new_label[columns] = table.labels_a[rows]
    is_left = ~np.isin(np.arange(len(new_label)), columns)
    new_label[is_left] = highest + 1 + np.arange(is_left.sum())
    codes, _ = encode_labels(candidate)
    return new_label[codes]


def index_of(
    first: np.ndarray, second: np.ndarray, *, counts: np.ndarray | None = None
) -> float | None:
    """Return the adjusted Rand index of two arrays of small numbers; None without rows.

    With ``counts`` each pair of numbers stands for so many rows.
    """
    if not len(first):
        return None
    width = int(max(first.max(), second.max())) + 1
    cells = np.bincount(first * np.int64(width) + second, weights=counts, minlength=width**2)
    return adjusted_rand_index(cells.reshape(width, width))


def changed_share(first: np.ndarray, second: np.ndarray) -> float | None:
    """Return the share of rows with another number; None without rows."""
    return float(np.mean(first != second)) if len(first) else None


def null_band(first: np.ndarray, second: np.ndarray, repeats: list[np.ndarray]) -> dict[str, Any]:
    """Say how much of a disagreement refitting alone explains.

    Parameters
    ----------
    first, second : ndarray of shape (n_rows,), integers
        The two partitions of the design.
    repeats : list of ndarray of shape (n_rows,)
        The second one, made again by repeated fits.

    Returns
    -------
    dict
        null_low, null_median, null_high: 5th percentile, median and highest of the adjusted
        Rand index between any two of ``second`` and ``repeats``; null_refits: how many repeats;
        adjusted_rand_index_low and adjusted_rand_index_high: the design's own index if its
        second partition were another repeat. None without repeats.

    Notes
    -----
    Sources: Hubert and Arabie (1985); the percentile of bootstrap replicates, Efron (1979).
    """
    if not repeats:
        return dict.fromkeys(NULL_COLUMNS) | {"null_refits": 0}

    # Refits mostly agree: there are far fewer ways to number a row than rows.
    (first, *fits), counts = _rows_alike([first, second, *repeats])
    pairs = [index_of(a, b, counts=counts) for a, b in itertools.combinations(fits, 2)]
    null = [index for index in pairs if index is not None]
    own = [
        index for labels in fits if (index := index_of(first, labels, counts=counts)) is not None
    ]
    low, median = np.quantile(null, [NULL_SHARE, 0.5])
    return {
        "null_low": float(low),
        "null_median": float(median),
        "null_high": max(null),
        "null_refits": len(repeats),
        "adjusted_rand_index_low": min(own),
        "adjusted_rand_index_high": max(own),
    }


def _rows_alike(partitions: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Put one row for all that every partition numbers alike; return the partitions and the counts."""
    alike = np.zeros(len(partitions[0]), dtype=np.int64)
    limit = 1
    for labels in partitions:
        width = int(labels.max(initial=0)) + 1
        if limit * width > LARGEST_KEY:
            alike = np.unique(alike, return_inverse=True)[1]
            limit = len(alike)
        alike = alike * width + labels
        limit *= width
    _, rows, counts = np.unique(alike, return_index=True, return_counts=True)
    return [labels[rows] for labels in partitions], counts


def _table(a: Any, b: Any) -> np.ndarray:
    if b is not None:
        return contingency(a, b).counts
    counts = np.asarray(a.counts if isinstance(a, Contingency) else a)
    if counts.ndim != 2 or counts.size == 0:
        raise ValueError(
            "Pass two arrays of labels, or one table of counts with a row for each cluster of "
            f"the first partition and a column for each of the second (got shape {counts.shape})."
        )
    whole = counts.astype(np.int64)
    if (whole != counts).any() or (whole < 0).any():
        raise ValueError("A table of counts must hold whole numbers of at least 0.")
    if not whole.any():
        raise ValueError("The table of counts is all zeros; there are no rows to compare.")
    return whole


def _counts(a: Any, b: Any) -> np.ndarray:
    """Return the table without clusters that have no rows."""
    counts = _table(a, b)
    return counts[counts.any(axis=1)][:, counts.any(axis=0)]


def _entropy(sizes: np.ndarray) -> float:
    """Entropy of a partition in nats; exactly 0 for a single cluster."""
    if len(sizes) == 1:
        return 0.0
    shares = sizes / sizes.sum()
    return float(-(shares * np.log(shares)).sum())


def _mutual_information(counts: np.ndarray) -> float:
    """Mutual information in nats."""
    if 1 in counts.shape:
        return 0.0
    n_rows = counts.sum()
    rows, columns = np.nonzero(counts)
    share = counts[rows, columns] / n_rows
    # Logarithms are subtracted because the product of two sizes can pass 2**63.
    log_ratio = (
        np.log(share)
        - np.log(counts.sum(axis=1) / n_rows)[rows]
        - np.log(counts.sum(axis=0) / n_rows)[columns]
    )
    return max(float((share * log_ratio).sum()), 0.0)


def _expected_mutual_information(sizes_a: np.ndarray, sizes_b: np.ndarray) -> float:
    """Mean mutual information in nats of two random partitions with these sizes."""
    gammaln = from_scipy("special", "gammaln")

    n_rows = int(sizes_a.sum())
    total = 0.0
    for size_a in sizes_a.tolist():
        for size_b in sizes_b.tolist():
            mean = size_a * size_b / n_rows
            deviation = math.sqrt(
                mean * (1 - size_a / n_rows) * (n_rows - size_b) / max(n_rows - 1, 1)
            )
            # The hypergeometric count is almost surely within these bounds (Chernoff); what is
            # outside adds less than the rounding.
            reach = 12 * deviation + 50
            low = max(1, size_a + size_b - n_rows, math.floor(mean - reach))
            high = min(size_a, size_b, math.ceil(mean + reach))
            count = np.arange(low, high + 1, dtype=np.float64)
            log_probability = (
                gammaln(size_a + 1)
                + gammaln(size_b + 1)
                + gammaln(n_rows - size_a + 1)
                + gammaln(n_rows - size_b + 1)
                - gammaln(n_rows + 1)
                - gammaln(count + 1)
                - gammaln(size_a - count + 1)
                - gammaln(size_b - count + 1)
                - gammaln(n_rows - size_a - size_b + count + 1)
            )
            log_ratio = np.log(count) - math.log(size_a) - math.log(size_b) + math.log(n_rows)
            total += float((np.exp(log_probability) * count * log_ratio).sum()) / n_rows
    return total
