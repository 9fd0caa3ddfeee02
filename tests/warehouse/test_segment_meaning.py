"""What segments mean: rules that run, outcomes counted a second way, groups that a digest draws."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from conftest import query

pytestmark = pytest.mark.build


def table(database: Path, sql: str) -> pd.DataFrame:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).df()


def test_a_rule_runs_as_a_where_clause_and_finds_as_many_as_it_says(sample_database: Path) -> None:
    rules = query(
        sample_database,
        "select as_of_date, rule_sql, customers from segmentation.segment_rules order by 1, rule",
    )
    assert len(rules) >= 8
    with duckdb.connect(str(sample_database), read_only=True) as connection:
        for as_of_date, condition, customers in rules:
            found = connection.execute(
                f"select count(*) from marts.rfm where as_of_date = '{as_of_date}' and {condition}"
            ).fetchone()
            assert found == (customers,)


def test_limits_words_and_sql_say_the_same(sample_database: Path) -> None:
    rules = table(sample_database, "from segmentation.segment_rules")
    features = ["recency_days", "frequency", "monetary"]
    for rule in rules.to_dict("records"):
        conditions = rule["rule_sql"].split(" and ")
        limits = [rule[f"{end}_{name}"] for name in features for end in ("minimum", "below")]
        assert len(conditions) == sum(not pd.isna(limit) for limit in limits)
        if rule["below_frequency"] == 2:
            assert "one order" in rule["rule_english"]
            assert "une seule commande" in rule["rule_french"]
        if not pd.isna(rule["below_recency_days"]) and pd.isna(rule["minimum_recency_days"]):
            days = int(rule["below_recency_days"]) - 1
            assert f"last order within {days} days" in rule["rule_english"]
        assert "{" not in rule["rule_english"] + rule["rule_french"]


def test_rules_reproduce_the_labels_as_of_every_date(sample_database: Path) -> None:
    found = query(
        sample_database,
        "select min(fidelity), count(distinct as_of_date) from segmentation_work.segment_rules_in_force",
    )
    dates = query(
        sample_database,
        "select count(*) from segmentation.period_models where model_id is not null",
    )
    assert found[0][1] == dates[0][0]
    assert found[0][0] > 0.95


def test_profiles_say_who_is_in_a_segment(sample_database: Path) -> None:
    assert query(
        sample_database,
        "select count(*) filter (where rule is null or rule_french is null)"
        " from segmentation.segment_profiles",
    ) == [(0,)]


def test_outcomes_equal_pandas(sample_database: Path) -> None:
    outcomes = table(sample_database, "from segmentation.segment_outcomes")
    segments = table(
        sample_database,
        "select as_of_date, customer_unique_id, segment_code from segmentation.customer_segments",
    )
    orders = table(
        sample_database, "select customer_unique_id, purchased_at, order_value from marts.orders"
    )
    last = orders["purchased_at"].max().normalize()
    assert set(outcomes["horizon_days"]) == {30, 90, 180}
    for (date, days), rows in outcomes.groupby(["as_of_date", "horizon_days"]):
        end = date + pd.Timedelta(days=days)
        assert end <= last
        within = orders[(orders["purchased_at"] >= date) & (orders["purchased_at"] < end)]
        spent = within.groupby("customer_unique_id")["order_value"].agg(["size", "sum"])
        members = segments[segments["as_of_date"] == date].join(spent, on="customer_unique_id")
        for row in rows.itertuples():
            here = members[members["segment_code"] == row.segment_code]
            assert row.customers == len(here)
            assert row.customers_ordering == here["size"].notna().sum()
            assert row.orders == here["size"].sum()
            assert float(row.revenue) == pytest.approx(float(here["sum"].sum()))
        overall = members["size"].notna().mean()
        if overall:
            np.testing.assert_allclose(rows["lift"], rows["ordering_share"] / overall)
    # Every complete horizon of a segmented date is there.
    dates = pd.to_datetime(segments["as_of_date"].unique())
    complete = sum(
        (date + pd.Timedelta(days=days)) <= last for date in dates for days in (30, 90, 180)
    )
    assert len(outcomes.drop_duplicates(["as_of_date", "horizon_days"])) == complete


def test_intervals_are_wilsons(sample_database: Path) -> None:
    rows = pd.concat(
        table(sample_database, f"from segmentation.{name}")
        for name in ("segment_outcomes", "segment_outcomes_pooled")
    )
    low, high = proportion_confint(rows["customers_ordering"], rows["customers"], method="wilson")
    np.testing.assert_allclose(rows["share_low"], low, atol=1e-12)
    np.testing.assert_allclose(rows["share_high"], high, atol=1e-12)
    assert (rows["customers_ordering"] == 0).any()


def test_pooled_outcomes_are_sums_of_dates_that_do_not_overlap(sample_database: Path) -> None:
    outcomes = table(sample_database, "from segmentation.segment_outcomes where is_pooled")
    assert not outcomes["is_sparse"].any()
    for days, rows in outcomes.groupby("horizon_days"):
        dates = sorted(rows["as_of_date"].unique())
        assert all(
            later - earlier >= pd.Timedelta(days=days)
            for earlier, later in itertools.pairwise(dates)
        )
    sums = outcomes.groupby(["horizon_days", "segment_code"])[
        ["customers", "customers_ordering"]
    ].sum()
    pooled = table(sample_database, "from segmentation.segment_outcomes_pooled").set_index(
        ["horizon_days", "segment_code"]
    )
    pd.testing.assert_frame_equal(
        pooled[["customers", "customers_ordering"]].sort_index(),
        sums.sort_index(),
        check_dtype=False,
    )
    # At each date a segment is expected to order as all customers of the date do.
    by_date = outcomes.groupby(["horizon_days", "as_of_date"])[["customers", "customers_ordering"]]
    totals = by_date.transform("sum")
    outcomes["expected"] = (
        outcomes["customers"] * totals["customers_ordering"] / totals["customers"]
    )
    expected = outcomes.groupby(["horizon_days", "segment_code"])["expected"].sum().sort_index()
    found = pooled.sort_index()
    assert found["expected_ordering"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-4)
    assert found["lift_at_same_dates"].to_numpy() == pytest.approx(
        (found["customers_ordering"] / expected).to_numpy(), rel=1e-4
    )


def test_a_digest_draws_the_control_group(sample_database: Path) -> None:
    members = table(
        sample_database, "select distinct customer_unique_id, is_control from bi.audience_members"
    )
    # The same person is always on the same side.
    assert members["customer_unique_id"].is_unique
    digests = members["customer_unique_id"].map(
        lambda name: int(hashlib.md5(f"campaigns:{name}".encode()).hexdigest()[:8], 16)
    )
    assert (members["is_control"] == (digests < round(0.1 * 2**32))).all()
    assert members["is_control"].mean() == pytest.approx(0.1, abs=0.015)


def test_control_outcomes_add_up_and_their_intervals_are_newcombes(sample_database: Path) -> None:
    control = table(sample_database, "from segmentation.control_outcomes")
    outcomes = table(sample_database, "from segmentation.segment_outcomes")
    keys = ["as_of_date", "horizon_days", "segment_code"]
    both = control.merge(outcomes, on=keys, validate="one_to_one")
    assert len(both) == len(outcomes) == len(control)
    assert (both["treated_customers"] + both["control_customers"] == both["customers"]).all()
    assert (both["treated_ordering"] + both["control_ordering"] == both["customers_ordering"]).all()
    rows = control[(control["control_customers"] > 0) & (control["treated_customers"] > 0)]
    for row in rows.sample(40, random_state=0).itertuples():
        low, high = confint_proportions_2indep(
            row.treated_ordering, row.treated_customers,
            row.control_ordering, row.control_customers, method="newcomb", compare="diff",
        )  # fmt: skip
        assert row.difference_low == pytest.approx(low, abs=1e-9)
        assert row.difference_high == pytest.approx(high, abs=1e-9)


def test_the_customers_needed_see_the_effect(sample_database: Path) -> None:
    rows = table(
        sample_database,
        "from segmentation.control_outcomes inner join segmentation.segment_outcomes"
        " using (as_of_date, horizon_days, segment_code)"
        " where customers_needed is not null order by 1, 2, 3",
    )
    assert len(rows) > 10
    for row in rows.iloc[::5].itertuples():
        base, effect = row.ordering_share, min(1.2 * row.ordering_share, 1)
        # Cohen's effect size is another way to the same size; for small shares they agree.
        size = 2 * (np.arcsin(np.sqrt(effect)) - np.arcsin(np.sqrt(base)))
        treated = NormalIndPower().solve_power(size, alpha=0.05, power=0.8, ratio=1 / 9)
        assert row.customers_needed == pytest.approx(treated * 10 / 9, rel=0.15)


def test_alternatives_are_judged_on_the_same_customers(sample_database: Path) -> None:
    rows = table(sample_database, "from segmentation.segmentation_alternatives").set_index(
        "alternative"
    )
    assert set(rows.index) == {
        "kmeans", "spectral", "rfm_boxes", "thresholds", "recency_fifths", "recency_days",
        "repeat_then_recency",
    }  # fmt: skip
    for column in ("customers", "customers_ordering", "dates"):
        assert len(set(rows[column])) == 1
    pooled = query(
        sample_database,
        "select sum(customers), sum(customers_ordering) from segmentation.segment_outcomes_pooled"
        " where horizon_days = 90",
    )
    assert (rows["customers"].iloc[0], rows["customers_ordering"].iloc[0]) == pooled[0]
    assert rows.loc["kmeans", "auc_difference"] == 0


@pytest.mark.parametrize("alternative", ["recency_days", "repeat_then_recency"])
def test_plain_facts_are_ranked_as_scikit_learn_ranks_them(
    sample_database: Path, alternative: str
) -> None:
    from sklearn.metrics import roc_auc_score

    rows = table(
        sample_database,
        "select alternative_rows.*, frequency from segmentation_work.alternative_rows"
        " inner join marts.rfm using (as_of_date, customer_unique_id)",
    )
    areas, events = [], []
    for _, here in rows.groupby(["as_of_date", "is_second_half"]):
        happened = here["orders"] > 0
        if happened.any():
            ranks = here[["recency_days"]].assign(has_not=here["frequency"] < 2)
            if alternative == "recency_days":
                ranks["has_not"] = False
            place = ranks.groupby(["has_not", "recency_days"]).ngroup()
            areas.append(roc_auc_score(happened, -place))
            events.append(happened.sum())
    (found,) = query(
        sample_database,
        f"select auc from segmentation.segmentation_alternatives where alternative = '{alternative}'",
    )
    assert found[0] == pytest.approx(np.average(areas, weights=events), abs=1e-9)


def test_every_segment_is_judged_by_six_criteria(sample_database: Path) -> None:
    rows = table(sample_database, "from segmentation.segmentation_criteria")
    latest = query(
        sample_database,
        "select count(*) from segmentation.segment_profiles"
        " where as_of_date = (select max(as_of_date) from segmentation.segment_profiles)",
    )
    assert len(rows) == 6 * latest[0][0]
    assert (rows["verdict"] == "not measured").equals(rows["figure"].isna())
    shares = rows[rows["criterion"] == "substantial"]["figure"]
    assert shares.sum() == pytest.approx(1)
    verdicts = rows[rows["criterion"] == "responsive"].set_index("segment_code")["verdict"]
    pooled = table(
        sample_database, "from segmentation.segment_outcomes_pooled where horizon_days = 90"
    ).set_index("segment_code")
    for code, verdict in verdicts.items():
        row = pooled.loc[code]
        share = row["expected_ordering"] / row["customers"]
        beyond = [
            not low <= share <= high
            for low, high in (
                proportion_confint(
                    row["customers_ordering"], row["customers"], alpha=alpha, method="wilson"
                )
                for alpha in (0.01, 0.05)
            )
        ]
        assert verdict == (
            "holds" if beyond[0] else "holds partly" if beyond[1] else "does not hold"
        )
