"""Stability over periods: the measures against scikit-learn, the null band, worse optima, re-use."""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata
from sklearn import metrics
from sklearn.cluster import KMeans

from conftest import query
from customer_segmentation.cluster import near_order, prepare_rows
from customer_segmentation.cluster.kmeans import Scaler, fit_kmeans, standardise
from customer_segmentation.cluster.refits import Refit, best_optimum, quick_fit, refit_repeats
from customer_segmentation.measure import agreement
from customer_segmentation.steps.fits import FitSettings, fit_periods
from customer_segmentation.steps.panel import Cross, Panel
from customer_segmentation.steps.periods import (
    AGREEMENT_OF,
    STABILITY_COLUMNS,
    StabilitySettings,
    cluster_means,
    compare_partitions,
    null_band,
    partition_inertia,
    period_stability,
)
from customer_segmentation.steps.refresh import AgreementSettings, model_agreement

FIT = FitSettings(
    features=("recency_days", "frequency", "monetary"),
    n_clusters=4,
    n_init=5,
    max_iter=300,
    seed=42,
    exact_silhouette_rows=10_000,
    smallest_cluster_share=0.01,
    minimum_silhouette=0.2,
)
SETTINGS = StabilitySettings(
    features=FIT.features,
    n_init=5,
    max_iter=300,
    seed=42,
    null_seeds=2,
    null_bootstraps=4,
    silhouette_rows=10_000,
)
CENTRES = np.array(
    [[30.0, 1.0, 130.0], [300.0, 1.0, 140.0], [150.0, 1.0, 1200.0], [120.0, 2.2, 260.0]]
)
DATES = pd.to_datetime(["2018-01-01", "2018-02-01", "2018-03-01"])


def customers(rows: int, *, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    group = generator.choice(4, size=rows, p=[0.5, 0.3, 0.1, 0.1])
    return CENTRES[group] + generator.normal(size=(rows, 3)) * [10.0, 0.05, 30.0]


def a_panel(*, ageing: float = 31.0, newcomers: int = 150) -> Panel:
    """Everybody ages alike; each date has newcomers besides, whose ids lie between the others'."""
    crosses = {}
    X, person = customers(1_000, seed=0), np.arange(1_000) * 10
    for number, date in enumerate(DATES):
        if number:
            X = np.vstack([X + np.array([ageing, 0, 0]), customers(newcomers, seed=number)])
            person = np.append(person, np.arange(newcomers) * 10 + number)
        order = np.argsort(person)
        X, person = X[order], person[order]
        crosses[date] = Cross(person, X, np.ones(len(X), dtype=bool))
    return Panel(crosses)


def inputs_and_models(panel: Panel, fit=FIT, **options) -> tuple[pd.DataFrame, pd.DataFrame]:
    fingerprints = [f"rows-{len(panel.at(date).X)}" for date in DATES]
    frame = pd.DataFrame({"as_of_date": DATES, "fit_fingerprint": fingerprints})
    models = fit_periods(frame, lambda date: panel.at(date).X, settings=fit, **options)
    own = models.drop_duplicates("model_id").reset_index()
    return pd.DataFrame(
        {
            "as_of_date": DATES,
            "rows_fingerprint": fingerprints,
            "model_id": own["model_id"],
            "model_fingerprint": own["fingerprint"],
            "fitted_model_id": own["model_id"],
            "fitted_fingerprint": own["fingerprint"],
            "is_fit_accepted": own["is_accepted"],
        }
    ), models


def run_stability(panel: Panel, settings=SETTINGS, baseline="2018-01-01", previous=None, **changes):
    inputs, models = inputs_and_models(panel)
    lines: list[str] = []
    result = period_stability(
        inputs.assign(**changes),
        models,
        lambda: panel,
        baseline=baseline,
        settings=settings,
        previous=previous,
        report=lines.append,
    )
    return result, lines


@pytest.fixture(scope="module")
def stability() -> pd.DataFrame:
    return run_stability(a_panel())[0]


def test_the_measures_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(1)
    X = customers(600, seed=4)
    scaler = standardise(X)
    first = KMeans(4, n_init=3, random_state=0).fit_predict(scaler.transform(X)).astype(np.int64)
    second = np.where(generator.random(600) < 0.2, generator.integers(0, 4, 600), first)
    found = compare_partitions(first, second, X, scaler=scaler, silhouette_rows=10_000, seed=0)
    scaled = scaler.transform(X)
    expected = {
        "customers": 600,
        "adjusted_rand_index": metrics.adjusted_rand_score(first, second),
        "adjusted_mutual_information": metrics.adjusted_mutual_info_score(first, second),
        "homogeneity": metrics.homogeneity_score(first, second),
        "completeness": metrics.completeness_score(first, second),
        "changed_share": float((first != second).mean()),
        "silhouette_first": metrics.silhouette_score(scaled, first),
        "silhouette_second": metrics.silhouette_score(scaled, second),
        "silhouette_standard_error": 0.0,
        "inertia_first": sum(
            np.square(scaled[first == k] - scaled[first == k].mean(axis=0)).sum() for k in range(4)
        ),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name
    best = [
        max(
            ((first == a) & (second == b)).sum() / ((first == a) | (second == b)).sum()
            for b in range(4)
        )
        for a in range(4)
    ]
    assert found["mean_jaccard"] == pytest.approx(np.mean(best))
    assert found["lowest_jaccard"] == pytest.approx(min(best))


def test_partitions_that_have_no_silhouette_are_compared_all_the_same() -> None:
    one = compare_partitions(
        np.zeros(3, dtype=int),
        np.array([0, 0, 1]),
        np.array([[0.0], [0.0], [9.0]]),
        scaler=Scaler(np.zeros(1), np.ones(1)),
        silhouette_rows=10,
        seed=0,
    )
    assert one["silhouette_first"] is None
    assert one["silhouette_second"] == pytest.approx(2 / 3)
    assert one["inertia_first"] == pytest.approx(2 * 9 + 36)
    assert one["inertia_second"] == 0


def test_cluster_means_and_inertia_by_hand() -> None:
    X = np.array([[0.0, 1.0], [2.0, 3.0], [10.0, 10.0]])
    labels = np.array([0, 0, 2])
    means = cluster_means(X, labels, n_clusters=3)
    assert means[[0, 2]].tolist() == [[1.0, 2.0], [10.0, 10.0]]
    assert np.isnan(means[1]).all()
    assert partition_inertia(X, labels) == 4.0


def test_the_null_band_by_hand() -> None:
    first = np.array([0, 0, 1, 1])
    second = np.array([0, 0, 1, 1])
    other = np.array([0, 1, 0, 1])
    band = null_band(first, second, [second, other])
    worst = metrics.adjusted_rand_score(second, other)
    values = [1.0, worst, worst]
    assert band["null_low"] == pytest.approx(np.quantile(values, 0.05))
    assert band["null_median"] == pytest.approx(worst)
    assert band["null_high"] == 1.0
    assert band["null_refits"] == 2
    assert band["adjusted_rand_index_low"] == pytest.approx(worst)
    assert band["adjusted_rand_index_high"] == 1.0
    assert null_band(first, second, [])["null_low"] is None


@pytest.mark.parametrize("largest_key", [2**62, 20])
def test_the_null_band_looks_at_every_row(
    monkeypatch: pytest.MonkeyPatch, largest_key: int
) -> None:
    monkeypatch.setattr(agreement, "LARGEST_KEY", largest_key)
    generator = np.random.default_rng(2)
    first, *fits = generator.integers(0, 3, size=(5, 60))
    band = null_band(first, fits[0], fits[1:])
    null = [metrics.adjusted_rand_score(*pair) for pair in itertools.combinations(fits, 2)]
    own = [metrics.adjusted_rand_score(first, fit) for fit in fits]
    assert band["null_median"] == pytest.approx(np.median(null))
    assert band["null_high"] == pytest.approx(max(null))
    assert band["adjusted_rand_index_low"] == pytest.approx(min(own))
    assert band["adjusted_rand_index_high"] == pytest.approx(max(own))


def test_every_design_at_every_date(stability: pd.DataFrame) -> None:
    assert list(stability.columns) == list(STABILITY_COLUMNS)
    assert len(stability) == 3 * len(AGREEMENT_OF) * 4 * 3
    assert set(stability["design"]) == set(AGREEMENT_OF)
    at_baseline = stability[stability["as_of_date"] == DATES[0].date()]
    assert (at_baseline["adjusted_rand_index"] == 1.0).all()
    assert (at_baseline["changed_share"] == 0.0).all()


def test_ageing_leaves_the_structure_alone_and_moves_its_centroids_by_the_elapsed_days(
    stability: pd.DataFrame,
) -> None:
    last = stability[stability["as_of_date"] == DATES[2].date()].set_index("design")
    assert (last.loc["structure", "adjusted_rand_index"] == 1.0).all()
    structure = last.loc["structure"]
    moved = structure[structure["feature"] == "recency_days"]["centroid_movement"].astype(float)
    assert moved.to_numpy() == pytest.approx(62.0, abs=1e-6)
    others = structure[structure["feature"] != "recency_days"]["centroid_movement"].astype(float)
    assert others.to_numpy() == pytest.approx(0.0, abs=1e-6)
    assert (last.loc["migration", "customers"] == 1_000).all()
    assert (last.loc["prediction_vs_refit", "customers"] == 1_300).all()


def test_ageing_leaves_ranks_alone_and_is_told_in_days() -> None:
    in_days = a_panel(newcomers=0)
    ranked = Panel(
        {
            date: dataclasses.replace(
                cross, X=np.column_stack([(rankdata(cross.X[:, 0]) - 0.5) / 1_000, cross.X[:, 1:]])
            )
            for date, cross in in_days.crosses.items()
        }
    )

    def quantiles_of(date):
        pairs = (panel.at(date).X[:, 0] for panel in (ranked, in_days))
        return {"recency_days": tuple(map(np.sort, pairs))}

    transforms = (("frequency", "robust"), ("recency_days", "quantile"))
    fit, settings = (dataclasses.replace(some, transforms=transforms) for some in (FIT, SETTINGS))
    inputs, models = inputs_and_models(ranked, fit=fit, quantiles_of=quantiles_of)
    found = period_stability(
        inputs,
        models,
        lambda: ranked,
        baseline="2018-01-01",
        settings=settings,
        quantiles_of=quantiles_of,
    )
    last = found[found["as_of_date"] == DATES[2].date()]
    assert (last["adjusted_rand_index"] == 1).all()
    recency = last[(last["design"] == "structure") & (last["feature"] == "recency_days")]
    assert recency["centroid_movement_scaled"].astype(float).to_numpy() == pytest.approx(
        0.0, abs=1e-9
    )
    assert recency["centroid_movement"].astype(float).to_numpy() == pytest.approx(62.0)
    # The refits of the null band are scaled as the fit is, or they would be another model.
    assert (last["null_low"].astype(float) > 0.9).all()


def test_each_design_compares_what_it_says(stability: pd.DataFrame) -> None:
    panel = a_panel()
    _, models = inputs_and_models(panel)
    ids = models.drop_duplicates("model_id")["model_id"].tolist()
    parts = {}
    for model_id, rows in models.groupby("model_id"):
        wide = rows.pivot_table(
            index="cluster", columns="feature_position", values="centroid_scaled"
        )
        first = rows[rows["cluster"] == 0].sort_values("feature_position")
        mean, scale = first["scaler_mean"].to_numpy(float), first["scaler_scale"].to_numpy(float)
        parts[model_id] = (mean, scale, wide.to_numpy(float))

    def label(model_id: str, X: np.ndarray) -> np.ndarray:
        mean, scale, centroids = parts[model_id]
        scaled = (X - mean) / scale
        return np.square(scaled[:, None] - centroids[None]).sum(axis=2).argmin(axis=1)

    start, end = panel.at(DATES[0]), panel.at(DATES[2])
    row = {person: i for i, person in enumerate(end.person)}
    same = np.array([row[person] for person in start.person])
    given = label(ids[0], start.X)
    scaled = (end.X[same] - parts[ids[0]][0]) / parts[ids[0]][1]
    expected = {
        "prediction_vs_refit": (label(ids[0], end.X), label(ids[2], end.X)),
        "labels_vs_refit": (given, label(ids[2], end.X)[same]),
        "structure": (given, KMeans(4, n_init=20, random_state=5).fit_predict(scaled)),
        "migration": (given, label(ids[0], end.X[same])),
    }
    last = stability[stability["as_of_date"] == DATES[2].date()].drop_duplicates("design")
    found = last.set_index("design")["adjusted_rand_index"]
    for design, (first, second) in expected.items():
        assert found[design] == pytest.approx(metrics.adjusted_rand_score(first, second)), design


def test_a_refit_in_a_worse_optimum_is_replaced_and_does_not_look_like_drift() -> None:
    panel = a_panel()
    inputs, models = inputs_and_models(panel)
    last = inputs["fitted_model_id"][2]
    X = panel.at(DATES[2]).X
    scaled = standardise(X).transform(X)
    # Two centroids in the largest group: the local optimum in which the small groups share one.
    bad = fit_kmeans(
        scaled, n_clusters=4, init=scaled[np.argsort(X[:, 0])[[0, 50, 100, 900]]], seed=0
    )
    good_inertia = models.loc[models["model_id"] == last, "inertia"].iloc[0]
    assert bad.inertia > 1.2 * good_inertia
    wrong = models["model_id"] == last
    models.loc[wrong, "inertia"] = bad.inertia
    for cluster in range(4):
        for position in range(3):
            cell = wrong & (models["cluster"] == cluster) & (models["feature_position"] == position)
            models.loc[cell, "centroid_scaled"] = bad.centroids[cluster, position]
    found = period_stability(
        inputs, models, lambda: panel, baseline="2018-01-01", settings=SETTINGS
    )
    refits = found[(found["as_of_date"] == DATES[2].date()) & found["refit_model_id"].notna()]
    assert refits["is_refit_replaced"].all()
    assert refits["refit_inertia_excess"].astype(float).min() > 0.2
    assert refits["note"].str.contains("worse optimum").all()
    honest = run_stability(panel)[0]
    columns = ["design", "adjusted_rand_index"]
    expected = honest[(honest["as_of_date"] == DATES[2].date()) & honest["refit_model_id"].notna()][
        columns
    ].drop_duplicates()
    replaced = refits[columns].drop_duplicates()
    assert replaced["adjusted_rand_index"].tolist() == pytest.approx(
        expected["adjusted_rand_index"].tolist(), abs=1e-9
    )
    # Its own seeds alone would not have told: without repeats on the same rows it stays.
    blind = dataclasses.replace(SETTINGS, null_seeds=0)
    kept = period_stability(inputs, models, lambda: panel, baseline="2018-01-01", settings=blind)
    kept = kept[(kept["as_of_date"] == DATES[2].date()) & kept["refit_model_id"].notna()]
    assert not kept["is_refit_replaced"].any()


def test_a_share_of_the_customers_measures_nearly_the_same(stability: pd.DataFrame) -> None:
    whole = a_panel()
    # Half of the customers: the models know all of them.
    part = Panel(
        {
            date: Cross(cross.person[keep], cross.X[keep], cross.is_in_fit[keep])
            for date, cross in whole.crosses.items()
            for keep in [cross.person % 20 < 10]
        }
    )
    inputs, models = inputs_and_models(whole)
    shared = period_stability(
        inputs,
        models,
        lambda: part,
        baseline="2018-01-01",
        settings=SETTINGS,
    )
    keys = ["as_of_date", "design"]
    both = shared.drop_duplicates(keys).merge(
        stability.drop_duplicates(keys), on=keys, suffixes=("", "_of_all")
    )
    assert len(both) == len(DATES) * 4
    assert both["customers"].tolist() == pytest.approx(both["customers_of_all"] / 2, rel=0.1)
    # Fitted on others, they are not the optimum of the half, but in the same valley.
    assert not both["is_refit_replaced"].fillna(False).astype(bool).any()
    gap = both["adjusted_rand_index"] - both["adjusted_rand_index_of_all"]
    assert gap.abs().max() < 0.05


def test_best_optimum_does_not_count_resamples() -> None:
    scaler = Scaler(np.zeros(1), np.ones(1))
    published = Refit(scaler, np.zeros((2, 1)), 10.0, is_resampled=False)
    resampled = Refit(scaler, np.ones((2, 1)), 5.0, is_resampled=True)
    close = Refit(scaler, np.ones((2, 1)), 10.0 - 1e-6, is_resampled=False)
    best, facts = best_optimum(published, [resampled, close])
    assert best is published
    assert not facts["is_refit_replaced"]
    better = Refit(scaler, np.ones((2, 1)), 9.0, is_resampled=False)
    best, facts = best_optimum(published, [resampled, better])
    assert best is better
    assert facts["refit_inertia_excess"] == pytest.approx(10 / 9 - 1)


def test_unchanged_dates_are_re_used_and_changed_ones_are_not(stability: pd.DataFrame) -> None:
    panel = a_panel()

    def unreadable() -> Panel:
        raise AssertionError("nothing has to be read")

    inputs, models = inputs_and_models(panel)
    lines: list[str] = []
    again = period_stability(
        inputs,
        models,
        unreadable,
        baseline="2018-01-01",
        settings=SETTINGS,
        previous=stability,
        report=lines.append,
    )
    pd.testing.assert_frame_equal(again, stability)
    assert [line.split()[-1] for line in lines] == ["unchanged"] * 3
    late = inputs["rows_fingerprint"].where(inputs.index != 1, "a late order")
    _, lines = run_stability(panel, previous=stability, rows_fingerprint=late)
    assert [line.split()[-1] for line in lines] == ["unchanged", "computed", "unchanged"]
    other = dataclasses.replace(SETTINGS, null_bootstraps=5)
    _, lines = run_stability(panel, settings=other, previous=stability)
    assert [line.split()[-1] for line in lines] == ["computed"] * 3
    # The same fits under other numbers, as when the model that they follow is another one.
    last = models["model_id"] == inputs["fitted_model_id"].iloc[-1]
    count = models["cluster"].nunique()
    swapped = models.assign(cluster=models["cluster"].where(~last, (models["cluster"] + 1) % count))
    lines = []
    period_stability(
        inputs,
        swapped,
        lambda: panel,
        baseline="2018-01-01",
        settings=SETTINGS,
        previous=stability,
        report=lines.append,
    )
    assert [line.split()[-1] for line in lines] == ["unchanged", "unchanged", "computed"]


def test_what_the_agreement_of_models_knows_is_not_computed_again(
    stability: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = a_panel()
    inputs, models = inputs_and_models(panel)
    budget = {name: getattr(SETTINGS, name) for name in ("features", "n_init", "max_iter", "seed")}
    known = model_agreement(inputs, models, lambda: panel, settings=AgreementSettings(**budget))
    options = {"baseline": "2018-01-01", "settings": SETTINGS}
    fitted: list[int] = []
    monkeypatch.setattr(
        "customer_segmentation.steps.periods.quick_fit",
        lambda X, **budget: fitted.append(len(X)) or quick_fit(X, **budget),
    )
    found = period_stability(inputs, models, lambda: panel, agreement=known, **options)
    pd.testing.assert_frame_equal(found, stability, check_exact=True)
    # Only the baseline beside itself, which is no pair.
    assert len(fitted) == 1
    # What is told is taken, for the pair and design that it is told of.
    told = known.assign(
        migration_agreement=0.25,
        baseline_model_id=known["baseline_model_id"].where(known.index != 1),
    )
    found = period_stability(inputs, models, lambda: panel, agreement=told, **options)
    changed = found["adjusted_rand_index"] != stability["adjusted_rand_index"]
    assert set(found.loc[changed, "adjusted_rand_index"]) == {0.25}
    (pair,) = found.loc[changed, ["as_of_date", "design"]].drop_duplicates().to_numpy().tolist()
    assert pair == [DATES[1].date(), "migration"]


def test_a_baseline_without_a_model_gives_no_row_and_a_sentence() -> None:
    for baseline in ("2016-01-01", "2018-01-15", "2030-01-01"):
        found, lines = run_stability(a_panel(), baseline=baseline)
        assert found.empty
        assert list(found.columns) == list(STABILITY_COLUMNS)
        assert f"the baseline {baseline} is not a segmented as-of date" in lines[0]


def test_a_date_that_shares_no_customer_with_the_baseline_says_so() -> None:
    """A short history_months forgets everybody who was there."""
    panel = a_panel()
    others = panel.at(DATES[2])
    crosses = {date: panel.at(date) for date in DATES[:2]}
    crosses[DATES[2]] = Cross(others.person + 10**6, others.X, others.is_in_fit)
    result, _ = run_stability(Panel(crosses))
    of_last = result[pd.to_datetime(result["as_of_date"]) == DATES[2]]
    of_last = of_last.drop_duplicates("design").set_index("design")
    assert of_last.loc["prediction_vs_refit", "adjusted_rand_index"] > 0
    for design in ("labels_vs_refit", "structure", "migration"):
        assert of_last.loc[design, "note"].startswith("Not compared: ")
        assert pd.isna(of_last.loc[design, "adjusted_rand_index"])
    note = "Not compared: none of the baseline's customers is in the history of this date."
    assert of_last.loc["migration", "note"] == note
    inputs, models = inputs_and_models(Panel(crosses))
    settings = AgreementSettings(features=FIT.features, n_init=5, max_iter=300, seed=42)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model_agreement(
            inputs.assign(is_fit_accepted=True), models, lambda: Panel(crosses), settings=settings
        )
    none = found[pd.to_datetime(found["as_of_date"]) == DATES[2]]
    assert none["structure_agreement"].isna().all()
    assert none["prediction_agreement"].notna().all()


def test_a_date_without_a_fit_says_so() -> None:
    panel = a_panel()
    inputs, models = inputs_and_models(panel)
    inputs = inputs.astype({"is_fit_accepted": object})
    inputs.loc[2, ["fitted_model_id", "fitted_fingerprint", "is_fit_accepted"]] = None
    found = period_stability(
        inputs, models, lambda: panel, baseline="2018-01-01", settings=SETTINGS
    )
    last = found[found["as_of_date"] == DATES[2].date()].drop_duplicates("design")
    notes = last.set_index("design")["note"]
    assert notes["prediction_vs_refit"] == "Not compared: the date has no fit of its own."
    assert notes["labels_vs_refit"] == "Not compared: the date has no fit of its own."
    assert notes["structure"] == notes["migration"] == "Compared."


@pytest.mark.parametrize("rows", [500, 25_000])
def test_quick_fits_reach_the_optimum_of_scikit_learn(rows: int) -> None:
    X = standardise(customers(rows, seed=8)).transform(customers(rows, seed=8))
    _, inertia = quick_fit(X, n_clusters=4, n_init=10, max_iter=300, seed=1)
    reference = KMeans(4, n_init=10, random_state=0, tol=0).fit(X)
    assert inertia == pytest.approx(reference.inertia_, rel=1e-6)


def test_rows_that_are_laid_out_change_no_quick_fit() -> None:
    generator = np.random.default_rng(3)
    X = np.concatenate([generator.normal(loc=5 * place, size=(6_000, 3)) for place in range(4)])
    options = {"n_clusters": 4, "n_init": 3, "max_iter": 300, "seed": 1, "also": X[:4]}
    rows = prepare_rows(X[near_order(X)])
    for one, other in zip(
        quick_fit(X, **options), quick_fit(X, laid_out=rows, **options), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_a_quick_fit_of_too_few_distinct_rows_says_so() -> None:
    with pytest.raises(ValueError, match="only 2 distinct rows"):
        quick_fit(np.array([[0.0], [1.0], [1.0]]), n_clusters=3, n_init=2, max_iter=10, seed=0)


def test_repeats_are_reproducible_and_resamples_differ() -> None:
    X = customers(800, seed=2)
    options = {"n_clusters": 4, "n_init": 3, "max_iter": 100, "seeds": 2, "bootstraps": 2}
    one = refit_repeats(X, seed=1, **options)
    other = refit_repeats(X, seed=1, **options)
    for a, b in zip(one, other, strict=True):
        assert (a.centroids == b.centroids).all()
    assert [repeat.is_resampled for repeat in one] == [False, False, True, True]
    assert one[0].inertia == pytest.approx(one[1].inertia, rel=1e-9)
    assert one[2].inertia != pytest.approx(one[3].inertia, rel=1e-9)
    frozen = standardise(X + 5)
    assert all(r.scaler is frozen for r in refit_repeats(X, scaler=frozen, seed=1, **options))


@pytest.mark.build
@pytest.mark.real
def test_monthly_dates_of_2018_have_all_measures(real_database: Path) -> None:
    rows = query(
        real_database,
        "select design, count(*), count(adjusted_rand_index), count(adjusted_mutual_information),"
        " count(homogeneity), count(completeness), count(lowest_jaccard), count(silhouette_first),"
        " count(silhouette_second), count(inertia_first), count(inertia_second), count(null_low),"
        " count(null_high), count(largest_centroid_movement)"
        " from maintenance.period_stability"
        " where as_of_date between '2018-01-01' and '2018-09-01' and day(as_of_date) = 1"
        " group by design",
    )
    assert {row[0] for row in rows} == set(AGREEMENT_OF)
    for row in rows:
        assert set(row[1:]) == {9}, row


@pytest.mark.build
@pytest.mark.real
def test_refits_with_three_other_seeds_stay_within_the_null_band(real_database: Path) -> None:
    """Made here with scikit-learn alone, on the published features and centroids."""
    features = ["recency_days", "frequency", "monetary"]
    selection = ", ".join(features)

    def matrix(condition: str) -> np.ndarray:
        rows = query(
            real_database,
            f"select {selection} from segmentation_work.segmentation_features where {condition}"
            " order by customer_unique_id",
        )
        return np.array(rows, dtype=float)

    for date in ("2018-04-01", "2018-08-01", "2018-09-01"):
        X = matrix(f"as_of_date = '{date}' and is_in_fit")
        scaled = (X - X.mean(axis=0)) / X.std(axis=0)
        # The date's own fit, whichever model is in force there.
        centroids = np.array(
            query(
                real_database,
                "select centroid_scaled from segmentation.model_centroids"
                " inner join segmentation.model_registry using (model_id)"
                f" where as_of_date = '{date}' order by cluster, feature_position",
            )
        ).reshape(-1, len(features))
        own = np.square(scaled[:, None] - centroids[None]).sum(axis=2).argmin(axis=1)
        low, high = query(
            real_database,
            "select null_low, null_high from maintenance.period_stability"
            f" where as_of_date = '{date}' and design = 'prediction_vs_refit'",
        )[0]
        for seed in (1, 2, 3):
            labels = KMeans(4, n_init=10, tol=0, random_state=seed).fit_predict(scaled)
            assert low <= metrics.adjusted_rand_score(own, labels) <= high + 1e-12, date


@pytest.mark.build
@pytest.mark.real
def test_the_structure_of_the_baseline_customers_holds(real_database: Path) -> None:
    rows = query(
        real_database,
        "select as_of_date, adjusted_rand_index, is_within_null_band, refit_inertia_excess"
        " from maintenance.period_stability where design = 'structure'",
    )
    assert len(rows) == 11
    for as_of_date, index, is_within, excess in rows:
        assert index > 0.95, as_of_date
        assert is_within, as_of_date
        assert excess < 1e-5, as_of_date
