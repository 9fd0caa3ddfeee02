"""Segments as rules: the table of a model's rules, and what is re-used."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from customer_segmentation.steps import (
    RULE_COLUMNS,
    FitSettings,
    RuleRows,
    RuleSettings,
    fit_periods,
    segment_rules,
)

FEATURES = ("recency_days", "frequency", "monetary")
SETTINGS = RuleSettings(features=FEATURES, fidelity=0.98)
DATES = pd.to_datetime(["2018-01-01", "2018-02-01"])


def customers(day: pd.Timestamp) -> np.ndarray:
    rng = np.random.default_rng(day.month)
    n = 3_000
    return np.column_stack(
        [
            rng.integers(0, 400, n).astype(float),
            1.0 + (rng.random(n) < 0.05),
            rng.lognormal(4.6, 0.8, n).round(2),
        ]
    )


def rows_of(day: pd.Timestamp) -> RuleRows:
    X = customers(pd.Timestamp(day))
    return RuleRows(X, X, np.zeros(X.shape, dtype=bool))


@pytest.fixture(scope="module")
def models() -> pd.DataFrame:
    settings = FitSettings(
        features=FEATURES, n_clusters=4, n_init=3, max_iter=300, seed=0,
        exact_silhouette_rows=3_000, smallest_cluster_share=0.0, minimum_silhouette=-1.0,
    )  # fmt: skip
    inputs = pd.DataFrame({"as_of_date": DATES, "fit_fingerprint": ["a", "b"]})
    return fit_periods(inputs, customers, settings=settings)


INPUTS = pd.DataFrame({"as_of_date": DATES, "features_fingerprint": ["a", "b"]})


def test_rules_add_up(models: pd.DataFrame) -> None:
    found = segment_rules(INPUTS, models, rows_of, settings=SETTINGS)
    assert list(found.columns) == list(RULE_COLUMNS)
    for model_id, rows in found.groupby("model_id"):
        rules = rows.drop_duplicates("rule")
        assert model_id in set(models["model_id"])
        assert set(rules["cluster"]) == {0, 1, 2, 3}
        assert rules["customers"].sum() == 3_000
        assert rules["customers_of_segment"].sum() == rules["reproduced_customers"].iloc[0]
        assert rules["reproduced_customers"].iloc[0] >= 0.98 * 3_000
        assert (
            rules.drop_duplicates("cluster")["segment_customers"].sum()
            == rules["measured_customers"].iloc[0]
        )
    orders = found[found["feature"] == "frequency"]
    assert orders["is_whole"].all()
    assert set(orders["minimum"].dropna()) == {2.0}


def test_a_missing_value_counts_as_what_stands_in_for_it(models: pd.DataFrame) -> None:
    def with_gaps(day: pd.Timestamp) -> RuleRows:
        rows = rows_of(day)
        is_missing = rows.is_missing.copy()
        is_missing[:10, 0] = True
        own = rows.own.copy()
        own[:10, 0] = 199.5
        return RuleRows(own, own, is_missing)

    found = segment_rules(INPUTS, models, with_gaps, settings=SETTINGS)
    recency = found[found["feature"] == "recency_days"]
    assert set(recency["stand_in"]) == {199.5}
    # The values themselves are whole; only what stands in is not.
    assert recency["is_whole"].all()
    assert found[found["feature"] != "recency_days"]["stand_in"].isna().all()


def test_rules_of_known_rows_are_re_used(models: pd.DataFrame) -> None:
    first = segment_rules(INPUTS, models, rows_of, settings=SETTINGS)

    def not_again(day: pd.Timestamp) -> RuleRows:
        raise AssertionError(f"{day} was read again")

    again = segment_rules(INPUTS, models, not_again, settings=SETTINGS, previous=first)
    pd.testing.assert_frame_equal(first, again)
    changed = INPUTS.assign(features_fingerprint=["a", "c"])
    days = []
    segment_rules(
        changed, models, lambda day: days.append(day) or rows_of(day),
        settings=SETTINGS, previous=first,
    )  # fmt: skip
    assert days == [DATES[1]]


def test_a_model_that_is_not_accepted_has_no_rules(models: pd.DataFrame) -> None:
    refused = models.assign(is_accepted=models["as_of_date"] != DATES[0].date())
    found = segment_rules(INPUTS, refused, rows_of, settings=SETTINGS)
    assert set(found["as_of_date"]) == {DATES[1].date()}
    none = segment_rules(INPUTS, models.assign(is_accepted=False), rows_of, settings=SETTINGS)
    assert list(none.columns) == list(RULE_COLUMNS)
    assert none.empty
