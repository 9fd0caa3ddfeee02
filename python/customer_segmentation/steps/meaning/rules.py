"""The segments of every accepted model as plain rules, with what the rules get right."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from customer_segmentation.cluster import (
    ClusterRule,
    Scaler,
    explain_clusters,
    tree_labels,
    tree_rules,
)
from customer_segmentation.steps.assignments import (
    assign,
    cluster_numbers,
    scalers_and_centroids,
)
from customer_segmentation.steps.reuse import code_and_libraries, fingerprint, reusable

RULE_COLUMNS = {
    "model_id": "string",
    "as_of_date": "date",
    "rule": "int",
    "cluster": "int",
    "feature": "string",
    "is_whole": "boolean",
    "minimum": "double",
    "below": "double",
    "stand_in": "double",
    "customers": "bigint",
    "customers_of_segment": "bigint",
    "segment_customers": "bigint",
    "measured_customers": "bigint",
    "reproduced_customers": "bigint",
    "fingerprint": "string",
}


@dataclasses.dataclass(frozen=True)
class RuleSettings:
    """What rules depend on besides rows and models.

    Attributes
    ----------
    features : tuple of str
        In the order of the models' matrices.
    fidelity : float
        Share of the labels that the rules should reproduce, 0 to 1.
    rules_per_cluster : int
        So many rules at most, on average.
    rounding_loss : float
        Share of the labels that round borders may cost, 0 to 1.
    """

    features: tuple[str, ...]
    fidelity: float
    rules_per_cluster: int = 2
    rounding_loss: float = 0.0005

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> RuleSettings:
        """Take them from the settings of the project."""
        return cls(
            features=tuple(settings["segmentation_features"]),
            fidelity=settings["engine"]["rule_fidelity"],
        )


@dataclasses.dataclass(frozen=True, eq=False)
class RuleRows:
    """The customers of a date.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features), float64
        As the models read them.
    own : ndarray of shape (n_rows, n_features), float64
        In own units, without missing values.
    is_missing : ndarray of shape (n_rows, n_features), bool
        Where a value of ``own`` stands in for a missing one.
    """

    X: np.ndarray
    own: np.ndarray
    is_missing: np.ndarray


def segment_rules(
    inputs: pd.DataFrame,
    models: pd.DataFrame,
    rows_of: Callable[[Any], RuleRows],
    *,
    settings: RuleSettings,
    previous: pd.DataFrame | None = None,
    report: Callable[[str], None] = lambda message: None,
) -> pd.DataFrame:
    """Describe each accepted model's segments by limits, on the customers that it was fitted for.

    Parameters
    ----------
    inputs : DataFrame with columns as_of_date, features_fingerprint
    models : DataFrame with the columns of `FIT_COLUMNS`
    rows_of : callable
        From an as-of date to its customers; called only for models without rules from before.
    settings : RuleSettings
    previous : DataFrame, optional
        An earlier result; models with the same fingerprint are taken from it.
    report : callable, optional
        Receives one line of progress per model.

    Returns
    -------
    DataFrame with the columns of `RULE_COLUMNS`
        One row per model, rule and feature that the rule limits. ``minimum`` is the smallest value
        within the rule, ``below`` the smallest above it; ``is_whole`` says whether the feature has
        whole values only, ``stand_in`` what a missing value counts as. Of the customers measured:
        ``customers`` satisfy the rule, ``customers_of_segment`` of them have its segment, which
        ``segment_customers`` have in all; ``reproduced_customers`` are those whose rule and model
        agree.
    """
    earlier = reusable(previous, RULE_COLUMNS)
    code = code_and_libraries(__name__)
    numbers = cluster_numbers(models)
    fingerprints = {
        pd.Timestamp(row.as_of_date): str(row.features_fingerprint)
        for row in inputs.itertuples(index=False)
    }
    accepted = models[models["is_accepted"].fillna(False).astype(bool)]
    parts = scalers_and_centroids(accepted)
    tables = []
    for model_id, model in accepted.sort_values("as_of_date").groupby("model_id", sort=False):
        day = pd.Timestamp(model["as_of_date"].iloc[0])
        key = fingerprint(
            fingerprints.get(day),
            model["fingerprint"].iloc[0],
            [model_id, numbers[model_id]],
            dataclasses.asdict(settings),
            code,
        )
        table = earlier.get(key)
        origin = "unchanged" if table is not None else "found"
        if table is None:
            # In the order of the matrix, cluster by cluster, as the models read it.
            at = model.sort_values(["cluster", "feature_position"])["centroid"].to_numpy(float)
            own = at.reshape(-1, len(settings.features))
            found = rules_of(rows_of(day), *parts[model_id], own, settings)
            table = pd.DataFrame(found).assign(
                model_id=model_id, as_of_date=day.date(), fingerprint=key
            )
        tables.append(table[list(RULE_COLUMNS)].astype(object))
        report(f"Rules {day.date()}: {table['rule'].nunique()} {origin}")
    if not tables:
        return pd.DataFrame(columns=list(RULE_COLUMNS))
    return pd.concat(tables, ignore_index=True)


def rules_of(
    rows: RuleRows,
    scaler: Scaler,
    centroids: np.ndarray,
    own_centroids: np.ndarray,
    settings: RuleSettings,
) -> list[dict[str, Any]]:
    """Return the rows of one model: a dict for each rule and feature that it limits.

    Parameters
    ----------
    rows : RuleRows
    scaler : Scaler
    centroids : ndarray of shape (n_clusters, n_features)
        In standard deviations of ``scaler``.
    own_centroids : ndarray of the same shape
        In own units.
    settings : RuleSettings
    """
    labels = assign(rows.X, scaler=scaler, centroids=centroids).cluster.astype(np.int64)
    tree = explain_clusters(
        rows.own,
        labels,
        own_centroids,
        fidelity=settings.fidelity,
        maximum_rules=settings.rules_per_cluster * len(centroids),
        rounding_loss=settings.rounding_loss,
    )
    reproduced = int(np.count_nonzero(tree_labels(tree, rows.own) == labels))
    found = []
    for number, rule in enumerate(tree_rules(tree), start=1):
        here = labels[rule.holds(rows.own)]
        counts = {
            "rule": number,
            "cluster": rule.cluster,
            "customers": len(here),
            "customers_of_segment": int(np.count_nonzero(here == rule.cluster)),
            "segment_customers": int(np.count_nonzero(labels == rule.cluster)),
            "measured_customers": len(labels),
            "reproduced_customers": reproduced,
        }
        found += [counts | limit for limit in _limits(rule, rows, settings.features)]
    return found


def _limits(rule: ClusterRule, rows: RuleRows, features: Sequence[str]) -> list[dict[str, Any]]:
    found = []
    for column, feature in enumerate(features):
        if column not in rule.minimum.keys() | rule.below.keys():
            continue
        values, missing = rows.own[:, column], rows.is_missing[:, column]
        found.append(
            {
                "feature": feature,
                "is_whole": bool((values[~missing] == np.floor(values[~missing])).all()),
                "minimum": rule.minimum.get(column),
                "below": rule.below.get(column),
                "stand_in": float(values[missing][0]) if missing.any() else None,
            }
        )
    return found
