"""Segments as rules, ways to divide the same customers, and what of both is re-used."""

from __future__ import annotations

import dataclasses

import duckdb
import numpy as np
import pandas as pd
import pytest

from customer_segmentation.steps import (
    ALTERNATIVE_COLUMNS,
    RULE_COLUMNS,
    AlternativeSettings,
    FitSettings,
    RuleRows,
    RuleSettings,
    fit_periods,
    segment_rules,
    segmentation_alternatives,
)
from customer_segmentation.steps.meaning.alternatives import (
    compare_alternatives,
    rankings,
    scores_of,
)
from rendering import PROJECT, rendered

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


ALTERNATIVE_SETTINGS = AlternativeSettings(
    features=FEATURES, robust=(), n_clusters=4, n_neighbors=10, assign_labels="kmeans", seed=0,
    exact_silhouette_rows=10_000,
)  # fmt: skip


def divided(*, seed: int, effect: float, n: int = 4_000) -> pd.DataFrame:
    """Return customers of whom those in cluster 1, and nobody else, order more by ``effect``."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(customers(pd.Timestamp("2018-01-01"))[:n], columns=list(FEATURES))
    n = len(rows)
    rows["is_in_fit"] = rng.random(n) < 0.99
    rows["cluster"] = rng.integers(0, 4, n)
    rows["rfm_segment"] = rng.choice(list("abcdefghij"), n)
    rows["threshold_segment"] = np.where(rows["frequency"] > 1, "repeat", "others")
    rows["recency_score"] = 5 - (rows["recency_days"] // 80).astype(int)
    rows["has_repeated"] = rows["frequency"] > 1
    rows["is_second_half"] = rng.random(n) < 0.5
    ordered = rng.random(n) < 0.05 + effect * (rows["cluster"] == 1)
    rows["orders"] = ordered.astype(int)
    rows["revenue"] = np.where(ordered, rng.lognormal(4, 1, n), 0.0)
    return rows


def test_what_says_something_of_later_orders_is_told_from_what_does_not() -> None:
    found = {
        row["alternative"]: row
        for row in compare_alternatives(divided(seed=1, effect=0.3), settings=ALTERNATIVE_SETTINGS)
    }
    assert set(found) == {
        "kmeans", "spectral", "rfm_boxes", "thresholds", "recency_fifths", "recency_days",
        "repeat_then_recency",
    }  # fmt: skip
    ours = found["kmeans"]
    assert ours["auc"] > 0.7
    assert ours["auc_difference"] == ours["auc_difference_variance"] == 0
    assert ours["information_share"] > 0.05
    # The best tenth is within the quarter that orders.
    assert ours["revenue_captured"] > 0.2
    for name in ("rfm_boxes", "recency_days", "spectral"):
        assert abs(found[name]["auc"] - 0.5) < 3 * found[name]["auc_variance"] ** 0.5 + 0.01
        assert found[name]["auc_difference"] < -0.15
    for name in ("recency_days", "repeat_then_recency"):
        assert found[name]["groups"] is None
        assert found[name]["silhouette"] is None
    # Random clusters lie nowhere, spectral ones do.
    assert found["spectral"]["explained_variance_share"] > 0.3
    assert abs(ours["explained_variance_share"]) < 0.01
    assert ours["silhouette"] < found["spectral"]["silhouette"]


def test_many_groups_that_say_nothing_have_no_advantage() -> None:
    areas = [
        row["auc"]
        for seed in range(12)
        for row in compare_alternatives(
            divided(seed=seed, effect=0.0, n=1_500),
            settings=dataclasses.replace(ALTERNATIVE_SETTINGS, n_clusters=2),
        )
        if row["alternative"] in ("rfm_boxes", "kmeans")
    ]
    assert abs(np.mean(areas) - 0.5) < 0.012


def test_dates_without_later_orders_are_there_and_say_nothing() -> None:
    rows = divided(seed=1, effect=0.0, n=600).assign(orders=0, revenue=0.0)
    found = compare_alternatives(rows, settings=ALTERNATIVE_SETTINGS)
    assert all(np.isnan(row["auc"]) and np.isnan(row["revenue_captured"]) for row in found)


def test_dates_with_known_rows_are_not_compared_again() -> None:
    inputs = pd.DataFrame({"as_of_date": DATES, "rows_fingerprint": ["a", "b"]})

    def rows_of(day: pd.Timestamp) -> pd.DataFrame:
        return divided(seed=pd.Timestamp(day).month, effect=0.1, n=600)

    first = segmentation_alternatives(inputs, rows_of, settings=ALTERNATIVE_SETTINGS)
    assert list(first.columns) == list(ALTERNATIVE_COLUMNS)
    assert len(first) == 2 * 7
    days: list[pd.Timestamp] = []
    again = segmentation_alternatives(
        inputs.assign(rows_fingerprint=["a", "c"]),
        lambda day: days.append(day) or rows_of(day),
        settings=ALTERNATIVE_SETTINGS,
        previous=first,
    )
    assert days == [DATES[1]]
    pd.testing.assert_frame_equal(
        again.drop(columns="fingerprint"), first.drop(columns="fingerprint")
    )


def test_a_group_is_judged_by_the_customers_of_the_other_half() -> None:
    groups = np.array([0, 0, 1, 1, 0, 1, 2])
    happened = np.array([True, False, True, True, False, False, True])
    half = np.array([False, False, False, False, True, True, False])
    scores = scores_of(groups, happened, half)
    # First half: from the second one, where nobody ordered; group 2 is not in it.
    np.testing.assert_array_equal(scores[~half], 0)
    np.testing.assert_array_equal(scores[half], [0.5, 1.0])


def test_repeat_buyers_come_first_and_then_who_ordered_last() -> None:
    rows = pd.DataFrame(
        {"recency_days": [0, 400, 30, 400, 5], "has_repeated": [False, True, True, False, True]}
    )
    found = rankings(rows)
    assert np.argsort(-found["has_repeated"], kind="stable").tolist() == [4, 2, 1, 0, 3]
    assert np.argsort(-found["recency_days"], kind="stable").tolist() == [0, 4, 2, 1, 3]
    # The last of the repeat buyers is before the first of the others, however far apart the days are.
    assert found["has_repeated"][1] > found["has_repeated"][0]
    # Equal facts are equal ranks.
    same = rankings(pd.DataFrame({"recency_days": [7, 7], "has_repeated": [True, True]}))
    assert len(set(same["has_repeated"])) == 1
    assert all(len(scores) == 0 for scores in rankings(rows.iloc[:0]).values())


@pytest.mark.parametrize(
    ("feature", "limits", "english", "french"),
    [
        ("frequency", (2, 3), "2 orders", "2 commandes"),
        ("frequency", (2, 4), "2 to 3 orders", "de 2 à 3 commandes"),
        ("frequency", (None, 2), "one order", "une seule commande"),
        ("recency_days", (9, 10), "last order 9 days ago", "dernière commande il y a 9 jours"),
        ("monetary", (2, 3), "2 BRL or more and below 3 BRL", "2 BRL ou plus et moins de 3 BRL"),
    ],
)
def test_a_rule_of_a_single_number_says_that_number(
    feature: str, limits: tuple[float | None, float], english: str, french: str
) -> None:
    macros = ("macros/numbers.sql", "macros/scoring.sql")
    known = {
        "money_unit": lambda language: "BRL",
        "sql_text": lambda text: f"'{text}'",
    }
    sql = rendered(*macros, select="{{ rules_in_words('limits') }}", known=known)
    with duckdb.connect() as connection:
        connection.execute("create schema staging")
        path = PROJECT / "seeds" / "feature_words.csv"
        connection.execute(f"create table staging.feature_words as from read_csv('{path}')")
        connection.execute(
            "create table limits as select 'm' as model_id, 1 as rule, $1::text as feature, $2::double as minimum,"
            " $3::double as below, $1 != 'monetary' as is_whole, null::double as stand_in",
            [feature, *limits],
        )
        found = connection.execute(f"select rule_english, rule_french from ({sql})").fetchall()
    assert found == [(english, french)]
