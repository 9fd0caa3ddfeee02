"""Ways to divide the same customers, by what each says of who orders later, and of how much."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation._libraries import from_scipy
from customer_segmentation.cluster import AssignLabels, fit_spectral, robust_columns, standardise
from customer_segmentation.distance import silhouette_estimate, silhouette_scores
from customer_segmentation.measure import (
    captured_share,
    information_share,
    ranking_areas,
)
from customer_segmentation.steps.reuse import code_and_libraries, fingerprint, reusable

# Column of the customers that has an alternative's groups, and what it is published as.
ALTERNATIVES = {
    "cluster": "kmeans",
    "spectral_cluster": "spectral",
    "rfm_segment": "rfm_boxes",
    "threshold_segment": "thresholds",
    "recency_score": "recency_fifths",
    "recency_days": "recency_days",
    "has_repeated": "repeat_then_recency",
}
# What ranks customers without groups.
RANKED = ("recency_days", "has_repeated")
BEST_RANKED = 0.1
ALTERNATIVE_COLUMNS = {
    "as_of_date": "date",
    "alternative": "string",
    "groups": "int",
    "customers": "bigint",
    "customers_ordering": "bigint",
    "revenue": "double",
    "auc": "double",
    "auc_variance": "double",
    "auc_difference": "double",
    "auc_difference_variance": "double",
    "revenue_captured": "double",
    "revenue_captured_variance": "double",
    "information_share": "double",
    "explained_variance_share": "double",
    "silhouette": "double",
    "note": "string",
    "fingerprint": "string",
}


@dataclasses.dataclass(frozen=True)
class AlternativeSettings:
    """What the comparison depends on besides the rows.

    Attributes
    ----------
    features : tuple of str
        Of the models.
    robust : tuple of int
        Places of those that are scaled by median and quartiles.
    n_clusters, n_neighbors, seed : int
        Of spectral clustering.
    assign_labels : str
        The same.
    exact_silhouette_rows : int
        As ``maximum_rows`` of `silhouette_estimate`.
    """

    features: tuple[str, ...]
    robust: tuple[int, ...]
    n_clusters: int
    n_neighbors: int
    assign_labels: AssignLabels
    seed: int
    exact_silhouette_rows: int

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> AlternativeSettings:
        """Take them from the settings of the project; of the study's lists the first counts."""
        features, study = settings["segmentation_features"], settings["study"]
        return cls(
            features=tuple(f"feature_{name}" for name in features),
            robust=robust_columns(features, settings["feature_transforms"]),
            n_clusters=settings["n_clusters"],
            n_neighbors=next(iter(study["spectral_neighbors"]), 10),
            assign_labels=next(iter(study["spectral_assign_labels"]), "kmeans"),
            seed=study["seeds"][0],
            exact_silhouette_rows=study["exact_silhouette_rows"],
        )


def segmentation_alternatives(
    inputs: pd.DataFrame,
    rows_of: Callable[[Any], pd.DataFrame],
    *,
    settings: AlternativeSettings,
    previous: pd.DataFrame | None = None,
    report: Callable[[str], None] = lambda message: None,
) -> pd.DataFrame:
    """Compare ways to divide the customers of each date by what they ordered after it.

    Parameters
    ----------
    inputs : DataFrame with columns as_of_date, rows_fingerprint
    rows_of : callable
        From an as-of date to a DataFrame with the features, is_in_fit, the columns of
        `ALTERNATIVES` but spectral_cluster, is_second_half, orders and revenue (0 for none), in a
        fixed order; called only for dates without a result from before.
    settings : AlternativeSettings
    previous : DataFrame, optional
        An earlier result; dates with the same fingerprint are taken from it.
    report : callable, optional
        Receives one line of progress per date.

    Returns
    -------
    DataFrame with the columns of `ALTERNATIVE_COLUMNS`
        One row per date and alternative; see `compare_alternatives`.
    """
    earlier = reusable(previous, ALTERNATIVE_COLUMNS)
    code = code_and_libraries(__name__)
    tables = []
    for row in inputs.sort_values("as_of_date").itertuples(index=False):
        key = fingerprint(
            str(row.as_of_date), row.rows_fingerprint, dataclasses.asdict(settings), code
        )
        table, origin = earlier.get(key), "unchanged"
        day = pd.Timestamp(row.as_of_date).date()
        if table is None:
            origin = "compared"
            found = compare_alternatives(rows_of(row.as_of_date), settings=settings)
            table = pd.DataFrame(found).assign(as_of_date=day, fingerprint=key)
        tables.append(table[list(ALTERNATIVE_COLUMNS)].astype(object))
        report(f"Alternatives {day} {origin}")
    if not tables:
        return pd.DataFrame(columns=list(ALTERNATIVE_COLUMNS))
    return pd.concat(tables, ignore_index=True)


def compare_alternatives(
    rows: pd.DataFrame, *, settings: AlternativeSettings
) -> list[dict[str, Any]]:
    """Compare ways to divide the customers of one date.

    Parameters
    ----------
    rows : DataFrame
        As ``rows_of`` of `segmentation_alternatives` gives them.
    settings : AlternativeSettings

    Returns
    -------
    list of dict
        One for each alternative. ``auc`` is the probability that a customer who ordered later is
        in the better group than one who did not, ties half; which group is better is learnt from
        the other half of the customers, so that many groups have no advantage.
        ``auc_difference`` is that to K-means on the same customers. ``revenue_captured`` is the
        share of the later money that the best-ranked tenth spent. ``explained_variance_share`` and
        ``silhouette`` measure how far apart the groups are in the features of K-means, which
        makes its own as far apart as it can.
    """
    is_in_fit = rows["is_in_fit"].to_numpy(dtype=bool)
    X = rows[list(settings.features)].to_numpy(dtype=np.float64)
    scaled = standardise(X[is_in_fit], robust=settings.robust).transform(X)
    spectral, note = spectral_groups(scaled, is_in_fit, settings=settings)
    groups = {
        column: pd.factorize(rows[column], sort=True)[0].astype(np.int64)
        for column in ALTERNATIVES
        if column not in (*RANKED, "spectral_cluster")
    }
    if spectral is not None:
        groups["spectral_cluster"] = spectral
    happened = rows["orders"].to_numpy() > 0
    revenue = rows["revenue"].to_numpy(dtype=np.float64)
    half = rows["is_second_half"].to_numpy(dtype=bool)
    scores = {name: scores_of(codes, happened, half) for name, codes in groups.items()}
    scores |= rankings(rows)
    names = [name for name in ALTERNATIVES if name in scores]
    table = np.stack([scores[name] for name in names])
    area, covariance = pooled_areas(table, happened, half)
    ours = names.index("cluster")
    silhouette_of = silhouettes(scaled, groups, settings)
    found = []
    for place, name in enumerate(names):
        share, error = pooled_capture(table[place], revenue, half)
        known = groups.get(name)
        found.append(
            {
                "alternative": ALTERNATIVES[name],
                "groups": int(known.max()) + 1 if known is not None else None,
                "customers": len(rows),
                "customers_ordering": int(happened.sum()),
                "revenue": float(revenue.sum()),
                "auc": area[place],
                "auc_variance": covariance[place, place],
                "auc_difference": area[place] - area[ours],
                "auc_difference_variance": covariance[place, place]
                + covariance[ours, ours]
                - 2 * covariance[place, ours],
                "revenue_captured": share,
                "revenue_captured_variance": error**2,
                "information_share": information_share(known, happened)
                if known is not None
                else None,
                "explained_variance_share": explained_share(scaled, known)
                if known is not None
                else None,
                "silhouette": silhouette_of.get(name),
                "note": note if name == "spectral_cluster" else "",
            }
        )
    return [dict.fromkeys(ALTERNATIVE_COLUMNS) | one for one in found]


def spectral_groups(
    scaled: np.ndarray, is_in_fit: np.ndarray, *, settings: AlternativeSettings
) -> tuple[np.ndarray | None, str]:
    """Return the spectral cluster of every row, and what was found; who is not in the fit joins the nearest who is."""
    cKDTree = from_scipy("spatial", "cKDTree")

    try:
        fit = fit_spectral(
            scaled[is_in_fit],
            n_clusters=settings.n_clusters,
            n_neighbors=settings.n_neighbors,
            assign_labels=settings.assign_labels,
            seed=settings.seed,
        )
    except ValueError as error:
        return None, str(error)
    labels = np.empty(len(scaled), dtype=np.int64)
    labels[is_in_fit] = fit.labels
    if not is_in_fit.all():
        nearest = cKDTree(scaled[is_in_fit]).query(scaled[~is_in_fit])[1]
        labels[~is_in_fit] = fit.labels[nearest]
    return labels, fit.diagnostics.note


def rankings(rows: pd.DataFrame) -> dict[str, np.ndarray]:
    """Rank customers by plain facts, without groups and without learning anything.

    Parameters
    ----------
    rows : DataFrame with columns recency_days, has_repeated

    Returns
    -------
    dict of str to ndarray of shape (n_rows,), float64
        By column of `RANKED`, higher is better: who ordered later; and whoever has ordered more
        than once before all others, among either who ordered later.
    """
    latest_first = -rows["recency_days"].to_numpy(dtype=np.float64)
    reach = np.ptp(latest_first) + 1 if len(rows) else 1.0
    repeated = rows["has_repeated"].to_numpy(dtype=np.float64)
    return dict(zip(RANKED, (latest_first, latest_first + reach * repeated), strict=True))


def scores_of(groups: np.ndarray, happened: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Give each row the share of events in its group, over the rows of the other half.

    Parameters
    ----------
    groups : array of shape (n_rows,), integers from 0
    happened, half : array of shape (n_rows,), bool

    Returns
    -------
    ndarray of shape (n_rows,), float64
        The share of all rows of the other half for a group that it lacks.
    """
    n_groups = int(groups.max()) + 1 if len(groups) else 0
    scores = np.zeros(len(groups))
    for side in (False, True):
        others = half != side
        sizes = np.bincount(groups[others], minlength=n_groups)
        events = np.bincount(groups[others], weights=happened[others], minlength=n_groups)
        overall = happened[others].mean() if others.any() else 0.0
        share = np.where(sizes > 0, events / np.maximum(sizes, 1), overall)
        scores[half == side] = share[groups[half == side]]
    return scores


def pooled_areas(
    table: np.ndarray, happened: np.ndarray, half: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return areas and covariances within the halves, each half weighing as its events do."""
    area = np.zeros(len(table))
    covariance = np.zeros((len(table), len(table)))
    total = happened.sum()
    for side in (False, True):
        here = half == side
        weight = happened[here].sum() / total if total else np.nan
        if weight == 0:
            continue
        found = ranking_areas(table[:, here], happened[here])
        area += weight * found.area
        covariance += weight**2 * found.covariance
    return area, covariance


def pooled_capture(
    scores: np.ndarray, revenue: np.ndarray, half: np.ndarray
) -> tuple[float, float]:
    """Return the captured share of money and its error within the halves, each weighing as its money does."""
    share, variance, total = 0.0, 0.0, revenue.sum()
    for side in (False, True):
        here = half == side
        weight = revenue[here].sum() / total if total else np.nan
        if weight == 0:
            continue
        found = captured_share(scores[here], revenue[here], fraction=BEST_RANKED)
        share += weight * found.share
        variance += (weight * found.standard_error) ** 2
    return share, variance**0.5


def explained_share(scaled: np.ndarray, groups: np.ndarray) -> float:
    """Return the share of the variance that lies between groups, 0 to 1; NaN for rows all alike."""
    codes, sizes = np.unique(groups, return_inverse=True, return_counts=True)[1:]
    centred = scaled - scaled.mean(axis=0)
    means = np.stack([np.bincount(codes, weights=column) / sizes for column in centred.T], axis=1)
    total = float((centred**2).sum())
    return float((sizes[:, None] * means**2).sum()) / total if total else float("nan")


def silhouettes(
    scaled: np.ndarray, groups: Mapping[str, np.ndarray], settings: AlternativeSettings
) -> dict[str, float]:
    """Return the mean silhouette of each partition; all in one pass where they are exact."""
    parted = {
        name: codes for name, codes in groups.items() if 1 < len(np.unique(codes)) < len(codes)
    }
    if parted and len(scaled) <= settings.exact_silhouette_rows:
        scores = silhouette_scores(scaled, list(parted.values()))
        return dict(zip(parted, map(float, scores), strict=True))
    return {
        name: silhouette_estimate(
            scaled, codes, maximum_rows=settings.exact_silhouette_rows, seed=settings.seed
        ).score
        for name, codes in parted.items()
    }
