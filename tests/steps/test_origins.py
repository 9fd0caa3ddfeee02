"""Circularity in three states, on data whose dependence is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from conftest import PROJECT
from customer_segmentation.intake import project_vars
from customer_segmentation.measure.separation import segment_separation
from customer_segmentation.steps.study.origins import (
    EXPLAINED_COLUMNS,
    causes_of,
    dependence,
    explained_separation,
    origin,
)
from customer_segmentation.steps.study.traits import ORDER_TRAITS, traits_of

STATED = project_vars(PROJECT)["features"]
RFM = ["recency_days", "frequency", "monetary"]


@pytest.mark.parametrize(
    ("name", "made_by", "state"),
    [
        ("monetary", RFM, "made the clusters"),
        ("freight_share", RFM, "follows from what did"),
        ("freight_share", ["recency_days"], "independent"),
        ("payment_installments", RFM, "follows from what did"),
        ("average_review_score", RFM, "follows from what did"),
        ("average_review_score", [*RFM, "average_review_score"], "made the clusters"),
        ("review_score", [*RFM, "average_review_score"], "made the clusters"),
        ("review_of_an_order", RFM, "independent"),
        ("review_of_an_order", [*RFM, "average_review_score"], "follows from what did"),
        ("last_order_review_score", RFM, "independent"),
        ("delivery_delay_days", RFM, "follows from what did"),
        ("delivery_delay_days", ["recency_days", "monetary"], "independent"),
        ("first_order_quarter", RFM, "follows from what did"),
        ("first_order_quarter", ["tenure_days"], "follows from what did"),
        ("last_purchase_weekday", RFM, "follows from what did"),
        ("state", RFM, "independent"),
        ("customers_in_city", RFM, "independent"),
    ],
)
def test_an_origin_depends_on_what_made_the_clusters(name, made_by, state):
    traits = {trait.name: trait for trait in (*traits_of(STATED), *ORDER_TRAITS)}
    if name in STATED:
        found, reason = origin(name, made_by, causes_of(STATED[name]))
        # A trait that is a feature has its origin.
        for trait in traits.values():
            if getattr(trait, "feature", "") == name:
                assert (found, reason) == origin(trait.feature, made_by, trait.causes)
    else:
        trait = traits[name]
        found, reason = origin(getattr(trait, "feature", "") or name, made_by, trait.causes)
    assert found == state
    assert (reason is not None) == (state == "follows from what did")


def test_causes_are_features_and_have_a_reason():
    stated = [causes_of(one) for one in STATED.values()]
    stated += [trait.causes for trait in (*traits_of(STATED), *ORDER_TRAITS)]
    for causes in stated:
        assert set(causes.follows_from) <= set(STATED)
        assert bool(causes.follows_from) == bool(causes.because)


def test_dependence_is_the_largest_rank_correlation_whatever_its_sign():
    generator = np.random.default_rng(0)
    money = np.exp(generator.normal(size=500))
    made = pd.DataFrame(
        {"recency_days": generator.uniform(size=500), "monetary": money, "frequency": 1.0}
    )
    share = pd.Series(np.round(10 / (10 + money), 1))
    share[:20] = np.nan
    value, feature = dependence(share, made)
    known = share.notna()
    assert feature == "monetary"
    assert value == pytest.approx(stats.spearmanr(share[known], money[known]).statistic)
    assert value < -0.9
    assert np.isnan(dependence(pd.Series([1.0] * 500), made)[0])
    assert dependence(pd.Series([np.nan] * 500), made) == (pytest.approx(np.nan, nan_ok=True), None)


def test_dependence_of_a_category_counts_the_missing_as_one():
    made = pd.DataFrame({"monetary": [1.0, 2, 3, 4, 5, 6]})
    value, feature = dependence(pd.Series(["a", "a", "b", "b", None, None]), made, is_category=True)
    h = stats.kruskal([1, 2], [3, 4], [5, 6]).statistic
    assert feature == "monetary"
    assert value == pytest.approx(np.sqrt(h / 5))


@pytest.fixture(scope="module")
def shop() -> pd.DataFrame:
    """Return customers whose freight share is nothing but their amount turned over."""
    generator = np.random.default_rng(1)
    money = np.exp(generator.normal(5, 0.8, 4_000))
    rows = pd.DataFrame(
        {
            "as_of_date": pd.Timestamp("2018-01-01").date(),
            "customer_unique_id": np.arange(4_000),
            # Who spends more is more likely, and not surely, in the second cluster.
            "cluster": (generator.random(4_000) < money / (money + 300)).astype(int) * 3,
            "is_in_fit": True,
            "monetary": money,
            "freight_share": 15 / (15 + money),
            "last_order_review_score": generator.integers(1, 6, 4_000).astype(float),
        }
    )
    rows.loc[:50, "last_order_review_score"] = np.nan
    return rows


def test_what_follows_from_money_is_gone_among_customers_who_spend_alike(shop):
    table = explained_separation(shop, made_by=["monetary"], features=STATED)
    assert list(table.columns) == list(EXPLAINED_COLUMNS)
    of = table.set_index("feature")
    assert of["origin"].to_dict() == {
        "monetary": "made the clusters",
        "freight_share": "follows from what did",
        "last_order_review_score": "independent",
    }
    freight = of.loc["freight_share"]
    assert freight["dependence"] == pytest.approx(-1)
    assert abs(freight["effect"]) > 0.3
    assert abs(freight["effect_within_money_bands"]) < 0.05
    # Fifty equal bands, of which the two clusters have different shares.
    assert 0.005 < freight["pairs_within_money_bands"] < 0.02
    assert np.isnan(of.loc["monetary", "effect_within_money_bands"])
    assert abs(of.loc["last_order_review_score", "dependence"]) < 0.05
    # The other columns are those of the plain comparison.
    plain = segment_separation(shop, made_by=["monetary"])
    pd.testing.assert_frame_equal(table[list(plain.columns)], plain)


def test_without_money_or_with_one_segment_there_are_no_bands(shop):
    without = explained_separation(
        shop.drop(columns="monetary"), made_by=["freight_share"], features=STATED
    )
    assert without["effect_within_money_bands"].isna().all()
    assert explained_separation(shop.assign(cluster=1), made_by=["monetary"], features=STATED).empty
