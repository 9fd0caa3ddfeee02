"""What a description of the segments owes to the features that made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from customer_segmentation.measure import (
    SEPARATION_COLUMNS,
    effect_within_bands,
    quantile_bands,
    rank_correlation_ratio,
    segment_separation,
    spearman,
)

MADE = "made the clusters"
FOLLOWS = "follows from what did"
INDEPENDENT = "independent"


class Causes(NamedTuple):
    """What a description is computed with.

    Attributes
    ----------
    follows_from : tuple of str
        Features; when they make the clusters, it cannot but differ between them.
    because : str or None
        Why not.
    """

    follows_from: tuple[str, ...] = ()
    because: str | None = None


NO_CAUSES = Causes()
# Bands of money of two per cent of the customers each.
MONEY_BANDS = 50

EXPLAINED_COLUMNS = SEPARATION_COLUMNS | {
    "origin": "string",
    "origin_reason": "string",
    "dependence": "double",
    "dependence_feature": "string",
    "effect_within_money_bands": "double",
    "pairs_within_money_bands": "double",
}


def origin(name: str, made_by: Iterable[str], causes: Causes = NO_CAUSES) -> tuple[str, str | None]:
    """Say what a feature or trait owes to the features that made the clusters.

    Parameters
    ----------
    name : str
        Of the feature.
    made_by : iterable of str
    causes : Causes

    Returns
    -------
    origin : str
        `MADE`, `FOLLOWS` or `INDEPENDENT`.
    reason : str or None
        Why it follows.
    """
    made = set(made_by)
    if name in made:
        return MADE, None
    return (FOLLOWS, causes.because) if made & set(causes.follows_from) else (INDEPENDENT, None)


def causes_of(stated: Mapping[str, Any]) -> Causes:
    """Return the causes of a feature as dbt_project.yml states it."""
    return Causes(tuple(stated.get("follows_from", ())), stated.get("because"))


def dependence(
    values: pd.Series, made_by: pd.DataFrame, *, is_category: bool = False
) -> tuple[float, str | None]:
    """Measure how much a description depends on the feature that it depends on most.

    Parameters
    ----------
    values : Series of shape (n_customers,)
    made_by : DataFrame of shape (n_customers, n_features)
        The features that made the clusters, of the same customers.
    is_category : bool

    Returns
    -------
    dependence : float
        Spearman's rank correlation, -1 to 1; of a category the rank correlation ratio, 0 to 1.
        NaN when nothing varies.
    feature : str or None
        The one with the largest absolute value, of equals the first.
    """
    if is_category:
        codes = pd.factorize(values, use_na_sentinel=False)[0]
        found = {name: rank_correlation_ratio(codes, made_by[name]) for name in made_by}
    else:
        number = values.astype(float)
        found = {name: spearman(number, made_by[name]) for name in made_by}
    known = {name: value for name, value in found.items() if not np.isnan(value)}
    if not known:
        return np.nan, None
    feature = max(known, key=lambda name: abs(known[name]))
    return known[feature], feature


def explained_separation(
    rows: pd.DataFrame,
    *,
    made_by: Sequence[str],
    features: Mapping[str, Mapping[str, Any]],
) -> pd.DataFrame:
    """Compare every pair of segments, and say what each feature owes to those that made them.

    Parameters
    ----------
    rows : DataFrame
        As in `segment_separation`.
    made_by : sequence of str
        The features that made the segments.
    features : mapping of str to mapping
        All of them, as dbt_project.yml states them.

    Returns
    -------
    DataFrame with the columns of `EXPLAINED_COLUMNS`
        As `segment_separation`, with ``origin`` and ``dependence`` of the feature, and the effect
        among customers of the same band of money (`MONEY_BANDS`); NaN for money itself, and
        without it among the features.
    """
    table = segment_separation(rows, made_by=made_by)
    if table.empty:
        return pd.DataFrame(columns=list(EXPLAINED_COLUMNS))
    made = rows[list(made_by)]
    clusters = np.sort(rows["cluster"].unique())
    codes = np.searchsorted(clusters, rows["cluster"])
    bands = quantile_bands(rows["monetary"], n_bands=MONEY_BANDS) if "monetary" in rows else None
    parts = []
    for feature, part in table.groupby("feature", sort=False):
        name = str(feature)
        state, reason = origin(name, made_by, causes_of(features.get(name, {})))
        depends, on = dependence(rows[name], made.drop(columns=name, errors="ignore"))
        part = part.assign(
            origin=state,
            origin_reason=reason,
            dependence=depends,
            dependence_feature=on,
            effect_within_money_bands=np.nan,
            pairs_within_money_bands=np.nan,
        )
        if bands is not None and name != "monetary":
            effect = effect_within_bands(rows[name], codes, bands, n_clusters=len(clusters))
            pairs = (
                np.searchsorted(clusters, part["cluster_a"]),
                np.searchsorted(clusters, part["cluster_b"]),
            )
            part["effect_within_money_bands"] = effect.cliffs_delta[pairs]
            part["pairs_within_money_bands"] = effect.pairs_share[pairs]
        parts.append(part)
    return pd.concat(parts, ignore_index=True)[list(EXPLAINED_COLUMNS)]
