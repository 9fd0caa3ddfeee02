"""Drift of features: against scipy, by hand, and with a verdict that does not depend on n."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from conftest import query
from customer_segmentation.measure.drift import (
    EMPTY_BIN_SHARE,
    Distribution,
    clock_split,
    feature_change,
    ks_statistic,
    population_stability_index,
    psi_edges,
    same_customers_change,
    wasserstein,
)
from customer_segmentation.steps.changes import CHANGE_COLUMNS, feature_changes
from customer_segmentation.steps.panel import Cross, Panel

GENERATOR = np.random.default_rng(5)
SAMPLES = {
    "continuous": (GENERATOR.normal(size=500), GENERATOR.normal(0.3, 1.2, size=800)),
    "ties": (GENERATOR.integers(0, 6, size=300), GENERATOR.integers(1, 8, size=200)),
    "constant": (np.full(10, 3.0), np.full(7, 3.0)),
    "constant against others": (np.full(10, 3.0), np.arange(7.0)),
    "one row": (np.array([2.0]), np.array([5.0])),
    "one row against many": (np.array([2.0]), np.arange(9.0)),
    "apart": (np.arange(5.0), np.arange(50.0, 60.0)),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_distances_are_those_of_scipy(name: str) -> None:
    a, b = SAMPLES[name]
    first, second = Distribution.of(a), Distribution.of(b)
    assert ks_statistic(first, second) == pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-12)
    assert wasserstein(first, second) == pytest.approx(
        stats.wasserstein_distance(a, b), rel=1e-12, abs=1e-12
    )


def test_missing_values_are_counted_apart() -> None:
    sample = Distribution.of([1.0, np.nan, 1.0, 4.0])
    assert (sample.size, sample.missing, sample.missing_share, sample.mean) == (3, 1, 0.25, 2.0)
    nothing = Distribution.of([np.nan, np.nan])
    assert (nothing.size, nothing.missing_share, nothing.mean) == (0, 1.0, None)
    assert Distribution.of([]).missing_share is None
    assert ks_statistic(sample, nothing) is None
    assert wasserstein(nothing, sample) is None
    assert population_stability_index(sample, nothing, psi_edges(sample)) is None


@pytest.mark.parametrize("sample", [[[1.0]], [np.inf, 1.0]])
def test_a_sample_that_is_none_is_refused(sample: list) -> None:
    with pytest.raises(ValueError, match="sample"):
        Distribution.of(sample)


def test_the_bins_are_deciles_of_the_baseline() -> None:
    baseline = Distribution.of(np.arange(1, 101))
    assert psi_edges(baseline).tolist() == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    # Nine customers in ten have one order: the quantiles coincide, each value is a bin instead.
    orders = Distribution.of([1] * 97 + [2, 2, 3])
    edges = psi_edges(orders)
    assert edges[1:].tolist() == [1, 2, 3]
    assert 0.999 < edges[0] < 1


@pytest.mark.parametrize("name", SAMPLES)
def test_a_value_lies_in_the_bin_below_the_first_edge_that_it_does_not_pass(name: str) -> None:
    baseline, sample = SAMPLES[name]
    for edges in (psi_edges(Distribution.of(baseline)), np.array([2.0]), np.array([-9.0, 99.0])):
        one_by_one = np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1)
        assert Distribution.of(sample).in_bins(edges).tolist() == one_by_one.tolist()


def test_the_stability_index_by_hand() -> None:
    baseline = Distribution.of([1] * 50 + [2] * 50)
    current = Distribution.of([1] * 80 + [2] * 20)
    expected = (0.8 - 0.5) * np.log(0.8 / 0.5) + (0.2 - 0.5) * np.log(0.2 / 0.5)
    edges = psi_edges(baseline)
    assert population_stability_index(baseline, current, edges) == pytest.approx(expected)
    assert population_stability_index(baseline, baseline, edges) == 0.0


def test_an_empty_bin_counts_as_a_fixed_share() -> None:
    baseline, current = Distribution.of([1, 1, 2, 2]), Distribution.of([2, 2, 3])
    e = EMPTY_BIN_SHARE
    expected = (
        (e - 0.5) * np.log(e / 0.5)
        + (2 / 3 - 0.5) * np.log((2 / 3) / 0.5)
        + (1 / 3 - e) * np.log((1 / 3) / e)
    )
    found = population_stability_index(baseline, current, psi_edges(baseline))
    assert found == pytest.approx(expected)


def test_a_constant_baseline_notices_values_on_either_side() -> None:
    baseline = Distribution.of([5.0] * 10)
    edges = psi_edges(baseline)
    for other in (4.0, 6.0):
        current = Distribution.of([5.0] * 5 + [other] * 5)
        assert population_stability_index(baseline, current, edges) > 0.25
    assert population_stability_index(baseline, Distribution.of([5.0]), edges) == 0.0


def test_the_clock_alone_is_no_behaviour() -> None:
    # The longer history adds customers beyond the oldest of the baseline; the others are the same.
    baseline = Distribution.of(np.arange(100))
    current = Distribution.of(np.concatenate([np.arange(100), np.arange(100, 125)]))
    split = clock_split(baseline, current, psi_edges(baseline))
    assert split.ks_behaviour == 0.0
    assert split.psi_behaviour == 0.0
    assert split.wasserstein_behaviour == 0.0
    assert split.ks_time == pytest.approx(0.2)
    assert split.wasserstein_time == pytest.approx(wasserstein(baseline, current))
    assert ks_statistic(baseline, current) == pytest.approx(0.2)


def test_changed_behaviour_within_the_horizon_is_no_clock() -> None:
    baseline = Distribution.of(np.arange(100))
    current = Distribution.of(np.arange(0, 100, 2) // 2)
    split = clock_split(baseline, current, psi_edges(baseline))
    assert (split.ks_time, split.wasserstein_time) == (0.0, 0.0)
    assert split.ks_behaviour == pytest.approx(ks_statistic(baseline, current))
    assert split.psi_behaviour == pytest.approx(
        population_stability_index(baseline, current, psi_edges(baseline))
    )


def test_everybody_beyond_the_horizon_is_the_clock() -> None:
    baseline, current = Distribution.of([1, 2, 3]), Distribution.of([11, 12, 13])
    split = clock_split(baseline, current, psi_edges(baseline))
    assert split.ks_time == 1.0
    assert split.wasserstein_time == pytest.approx(10.0)
    assert (split.ks_behaviour, split.psi_behaviour, split.wasserstein_behaviour) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(20))
def test_both_parts_cover_the_whole(seed: int) -> None:
    generator = np.random.default_rng(seed)
    baseline = Distribution.of(generator.integers(0, 300, size=200))
    current = Distribution.of(generator.integers(0, 500, size=300))
    split = clock_split(baseline, current, psi_edges(baseline))
    assert ks_statistic(baseline, current) <= split.ks_time + split.ks_behaviour + 1e-12
    assert (
        wasserstein(baseline, current)
        <= split.wasserstein_time + split.wasserstein_behaviour + 1e-9
    )


def test_the_change_of_the_mean_falls_into_three_parts() -> None:
    # Two customers, 10 and 30 days; 60 days later one has bought again, and one is new.
    found = feature_change(
        Distribution.of([10, 30]),
        Distribution.of([5, 90, 1]),
        stayed_mean=(5 + 90) / 2,
        elapsed_days=60,
        is_clock=True,
    )
    assert found["mean_change"] == pytest.approx(32 - 20)
    assert found["mean_change_time"] == 60
    assert found["mean_change_behaviour"] == pytest.approx(-65 / 2)
    assert found["mean_change_new_customers"] == pytest.approx(32 - 47.5)
    plain = feature_change(
        Distribution.of([1, 1]),
        Distribution.of([2, 1, 1]),
        stayed_mean=1.5,
        elapsed_days=60,
        is_clock=False,
    )
    assert plain["mean_change_time"] == 0
    assert plain["ks_behaviour"] == plain["ks_statistic"] == pytest.approx(1 / 3)
    assert plain["ks_time"] == 0


def test_a_feature_without_values_has_no_measures() -> None:
    found = feature_change(
        Distribution.of([np.nan]),
        Distribution.of([1.0, np.nan]),
        stayed_mean=None,
        elapsed_days=31,
        is_clock=True,
    )
    assert found["missing_share"] == 0.5
    assert found["baseline_missing_share"] == 1.0
    for name in ("mean_change", "ks_statistic", "ks_behaviour", "psi", "wasserstein", "psi_bins"):
        assert found[name] is None, name


def test_more_customers_of_the_same_kind_change_nothing() -> None:
    a, b = GENERATOR.gamma(2, 60, size=900), GENERATOR.gamma(2, 70, size=1_200)
    for clock in (True, False):
        one, many = (
            feature_change(
                Distribution.of(np.tile(a, times)),
                Distribution.of(np.tile(b, times)),
                stayed_mean=1.0,
                elapsed_days=31,
                is_clock=clock,
            )
            for times in (1, 40)
        )
        for name, value in one.items():
            assert many[name] == pytest.approx(value, rel=1e-9), name
    # As a p-value would.
    assert stats.ks_2samp(a, b).pvalue > 1e3 * stats.ks_2samp(np.tile(a, 40), np.tile(b, 40)).pvalue


@pytest.mark.parametrize("seed", range(10))
def test_the_same_customers_then_and_now_are_two_samples(seed: int) -> None:
    generator = np.random.default_rng(seed)
    before = generator.integers(0, 60, 400).astype(float)
    now = np.where(generator.random(400) < 0.2, generator.integers(-30, 20, 400), before)
    before[generator.random(400) < 0.1] = np.nan
    now[generator.random(400) < 0.1] = np.nan
    baseline = Distribution.of(before)
    found = same_customers_change(baseline, before, now)
    is_there = ~np.isnan(before) & ~np.isnan(now)
    samples = before[is_there], now[is_there]
    assert found["ks_same_customers"] == pytest.approx(
        stats.ks_2samp(*samples).statistic, abs=1e-12
    )
    expected = population_stability_index(
        *(Distribution.of(sample) for sample in samples), psi_edges(baseline)
    )
    assert found["psi_same_customers"] == pytest.approx(expected, abs=1e-12)


def test_whoever_does_nothing_has_not_moved() -> None:
    values = np.array([3.0, 9.0, np.nan])
    still = same_customers_change(Distribution.of(values), values, values)
    assert still == {"ks_same_customers": 0.0, "psi_same_customers": 0.0}
    nobody = same_customers_change(Distribution.of(values), values, np.full(3, np.nan))
    assert nobody == {"ks_same_customers": None, "psi_same_customers": None}
    one = same_customers_change(Distribution.of([5.0]), np.array([5.0]), np.array([-2.0]))
    assert one["ks_same_customers"] == 1.0


def panel_of(matrices: dict[str, tuple[list[int], list[float]]]) -> Panel:
    return Panel(
        {
            pd.Timestamp(date): Cross(
                np.array(person),
                np.array(values, dtype=float).reshape(-1, 1),
                np.ones(len(person), bool),
            )
            for date, (person, values) in matrices.items()
        }
    )


def test_every_pair_of_dates_and_re_use() -> None:
    panel = panel_of(
        {
            "2018-01-01": ([1, 3], [10, 30]),
            "2018-02-01": ([1, 2, 3], [5, 1, 61]),
            "2018-03-01": ([1, 2, 3], [33, 29, 89]),
        }
    )
    inputs = pd.DataFrame({"as_of_date": list(panel.crosses), "rows_fingerprint": ["a", "b", "c"]})
    options = {"features": ["recency_days"], "clocks": ["recency_days"]}
    found = feature_changes(inputs, lambda: panel, **options)
    assert list(found.columns) == list(CHANGE_COLUMNS)
    assert len(found) == 6
    row = found[(found["elapsed_days"] == 31)].iloc[0]
    assert row["new_customer_share"] == pytest.approx(1 / 3)
    assert row["mean_change_behaviour"] == pytest.approx((5 + 61) / 2 - 20 - 31)
    # Of two customers one has bought again; the new one is not among them.
    assert row["ks_same_customers"] == pytest.approx(0.5)
    later = found[(found["elapsed_days"] == 28)].iloc[0]
    assert later["ks_same_customers"] == 0.0
    reads = []

    def read() -> Panel:
        reads.append(1)
        return panel

    again = feature_changes(inputs, read, previous=found, **options)
    assert not reads
    pd.testing.assert_frame_equal(again, found)
    changed = inputs.assign(rows_fingerprint=["a", "b", "late order"])
    assert len(feature_changes(changed, read, previous=found, **options)) == 6
    assert reads == [1]


def test_far_dates_are_compared_with_the_baseline_only() -> None:
    days = pd.to_datetime(["2018-01-01", "2018-02-01", "2018-03-01", "2018-03-02"])
    panel = Panel(
        {day: Cross(np.arange(3), np.arange(3.0)[:, None], np.ones(3, bool)) for day in days}
    )
    inputs = pd.DataFrame({"as_of_date": days, "rows_fingerprint": list("abcd")})
    options = {"features": ["frequency"], "clocks": [], "longest_age_months": 1}
    lines: list[str] = []

    def apart(**more: object) -> list[tuple[int, int]]:
        found = feature_changes(inputs, lambda: panel, **options, **more)
        place = {day.date(): number for number, day in enumerate(days)}
        pairs = zip(found["baseline_as_of_date"], found["as_of_date"], strict=True)
        return sorted((place[base], place[day]) for base, day in pairs)

    near = [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3), (3, 3)]
    assert apart(report=lines.append) == near
    assert lines[2] == "Change of features 3/4: 2018-03-01 2 pairs computed"
    assert apart(baseline=days[0].date()) == sorted([*near, (0, 2), (0, 3)])


def test_no_dates_no_rows() -> None:
    none = pd.DataFrame({"as_of_date": [], "rows_fingerprint": []})
    found = feature_changes(none, lambda: Panel({}), features=["frequency"], clocks=[])
    assert found.empty
    assert list(found.columns) == list(CHANGE_COLUMNS)


@pytest.mark.build
@pytest.mark.real
@pytest.mark.parametrize("feature", ["recency_days", "monetary", "average_review_score"])
def test_published_distances_are_those_of_scipy(real_database: Path, feature: str) -> None:
    a, b = (
        np.array(
            query(
                real_database,
                f"select {feature}::double from marts.rfm where as_of_date = '{date}'"
                f" and {feature} is not null",
            )
        ).ravel()
        for date in ("2018-01-01", "2018-06-01")
    )
    ks, distance = query(
        real_database,
        "select ks_statistic, wasserstein_distance from maintenance.feature_drift"
        f" where as_of_date = '2018-06-01' and feature = '{feature}'",
    )[0]
    assert ks == pytest.approx(stats.ks_2samp(a, b, method="asymp").statistic, abs=1e-12)
    assert distance == pytest.approx(stats.wasserstein_distance(a, b), rel=1e-9)


@pytest.mark.build
@pytest.mark.real
def test_money_and_orders_of_2018_do_not_drift(real_database: Path) -> None:
    found = dict(
        query(
            real_database,
            "select feature, max(case verdict when 'drift' then 2 when 'watch' then 1 else 0 end)"
            " from maintenance.feature_drift where as_of_date <= '2018-09-01' group by feature",
        )
    )
    assert found["monetary"] == found["frequency"] == 0
    assert found["recency_days"] == 2
    # Those of the baseline hardly bought again: what moved recency beyond the clock is who came since.
    causes = query(
        real_database,
        "select distinct cause, max(ks_same_customers) < 0.05, bool_or(reason like '%behave differently%')"
        " from maintenance.feature_drift where feature = 'recency_days' and cause is not null group by cause",
    )
    assert causes == [("inflow of customers", True, False)]
    sparse = query(
        real_database,
        "select as_of_date::text from maintenance.feature_drift where is_sparse and feature = 'recency_days'"
        " order by as_of_date",
    )
    assert sparse == [("2018-10-01",), ("2018-10-18",)]
