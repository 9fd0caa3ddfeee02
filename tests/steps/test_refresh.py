"""How models age, and the interval that follows: by hand, against scikit-learn, and by the written rule."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.cluster import KMeans

from conftest import query
from customer_segmentation.steps.fits import FitSettings, fit_periods
from customer_segmentation.steps.panel import Cross, Panel
from customer_segmentation.steps.policy import (
    LEAST_BASELINES,
    POLICY_COLUMNS,
    Cost,
    PolicySettings,
    block_weights,
    by_baseline_and_age,
    common_panel,
    longest_passing,
    refresh_costs,
    refresh_policy,
)
from customer_segmentation.steps.refresh import (
    AGREEMENT_COLUMNS,
    AgreementSettings,
    changed_share,
    index_of,
    model_agreement,
    months_between,
    without_clock,
)

SETTINGS = AgreementSettings(
    features=("recency_days", "monetary"),
    n_init=5,
    max_iter=300,
    seed=42,
    clocks=("recency_days",),
)
DATES = pd.to_datetime(["2018-01-01", "2018-02-01", "2018-03-01", "2018-03-18"])
POLICY = PolicySettings(
    least_prediction_agreement=0.65,
    least_structure_agreement=0.8,
    largest_outdated_share=0.1,
    resamples=200,
    cost={
        "refit": Cost(3600, 1.0, 0.5, 198.0),
        "rescore": Cost(3600, 10.0, 0.0, 198.0),
    },
)


def a_panel() -> Panel:
    generator = np.random.default_rng(0)
    crosses = {}
    X, person = np.empty((0, 2)), np.empty(0, dtype=int)
    for number, date in enumerate(DATES):
        newcomers = np.column_stack(
            [generator.uniform(0, 120, 300), np.where(np.arange(300) % 5 == 0, 900.0, 100.0)]
        ) + generator.normal(0, 5, (300, 2))
        X = np.vstack([X + np.array([30.0, 0.0]), newcomers])
        person = np.append(person, np.arange(300) * 4 + number)
        order = np.argsort(person)
        X, person = X[order], person[order]
        crosses[date] = Cross(person, X, np.ones(len(X), dtype=bool))
    return Panel(crosses)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return a_panel()


@pytest.fixture(scope="module")
def fitted(panel: Panel) -> tuple[pd.DataFrame, pd.DataFrame]:
    fingerprints = [f"rows-{number}" for number in range(len(DATES))]
    models = fit_periods(
        pd.DataFrame({"as_of_date": DATES, "fit_fingerprint": fingerprints}),
        lambda date: panel.at(date).X,
        settings=FitSettings(
            features=SETTINGS.features,
            n_clusters=3,
            n_init=5,
            max_iter=300,
            seed=42,
            exact_silhouette_rows=5_000,
            smallest_cluster_share=0.01,
            minimum_silhouette=0.0,
        ),
    )
    own = models.drop_duplicates("model_id").reset_index()
    return pd.DataFrame(
        {
            "as_of_date": DATES,
            "rows_fingerprint": fingerprints,
            "fitted_model_id": own["model_id"],
            "fitted_fingerprint": own["fingerprint"],
            "is_fit_accepted": own["is_accepted"],
        }
    ), models


@pytest.fixture(scope="module")
def agreement(panel: Panel, fitted) -> pd.DataFrame:
    return model_agreement(*fitted, lambda: panel, settings=SETTINGS)


def test_every_pair_is_there_once(agreement: pd.DataFrame) -> None:
    assert list(agreement.columns) == list(AGREEMENT_COLUMNS)
    assert len(agreement) == 6
    assert not agreement.duplicated(["baseline_as_of_date", "as_of_date"]).any()
    assert (agreement["baseline_as_of_date"] < agreement["as_of_date"]).all()
    ages = agreement.set_index(["baseline_as_of_date", "as_of_date"])["age_months"]
    assert ages[DATES[0].date(), DATES[2].date()] == 2
    assert ages[DATES[0].date(), DATES[3].date()] is None


def test_a_pair_against_scikit_learn(panel: Panel, fitted, agreement: pd.DataFrame) -> None:
    _, models = fitted

    def label(date: pd.Timestamp, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = models[models["as_of_date"] == date.date()]
        centroids = rows.pivot_table(
            index="cluster", columns="feature_position", values="centroid_scaled"
        ).to_numpy(float)
        one = rows[rows["cluster"] == 0].sort_values("feature_position")
        scaled = (X - one["scaler_mean"].to_numpy(float)) / one["scaler_scale"].to_numpy(float)
        return np.square(scaled[:, None] - centroids[None]).sum(axis=2).argmin(axis=1), scaled

    start, last, end = (panel.at(DATES[i]) for i in (0, 1, 2))
    row = {person: i for i, person in enumerate(end.person)}
    same = np.array([row[person] for person in start.person])
    of_last = np.array([row[person] for person in last.person])
    given, predicted, refitted = (
        label(DATES[0], start.X)[0],
        label(DATES[0], end.X)[0],
        label(DATES[2], end.X)[0],
    )
    structure = KMeans(3, n_init=20, random_state=1).fit_predict(label(DATES[0], end.X[same])[1])

    def in_standard_units_of(now: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Replace mean and deviation of recency in the frozen model."""
        rows = models[models["as_of_date"] == DATES[0].date()]
        centroids = rows.pivot_table(
            index="cluster", columns="feature_position", values="centroid_scaled"
        ).to_numpy(float)
        mean, scale = start.X.mean(axis=0), start.X.std(axis=0)
        mean[0], scale[0] = (
            now[:, 0].mean()
            - (before[:, 0].mean() - mean[0]) * now[:, 0].std() / before[:, 0].std(),
            scale[0] * now[:, 0].std() / before[:, 0].std(),
        )
        scaled = (now - mean) / scale
        return np.square(scaled[:, None] - centroids[None]).sum(axis=2).argmin(axis=1)

    held = in_standard_units_of(end.X, start.X)
    stayed = in_standard_units_of(end.X[same], start.X)
    found = agreement[
        (agreement["baseline_as_of_date"] == DATES[0].date())
        & (agreement["as_of_date"] == DATES[2].date())
    ].iloc[0]
    expected = {
        "prediction_agreement": metrics.adjusted_rand_score(predicted, refitted),
        "prediction_changed_share": np.mean(predicted != refitted),
        "prediction_agreement_without_clock": metrics.adjusted_rand_score(held, refitted),
        "prediction_changed_share_without_clock": np.mean(held != refitted),
        "migration_agreement_without_clock": metrics.adjusted_rand_score(given, stayed),
        "migration_changed_share_without_clock": np.mean(given != stayed),
        "labels_agreement": metrics.adjusted_rand_score(given, refitted[same]),
        "labels_changed_share": np.mean(given != refitted[same]),
        "migration_agreement": metrics.adjusted_rand_score(given, predicted[same]),
        "migration_changed_share": np.mean(given != predicted[same]),
        "structure_agreement": metrics.adjusted_rand_score(given, structure),
        "outdated_share": np.mean(label(DATES[0], last.X)[0] != predicted[of_last]),
        "customers": 900,
        "baseline_customers": 300,
        "elapsed_days": 59,
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-9), name


def test_customers_who_only_age_differ_by_the_clock_alone(agreement: pd.DataFrame) -> None:
    """Nobody of the panel buys again: with the border held nobody moves."""
    moved = agreement["migration_changed_share"].astype(float)
    held = agreement["migration_changed_share_without_clock"].astype(float)
    assert (moved > 0).any()
    assert (held == 0).all()
    refit = agreement["prediction_agreement"].astype(float)
    assert (agreement["prediction_agreement_without_clock"].astype(float) >= refit - 1e-12).all()


def test_another_set_of_clocks_computes_every_pair_anew(panel: Panel, fitted, agreement) -> None:
    none = dataclasses.replace(SETTINGS, clocks=())
    found = model_agreement(*fitted, lambda: panel, settings=none, previous=agreement)
    for design in ("prediction", "migration"):
        for measure in ("agreement", "changed_share"):
            name = f"{design}_{measure}"
            assert found[f"{name}_without_clock"].equals(found[name])
    assert not set(found["fingerprint"]) & set(agreement["fingerprint"])


def test_a_clock_is_brought_back_to_where_it_was() -> None:
    def cross(X: list[list[float]], is_in_fit: list[bool]) -> Cross:
        return Cross(np.arange(len(X)), np.array(X, dtype=float), np.array(is_in_fit))

    before = cross([[0, 1], [10, 2], [999, 3]], [True, True, False])
    now = cross([[40, 1], [80, 2], [100, 7]], [True, True, False])
    # Means 5 and 60, deviations 5 and 20; the row that is not fitted on moves with the others.
    np.testing.assert_allclose(without_clock(before, now, [0]), [[0, 1], [10, 2], [15, 7]])
    np.testing.assert_array_equal(now.X[:, 0], [40, 80, 100])
    np.testing.assert_array_equal(without_clock(before, now, []), now.X)
    # Without spread the mean alone, without rows nothing.
    constant = cross([[30, 1], [30, 2]], [True, True])
    np.testing.assert_array_equal(without_clock(before, constant, [0]), [[5, 1], [5, 2]])
    np.testing.assert_array_equal(without_clock(constant, before, [0])[:, 0], [25, 35, 1024])
    nobody = cross([[30, 1]], [False])
    np.testing.assert_array_equal(without_clock(nobody, now, [0]), now.X)


def test_a_new_month_computes_its_own_pairs_only(panel: Panel, fitted, agreement) -> None:
    inputs, models = fitted
    first = agreement[agreement["as_of_date"] < DATES[3].date()]
    lines: list[str] = []
    again = model_agreement(
        inputs, models, lambda: panel, settings=SETTINGS, previous=first, report=lines.append
    )
    pd.testing.assert_frame_equal(again, agreement)
    assert [line.split(": ")[1] for line in lines] == [
        "2018-02-01 unchanged",
        "2018-03-01 unchanged",
        "2018-03-18 3 pairs computed",
    ]


def test_a_late_order_computes_the_pairs_of_its_dates(panel: Panel, fitted, agreement) -> None:
    inputs, models = fitted
    late = inputs.assign(rows_fingerprint=["rows-0", "rows-1", "late", "late too"])
    lines: list[str] = []
    model_agreement(
        late, models, lambda: panel, settings=SETTINGS, previous=agreement, report=lines.append
    )
    assert lines[0].endswith("unchanged")
    assert lines[1].endswith("2 pairs computed")
    assert lines[2].endswith("3 pairs computed")


def test_other_numbers_of_the_same_clusters_are_compared_anew(
    panel: Panel, fitted, agreement
) -> None:
    inputs, models = fitted
    last = models["model_id"] == inputs["fitted_model_id"].iloc[-1]
    swapped = models.assign(cluster=models["cluster"].where(~last, (models["cluster"] + 1) % 3))
    assert sorted(models["cluster"].unique()) == [0, 1, 2]
    lines: list[str] = []
    found = model_agreement(
        inputs, swapped, lambda: panel, settings=SETTINGS, previous=agreement, report=lines.append
    )
    assert lines[1].endswith("unchanged")
    assert lines[2].endswith("3 pairs computed")
    expected = model_agreement(inputs, swapped, lambda: panel, settings=SETTINGS)
    pd.testing.assert_frame_equal(found, expected)
    assert (found["labels_changed_share"] != agreement["labels_changed_share"]).any()


def test_dates_further_apart_than_the_limit_are_not_compared(
    panel: Panel, fitted, agreement
) -> None:
    """Two months and 17 days are more than two months; what is left has the same values."""
    found = model_agreement(*fitted, lambda: panel, settings=SETTINGS, longest_age_months=2)
    is_near = ~(
        (agreement["baseline_as_of_date"] == DATES[0].date())
        & (agreement["as_of_date"] == DATES[3].date())
    )
    pd.testing.assert_frame_equal(found, agreement[is_near].reset_index(drop=True))


def test_a_model_that_was_not_accepted_is_no_baseline(panel: Panel, fitted) -> None:
    inputs, models = fitted
    refused = inputs.astype({"is_fit_accepted": object})
    refused.loc[0, "is_fit_accepted"] = False
    refused.loc[1, ["fitted_model_id", "fitted_fingerprint", "is_fit_accepted"]] = None
    found = model_agreement(refused, models, lambda: panel, settings=SETTINGS)
    assert found["baseline_as_of_date"].tolist() == [DATES[2].date()]
    none = model_agreement(refused.head(0), models, lambda: panel, settings=SETTINGS)
    assert none.empty
    assert list(none.columns) == list(AGREEMENT_COLUMNS)
    # As DuckDB gives a column of truth values that is empty throughout.
    unfitted = inputs.assign(
        fitted_model_id=None,
        fitted_fingerprint=None,
        is_fit_accepted=pd.array([pd.NA] * len(inputs), dtype="boolean"),
    )
    assert model_agreement(unfitted, models, lambda: panel, settings=SETTINGS).empty


def test_a_date_without_a_fit_has_no_prediction_to_compare(panel: Panel, fitted) -> None:
    inputs, models = fitted
    failed = inputs.astype({"is_fit_accepted": object}).head(2)
    failed.loc[1, ["fitted_model_id", "fitted_fingerprint", "is_fit_accepted"]] = None
    row = model_agreement(failed, models, lambda: panel, settings=SETTINGS).iloc[0]
    assert row["prediction_agreement"] is None or np.isnan(row["prediction_agreement"])
    assert row["migration_agreement"] > 0
    assert row["refit_model_id"] is None


def test_indices_of_small_numbers() -> None:
    generator = np.random.default_rng(2)
    a, b = (generator.integers(0, 4, 500).astype(np.int16) for _ in range(2))
    assert index_of(a, b) == pytest.approx(metrics.adjusted_rand_score(a, b), abs=1e-12)
    assert index_of(a, (a + 1) % 4) == 1.0
    assert changed_share(a, (a + 1) % 4) == 1.0
    nothing = np.empty(0, dtype=np.int16)
    assert index_of(nothing, nothing) is None
    assert changed_share(nothing, nothing) is None


def test_months_between_first_days_only() -> None:
    days = pd.to_datetime(["2017-11-01", "2018-02-01", "2018-02-15"])
    assert months_between(days[0], days[1]) == 3
    assert months_between(days[0], days[2]) is None


# --- policy -----------------------------------------------------------------------------------------


def simulated(
    *,
    prediction: list[float],
    changed: list[float],
    structure: float = 0.99,
    baselines: int = 11,
    held: float = 0.95,
) -> pd.DataFrame:
    """Each baseline ages alike; the later ones have lived through fewer months."""
    starts = pd.date_range("2017-10-01", periods=baselines, freq="MS")
    rows = []
    for number, start in enumerate(starts):
        for age in range(1, len(prediction) + 1 - number):
            rows.append(
                {
                    "baseline_as_of_date": start.date(),
                    "age_months": age,
                    "prediction_agreement": prediction[age - 1],
                    "prediction_changed_share": 1 - prediction[age - 1],
                    "prediction_agreement_without_clock": held,
                    "prediction_changed_share_without_clock": 1 - held,
                    "structure_agreement": structure,
                    "migration_agreement": 1 - changed[age - 1],
                    "migration_changed_share": changed[age - 1],
                    "migration_agreement_without_clock": held,
                    "migration_changed_share_without_clock": 1 - held,
                }
            )
    return pd.DataFrame(rows)


# Twelve ages: two in three of eleven baselines, eight, have lived through five.
PREDICTION = [0.9, 0.8, 0.7, 0.6, 0.7, 0.5, 0.4, 0.3, 0.3, 0.3, 0.3, 0.3]
CHANGED = [0.04, 0.08, 0.12, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6]


def test_the_recommended_intervals_follow_the_rule() -> None:
    found = refresh_policy(simulated(prediction=PREDICTION, changed=CHANGED), settings=POLICY)
    assert list(found.columns) == list(POLICY_COLUMNS)
    assert found.groupby("cadence")["interval_months"].apply(list).to_dict() == {
        "rescore": list(range(1, 13)),
        "refit": list(range(1, 13)),
    }
    chosen = found[found["is_recommended"]].set_index("cadence")["interval_months"]
    # Month 5 would pass again, but month 4 does not.
    assert chosen.to_dict() == {"rescore": 2, "refit": 3}
    refit = found[found["cadence"] == "refit"].set_index("interval_months")
    assert refit["is_within_rule"][5]
    assert refit["expected_agreement"][3] == pytest.approx(0.8)
    assert refit["end_agreement"][3] == pytest.approx(0.7)
    assert refit["worst_agreement"][3] == pytest.approx(0.7)
    assert refit["end_changed_share"][3] == pytest.approx(0.3)
    assert refit["times_a_year"][3] == 4
    assert refit["cost_a_year"][3] == 400
    assert refit["baselines"].tolist() == [11, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    # Baselines that all age alike leave no uncertainty.
    assert (refit["recommended_low"] == 3).all()
    assert (refit["recommended_high"] == 3).all()
    # With the border held nothing ever asks for a refit; the same baselines end at five months.
    held = found[found["is_recommended_without_clock"]].set_index("cadence")["interval_months"]
    assert held.to_dict() == {"rescore": 5, "refit": 5}
    assert refit["end_agreement_without_clock"].dropna().tolist() == pytest.approx([0.95] * 5)
    assert refit["recommendation"][1] == (
        "Refit every 3 months; with the border of recency held, every 5 months or more. On 12 months of one"
        " history: 8 baselines at 1 to 5 months, in 2 blocks. That is little evidence: the range is only that of the"
        " blocks."
    )
    # What a refresh takes stands beside what it costs.
    rescore = found[found["cadence"] == "rescore"].iloc[0]
    assert rescore["cost_a_year"] == pytest.approx(12 * 10)
    assert (rescore["seconds"], rescore["machine_price_per_hour"]) == (3600, 10)


@pytest.mark.parametrize(
    ("baselines", "blocks", "is_little"), [(6, 2, True), (14, 4, True), (15, 5, False)]
)
def test_few_blocks_are_called_little_evidence(baselines, blocks, is_little) -> None:
    """The range of independent blocks holds their median in 1 - 2 ** (1 - blocks) of the cases."""
    steady = simulated(prediction=[0.95] * 30, changed=[0.01] * 30, baselines=baselines)
    found = refresh_policy(steady, settings=POLICY)
    assert (found["judged_blocks"] == blocks).all()
    assert found["recommendation"].str.contains("little evidence").tolist() == [is_little] * 24
    generator = np.random.default_rng(0)
    drawn = generator.normal(size=(20_000, blocks))
    covered = ((drawn.min(axis=1) < 0) & (drawn.max(axis=1) > 0)).mean()
    assert (covered < 0.9) == is_little


def test_every_interval_is_judged_on_the_same_baselines() -> None:
    """A late baseline that ages badly, or well, cannot make a longer interval look better."""
    table = simulated(prediction=PREDICTION, changed=CHANGED)
    late = table["baseline_as_of_date"].astype(str) >= "2018-06-01"
    table.loc[late, ["prediction_agreement", "migration_changed_share"]] = [0.1, 0.9]
    found = refresh_policy(table, settings=POLICY)
    expected = refresh_policy(simulated(prediction=PREDICTION, changed=CHANGED), settings=POLICY)
    for name in ("end_agreement", "end_changed_share", "is_recommended", "judged_baselines"):
        pd.testing.assert_series_equal(found[name], expected[name])
    assert (found["judged_baselines"] == 8).all()
    assert (found["judged_blocks"] == 2).all()
    assert (found["judged_months"] == 12).all()
    # The worst case is that of every baseline.
    refit = found[found["cadence"] == "refit"].set_index("interval_months")
    assert refit["worst_agreement"][1] == pytest.approx(0.1)
    assert refit["end_agreement"].notna().tolist() == [True] * 5 + [False] * 7
    assert refit["is_within_rule"].notna().tolist() == [True] * 5 + [False] * 7


def test_a_month_that_does_not_count_leaves_the_baselines_that_have_none_behind_it() -> None:
    values = np.ones((4, 3))
    values[2, 1] = np.nan
    is_common, ages = common_panel(values)
    assert (is_common.tolist(), ages) == ([True, True, False, True], 3)
    assert common_panel(values[:2])[1] == 0
    assert common_panel(np.full((5, 2), np.nan))[1] == 0
    assert common_panel(np.empty((0, 3)))[1] == 0


def test_an_interval_that_few_have_lived_through_is_not_judged() -> None:
    steady = simulated(prediction=[0.95] * 7, changed=[0.01] * 7, baselines=6)
    found = refresh_policy(steady, settings=POLICY)
    for _, rows in found.groupby("cadence"):
        chosen = rows[rows["is_recommended"]].iloc[0]
        assert chosen["interval_months"] == 4
        assert chosen["baselines"] == chosen["judged_baselines"] == LEAST_BASELINES + 1
        assert rows["is_within_rule"].isna().sum() == 8
        # One block says nothing of how much blocks differ.
        assert (
            rows[["recommended_low", "recommended_high", "end_agreement_low"]].isna().all(axis=None)
        )
        assert "every 4 months or more, how surely is not known;" in chosen["recommendation"]


def test_the_structure_alone_can_ask_for_a_refit() -> None:
    found = refresh_policy(
        simulated(prediction=[0.95] * 12, changed=CHANGED, structure=0.7), settings=POLICY
    )
    refit = found[found["cadence"] == "refit"]
    # None passes: the shortest.
    assert refit[refit["is_recommended"]]["interval_months"].tolist() == [1]
    assert not refit["is_within_rule"].fillna(False).any()


def test_baselines_that_differ_leave_an_uncertainty() -> None:
    table = simulated(prediction=PREDICTION, changed=CHANGED)
    fast = table["baseline_as_of_date"].astype(str) < "2018-01-01"
    table.loc[fast, "prediction_agreement"] -= 0.12
    found = refresh_policy(table, settings=POLICY)
    refit = found[found["cadence"] == "refit"].iloc[0]
    # Of the two blocks one passes for three months and one for two; both together for three.
    assert (refit["recommended_low"], refit["recommended_high"]) == (2, 3)
    assert refit["recommendation"].startswith("Refit every 2 to 3 months; with the border")
    assert (refit["end_agreement_low"], refit["end_agreement_high"]) == pytest.approx((0.81, 0.9))
    again = refresh_policy(table, settings=POLICY)
    pd.testing.assert_frame_equal(found, again)
    other = refresh_policy(table, settings=dataclasses.replace(POLICY, seed=7))
    assert other["end_agreement"].equals(found["end_agreement"])


def test_no_simulation_no_policy() -> None:
    found = refresh_policy(
        simulated(prediction=PREDICTION, changed=CHANGED).head(0), settings=POLICY
    )
    assert found.empty
    assert list(found.columns) == list(POLICY_COLUMNS)


def test_one_baseline_is_shown_and_judged_by_nobody() -> None:
    found = refresh_policy(
        simulated(prediction=PREDICTION, changed=CHANGED, baselines=1), settings=POLICY
    )
    assert found["is_within_rule"].isna().all()
    assert found["end_agreement"].isna().all()
    assert found["worst_agreement"].notna().all()
    assert found[found["is_recommended"]]["interval_months"].tolist() == [1, 1]
    assert found["recommendation"].iloc[0] == (
        "Rescore every month, for want of evidence: fewer than 3 baselines have lived through the same months."
    )


def test_blocks_hold_neighbours_and_do_not_overlap() -> None:
    weights = block_weights(11, resamples=500, block_length=3, seed=1)
    assert weights.shape == (500, 11)
    # Three blocks: rows 0 to 3, 4 to 7, 8 to 10.
    for block in (slice(0, 4), slice(4, 8), slice(8, 11)):
        assert (np.ptp(weights[:, block], axis=1) == 0).all()
    assert (weights[:, [0, 4, 8]].sum(axis=1) == 3).all()
    np.testing.assert_allclose(weights[:, [0, 4, 8]].mean(axis=0), 1, atol=0.1)
    assert block_weights(5, resamples=5, block_length=3, seed=1).shape == (0, 5)


@pytest.mark.parametrize(
    ("passes", "longest"), [([], 1), ([False, True], 1), ([True, False, True], 1), ([True] * 3, 3)]
)
def test_longest_passing(passes: list[bool], longest: int) -> None:
    assert longest_passing(np.array(passes, dtype=bool)) == longest


def test_arrangement_and_cost() -> None:
    table = by_baseline_and_age(
        simulated(prediction=[0.9, 0.8], changed=[0.1, 0.2], baselines=2),
        "prediction_agreement",
        longest=3,
    )
    np.testing.assert_array_equal(table, [[0.9, 0.8, np.nan], [0.9, np.nan, np.nan]])
    costs = {
        "machine_price_per_hour": 3,
        "review_price_per_hour": 100,
        "refit_seconds": 1800,
        "refit_review_hours": 2,
        "rescore_seconds": 1200,
        "rescore_review_hours": 0,
    }
    amounts = {cadence: cost.amount for cadence, cost in refresh_costs(costs).items()}
    assert amounts == pytest.approx({"refit": 201.5, "rescore": 1.0})


@pytest.mark.build
@pytest.mark.real
def test_the_published_recommendation_follows_from_the_table(real_database: Path) -> None:
    """The written rule again, in SQL on the published simulation."""
    rows = query(
        real_database,
        """
        with counted as (from maintenance.refresh_simulation where is_counted),
        ages as (
            select age_months, count(*) as baselines from counted group by age_months
            having count(*) >= (select greatest(3, ceil(2 * count(distinct baseline_as_of_date) / 3)) from counted)
        ),
        common as (
            select baseline_as_of_date from counted
            where age_months = (select max(age_months) from ages)
        )
        select age_months, avg(prediction_agreement), avg(structure_agreement),
            avg(migration_changed_share), count(*)
        from counted inner join common using (baseline_as_of_date) inner join ages using (age_months)
        group by age_months order by age_months
        """,
    )
    assert len({row[4] for row in rows}) == 1, "the same baselines at every age"
    limits = dict(
        query(real_database, "select threshold_code, act_value from seeds.maintenance_thresholds")
    )
    refit = rescore = 1
    for age, prediction, structure, _, baselines in rows:
        passes = (
            prediction >= limits["prediction_agreement"]
            and structure >= limits["structure_agreement"]
            and baselines >= LEAST_BASELINES
        )
        if not passes:
            break
        refit = age
    for age, _, _, changed, baselines in rows:
        if changed > limits["outdated_share"] or baselines < LEAST_BASELINES:
            break
        rescore = age
    found = dict(
        query(
            real_database,
            "select cadence, interval_months from maintenance.refresh_policy where is_recommended",
        )
    )
    assert found == {"rescore": rescore, "refit": refit} == {"rescore": 1, "refit": 3}


@pytest.mark.build
@pytest.mark.real
def test_simulation_and_stability_agree(real_database: Path) -> None:
    different = query(
        real_database,
        "select as_of_date, design, stability.adjusted_rand_index, case design"
        " when 'prediction_vs_refit' then prediction_agreement when 'labels_vs_refit' then labels_agreement"
        " when 'structure' then structure_agreement else migration_agreement end as simulated"
        " from maintenance.period_stability as stability"
        " inner join maintenance.refresh_simulation using (as_of_date, baseline_as_of_date)",
    )
    assert len(different) == 4 * 9
    for row in different:
        assert row[2] == pytest.approx(row[3], abs=1e-9), row
