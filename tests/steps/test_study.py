"""The study's own logic; its statistics have tests of their own."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.stats import contingency
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, davies_bouldin_score, silhouette_score

from customer_segmentation.cluster import near_order
from customer_segmentation.cluster._lloyd import prepare_rows, single_start
from customer_segmentation.cluster.kmeans import standardise
from customer_segmentation.distance.silhouette import silhouette_estimate
from customer_segmentation.intake import project_vars
from customer_segmentation.measure.null import null_silhouettes, permuted_columns
from customer_segmentation.steps.engines import engine_of
from customer_segmentation.steps.study.candidates import (
    CANDIDATE_COLUMNS,
    finalist_budget,
    kmeans_candidates,
    study_candidates,
    study_feature_sets,
    study_inputs,
)
from customer_segmentation.steps.study.clusters import (
    CLUSTER_COLUMNS,
    candidate_labels,
    candidate_stability,
    either,
    study_clusters,
)
from customer_segmentation.steps.study.pictures import (
    AXIS_COLUMNS,
    PROJECTION_COLUMNS,
    customer_projection,
    project_customers,
    projection_axes,
)
from customer_segmentation.steps.study.scores import Scorer, first_seen_numbers
from customer_segmentation.steps.study.settings import StudySettings
from customer_segmentation.steps.study.traits import (
    ORDER_TRAITS,
    TRAIT_COLUMNS,
    count_traits,
    number_eta_squared,
    segment_traits,
    trait_numbers,
    trait_origins,
    traits_of,
)

DESCRIBED = ("recency_days", "frequency", "monetary", "average_review_score")
SETTINGS = StudySettings(
    cluster_counts=(2, 3, 4),
    inits=("k-means++", "random"),
    n_inits=(1, 4),
    max_iters=(3, 300),
    seeds=(1, 2),
    spectral_cluster_counts=(3,),
    spectral_neighbors=(10, 15),
    spectral_assign_labels=("kmeans", "cluster_qr"),
    exact_silhouette_rows=10_000,
    gap_rows=300,
    gap_references=3,
    smallest_cluster_share=0.01,
    resamples=6,
    screening_resamples=3,
    spectral_resamples=2,
    n_clusters=3,
)
FEATURES = ["recency_days", "frequency", "monetary"]


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    generator = np.random.default_rng(5)
    group = generator.choice(3, size=600, p=[0.5, 0.4, 0.1])
    centres = np.array([[30.0, 1.0, 100.0], [300.0, 1.2, 120.0], [150.0, 3.0, 500.0]])
    X = centres[group] + generator.normal(size=(600, 3)) * [20, 0.1, 30]
    return pd.DataFrame(X, columns=FEATURES).assign(
        average_review_score=generator.uniform(1, 5, size=600)
    )


@pytest.fixture(scope="module")
def candidates(customers: pd.DataFrame) -> pd.DataFrame:
    X = customers[FEATURES].to_numpy()
    return study_candidates(
        X,
        scaler=standardise(X),
        feature_set="rfm",
        as_of_date=pd.Timestamp("2018-01-01").date(),
        fingerprint="f",
        settings=SETTINGS,
        is_full_grid=True,
    )


def test_the_grid_is_complete_and_its_keys_unique(candidates: pd.DataFrame) -> None:
    kmeans = candidates[candidates["algorithm"] == "kmeans"]
    # One cluster has no budget to vary.
    assert len(kmeans) == 1 + 3 * 2 * 2 * 2
    assert len(candidates) - len(kmeans) == 1 * 2 * 2
    assert candidates["candidate_id"].is_unique
    assert list(candidates.columns) == list(CANDIDATE_COLUMNS)


def test_one_candidate_stands_for_each_number_of_clusters(candidates: pd.DataFrame) -> None:
    finalists = candidates[candidates["is_finalist"].astype(bool)].set_index(
        ["algorithm", "n_clusters"]
    )
    numbers = {("kmeans", number) for number in (1, 2, 3, 4)}
    assert set(finalists.index) == numbers | {("spectral", 3)}
    assert finalists.index.is_unique
    spectral = candidates[candidates["algorithm"] == "spectral"]
    usable = spectral[~spectral["is_degenerate"].astype(bool)]
    assert finalists.loc[("spectral", 3), "silhouette"] == usable["silhouette"].max()
    # The other budgets are no models, and nobody needs their silhouette; all cuts of the graph have one.
    kmeans = candidates[candidates["algorithm"] == "kmeans"]
    assert (kmeans["gap"].notna() == kmeans["is_finalist"]).all()
    several = kmeans[kmeans["n_clusters"] > 1]
    for measure in ("silhouette", "null_silhouette", "null_silhouette_standard_error"):
        assert (several[measure].notna() == several["is_finalist"]).all()
    assert kmeans["inertia"].notna().all()
    assert spectral["silhouette"].notna().all()


def test_one_cluster_has_the_measures_that_exist(
    customers: pd.DataFrame, candidates: pd.DataFrame
) -> None:
    alone = candidates[candidates["n_clusters"] == 1].iloc[0]
    assert alone["candidate_id"] == "rfm-kmeans-k1"
    assert alone["inertia"] == pytest.approx(len(customers) * 3)
    assert (alone["smallest_cluster_share"], alone["parameters"]) == (1, "{}")
    for measure in ("silhouette", "null_silhouette", "davies_bouldin", "calinski_harabasz"):
        assert np.isnan(float(alone[measure]))
    # Tibshirani's rule, by hand from the table; s_k is in it already.
    gaps = candidates[candidates["gap"].notna()].set_index("n_clusters").astype({"gap": float})
    later = gaps["gap"].shift(-1) - gaps["gap_standard_error"].astype(float).shift(-1)
    chosen = gaps.index[gaps["gap"] >= later].min()
    assert gaps.index[gaps["is_gap_choice"].astype(bool)].tolist() == [chosen]


def test_nulls_are_those_of_the_scaled_rows(
    customers: pd.DataFrame, candidates: pd.DataFrame
) -> None:
    scaled = standardise(customers[FEATURES]).transform(customers[FEATURES])
    table = null_silhouettes(
        scaled,
        cluster_counts=[2, 3, 4],
        maximum_rows=300,
        permutations=10,
        n_init=4,
        max_iter=300,
        seed=1,
    )
    found = candidates[candidates["null_silhouette"].notna()]
    np.testing.assert_allclose(
        found["null_silhouette"].astype(float), table["null_silhouette"], atol=1e-12
    )
    # The customers are three groups, and permuting them leaves none.
    three = found[found["n_clusters"] == 3].iloc[0]
    excess = three["silhouette"] - three["null_silhouette"]
    assert excess > 3 * three["null_silhouette_standard_error"]


def test_without_permutations_there_is_no_null(customers: pd.DataFrame) -> None:
    X = customers[FEATURES].to_numpy()
    settings = dataclasses.replace(SETTINGS, null_permutations=0, spectral_neighbors=())
    found = study_candidates(
        X,
        scaler=standardise(X),
        feature_set="rfm",
        as_of_date=pd.Timestamp("2018-01-01").date(),
        fingerprint="f",
        settings=settings,
        is_full_grid=False,
    )
    assert found["null_silhouette"].isna().all()


@pytest.mark.parametrize("times", [1, 2, 40])
@pytest.mark.parametrize("distinct", [1, 2, 3, 4, 6])
def test_of_customers_who_are_alike_no_more_clusters_are_compared_than_there_are_kinds(
    distinct: int, times: int
) -> None:
    """One customer, two, a shop where everybody pays the same on the same day."""
    kinds = np.column_stack([np.arange(distinct), np.full(distinct, 10.0), np.ones(distinct)])
    X = np.repeat(kinds, times, axis=0)
    found = study_candidates(
        X,
        scaler=standardise(X),
        feature_set="rfm",
        as_of_date=pd.Timestamp("2018-01-01").date(),
        fingerprint="f",
        settings=SETTINGS,
        is_full_grid=True,
    )
    kmeans = found[(found["algorithm"] == "kmeans") & found["is_finalist"]]
    assert kmeans["n_clusters"].tolist() == [1, *(k for k in (2, 3, 4) if k < distinct)]
    assert kmeans["gap"].notna().tolist() == [k < distinct for k in kmeans["n_clusters"]]
    assert kmeans["inertia"].notna().all()


def test_the_largest_budget_that_reaches_the_lowest_inertia_is_the_finalist() -> None:
    def budget(init: str, n_init: int, max_iter: int, inertia: float) -> dict:
        return {"init": init, "n_init": n_init, "max_iter": max_iter, "inertia": inertia}

    lucky = budget("random", 1, 100, 100.0)
    same = [budget("random", 10, 300, 100.00001), budget("k-means++", 10, 300, 100.00001)]
    worse = budget("k-means++", 20, 300, 100.001)
    assert finalist_budget([lucky, *same, worse]) == 2
    assert finalist_budget([lucky, worse]) == 0


def test_the_share_of_good_starts_counts_every_single_start(
    customers: pd.DataFrame, candidates: pd.DataFrame
) -> None:
    scaled = standardise(customers[FEATURES]).transform(customers[FEATURES])
    kmeans = candidates[(candidates["algorithm"] == "kmeans") & (candidates["n_clusters"] > 1)]
    assert (kmeans["starts"] == 2 * 4).all()
    for n_clusters, budgets in kmeans.groupby("n_clusters"):
        rows = prepare_rows(scaled[near_order(scaled)])
        ends = {
            (init, max_iter): np.array(
                [
                    single_start(
                        rows, n_clusters=n_clusters, init=init, max_iter=max_iter, seed=seed
                    )[1]
                    for seed in (*range(1_000, 1_004), *range(2_000, 2_004))
                ]
            )
            for init in SETTINGS.inits
            for max_iter in SETTINGS.max_iters
        }
        lowest = min(inertia.min() for inertia in ends.values())
        for row in budgets.itertuples():
            good = (ends[row.init, row.max_iter] <= lowest * 1.001).mean()
            assert row.good_start_share == good
    assert kmeans["good_start_share"].astype(float).min() < kmeans["good_start_share"].max()


def test_what_is_studied_depends_on_rows_and_not_on_their_order(customers: pd.DataFrame) -> None:
    rows = customers.assign(
        as_of_date=pd.Timestamp("2018-01-01"), customer_unique_id=np.arange(len(customers))
    )
    rows.loc[0, "average_review_score"] = None
    sets = {"rfm": FEATURES, "review": [*FEATURES, "average_review_score"]}

    def inputs(frame: pd.DataFrame) -> dict[str, str]:
        def rows_of(feature_set: str):
            complete = " and ".join(f"{name} is not null" for name in sets[feature_set])
            return connection.table("customers").filter(complete)

        with duckdb.connect() as connection:
            connection.execute("create table customers as from frame")
            found = study_inputs(
                engine_of(connection), rows_of, columns_of=sets, described=DESCRIBED
            )
        return dict(zip(found["feature_set"], found["input_fingerprint"], strict=True))

    found = inputs(rows)
    assert list(found) == ["rfm", "review"]
    assert inputs(rows.sample(frac=1, random_state=0)) == found
    assert inputs(rows[:0]) == {}
    # What is only described counts as well, and what is left out does not.
    described = inputs(rows.assign(average_review_score=rows["average_review_score"] + 1))
    assert all(described[name] != found[name] for name in sets)
    left_out = inputs(rows.drop(index=0))
    assert (left_out["review"], left_out["rfm"] != found["rfm"]) == (found["review"], True)


def test_measures_are_those_of_scikit_learn(
    customers: pd.DataFrame, candidates: pd.DataFrame
) -> None:
    scaled = standardise(customers[FEATURES]).transform(customers[FEATURES])
    best = KMeans(3, n_init=10, random_state=0, tol=0).fit(scaled)
    row = candidates.set_index("candidate_id").loc["rfm-kmeans-k3-k-means++-4-300"]
    assert row["inertia"] == pytest.approx(best.inertia_, rel=1e-9)
    assert row["silhouette"] == pytest.approx(silhouette_score(scaled, best.labels_), abs=1e-6)
    assert row["davies_bouldin"] == pytest.approx(davies_bouldin_score(scaled, best.labels_))
    assert row["silhouette_spread"] == 0
    assert row["seed_agreement"] == 1
    assert row["smallest_cluster_share"] == np.bincount(best.labels_).min() / len(scaled)


def test_more_starts_and_iterations_never_give_more_inertia(candidates: pd.DataFrame) -> None:
    kmeans = candidates[candidates["algorithm"] == "kmeans"]
    inertia = kmeans.pivot_table(
        index=["n_clusters", "init"], columns=["n_init", "max_iter"], values="inertia"
    )
    assert (inertia[4, 300] <= inertia[1, 300] + 1e-9).all()
    assert (inertia[1, 300] <= inertia[1, 3] + 1e-9).all()
    # The short budget does stop some starts early, so that the grid tells something.
    assert (inertia[1, 300] < inertia[1, 3] - 1e-9).any()


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_a_start_is_lloyds_algorithm(customers: pd.DataFrame, init: str) -> None:
    scaled = standardise(customers[FEATURES]).transform(customers[FEATURES])
    rows = prepare_rows(scaled)
    centroids, inertia, iterations = single_start(
        rows, n_clusters=3, init=init, max_iter=300, seed=3
    )
    again = KMeans(3, init=centroids, n_init=1, tol=0).fit(scaled)
    assert iterations < 300
    assert inertia == pytest.approx(again.inertia_, rel=1e-9)
    np.testing.assert_allclose(again.cluster_centers_, centroids, atol=1e-9)
    _, _, cut = single_start(rows, n_clusters=3, init=init, max_iter=1, seed=3)
    assert cut == 1
    with pytest.raises(ValueError, match="init must be"):
        single_start(rows, n_clusters=3, init="pca", max_iter=1, seed=3)


def test_equal_partitions_are_scored_once_and_together(
    customers: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    from customer_segmentation.steps.study import scores as study

    scaled = standardise(customers[FEATURES]).transform(customers[FEATURES])
    calls = []
    original = study.silhouette_scores
    monkeypatch.setattr(
        study, "silhouette_scores", lambda X, p: calls.append(len(p)) or original(X, p)
    )
    scorer = Scorer(scaled, exact_silhouette_rows=10_000, seed=0)
    labels = (scaled[:, 0] > 0).astype(int)
    key = scorer.add(labels)
    assert scorer.add(1 - labels) == key
    other = scorer.add((scaled[:, 1] > 0).astype(int))
    assert scorer.scores(key)["silhouette"] == pytest.approx(silhouette_score(scaled, labels))
    assert scorer.scores(other) != scorer.scores(key)
    assert calls == [2]
    assert first_seen_numbers(np.array([7, 7, 2, 9, 2])).tolist() == [0, 0, 1, 2, 1]


def test_long_data_are_estimated(customers: pd.DataFrame) -> None:
    # Of so many rows the smallest sample leaves some out.
    scaled = np.tile(standardise(customers[FEATURES]).transform(customers[FEATURES]), (5, 1))
    labels = (scaled[:, 0] > 0).astype(int)
    scorer = Scorer(scaled, exact_silhouette_rows=100, seed=0)
    scores = scorer.scores(scorer.add(labels))
    assert scores["silhouette_standard_error"] > 0
    expected = silhouette_estimate(scaled, first_seen_numbers(labels), maximum_rows=100, seed=0)
    assert scores["silhouette"] == expected.score


def test_threads_change_nothing(customers: pd.DataFrame) -> None:
    scaled = standardise(customers[FEATURES]).transform(customers[FEATURES])
    runs = [
        pd.DataFrame(
            kmeans_candidates(
                scaled,
                settings=SETTINGS,
                scorer=Scorer(scaled, exact_silhouette_rows=10_000, seed=0),
                inits=SETTINGS.inits,
                n_inits=SETTINGS.n_inits,
                max_iters=SETTINGS.max_iters,
                threads=threads,
            )
        )
        for threads in (1, 3)
    ]
    pd.testing.assert_frame_equal(*runs, check_exact=True)


def test_too_many_clusters_for_the_points_are_left_out() -> None:
    X = np.tile([[0.0, 0.0], [1.0, 1.0], [5.0, 0.0]], (30, 1))
    rows = kmeans_candidates(
        X,
        settings=SETTINGS,
        scorer=Scorer(X, exact_silhouette_rows=1_000, seed=0),
        inits=["k-means++"],
        n_inits=[1],
        max_iters=[300],
    )
    assert [row["n_clusters"] for row in rows] == [2]


def test_a_candidate_is_found_again(customers: pd.DataFrame, candidates: pd.DataFrame) -> None:
    scaled = standardise(customers[FEATURES]).transform(customers[FEATURES])
    for _, row in candidates[candidates["n_init"] == 4].iterrows():
        labels = candidate_labels(scaled, row, seed=1)
        means = np.stack([scaled[labels == k].mean(axis=0) for k in range(row["n_clusters"])])
        inertia = ((scaled - means[labels]) ** 2).sum()
        assert inertia == pytest.approx(row["inertia"], abs=row["inertia_spread"] + 1e-6)


def test_spectral_labels_follow_the_numbers_in_use(
    customers: pd.DataFrame, candidates: pd.DataFrame
) -> None:
    scaled = standardise(customers[FEATURES]).transform(customers[FEATURES])
    spectral = candidates[candidates["algorithm"] == "spectral"].iloc[0]
    kmeans = candidates.set_index("candidate_id").loc["rfm-kmeans-k3-k-means++-4-300"]
    reference = np.array([[9.0, 9, 9], [-0.8, -0.4, -0.5], [1.0, -0.3, -0.3]])
    first = candidate_labels(scaled, kmeans.rename("k"), seed=1, reference=reference)
    second = candidate_labels(scaled, spectral, seed=1, reference=reference)
    assert adjusted_rand_score(first, second) > 0.9
    assert (first == second).mean() > 0.95
    # The group of big spenders is nearest to the first reference, whatever its size.
    assert scaled[first == 0, 2].mean() > 2


def test_a_study_is_re_used_while_nothing_changed(customers: pd.DataFrame) -> None:
    inputs = pd.DataFrame(
        {
            "as_of_date": pd.to_datetime(["2018-01-01"] * 2),
            "feature_set": ["rfm", "other"],
            "input_fingerprint": ["a", "b"],
        }
    )
    asked: list[str] = []

    def rows_of(feature_set: str) -> pd.DataFrame:
        asked.append(feature_set)
        return customers[FEATURES]

    sets = {"features_of": {"rfm": FEATURES, "other": FEATURES}}
    small = dataclasses.replace(SETTINGS, cluster_counts=(2, 3), spectral_neighbors=(10,))
    first = study_feature_sets(inputs, rows_of, **sets, settings=small)
    assert asked == ["rfm", "other"]
    # Only the first set varies the budget.
    assert (first["feature_set"] == "rfm").sum() > (first["feature_set"] == "other").sum()
    asked.clear()
    again = study_feature_sets(inputs, rows_of, **sets, settings=small, previous=first)
    assert asked == []
    pd.testing.assert_frame_equal(again, first, check_dtype=False)
    changed = inputs.assign(input_fingerprint=["a", "c"])
    study_feature_sets(changed, rows_of, **sets, settings=small, previous=first)
    assert asked == ["other"]
    asked.clear()
    other_settings = dataclasses.replace(small, seeds=(1, 3))
    study_feature_sets(inputs, rows_of, **sets, settings=other_settings, previous=first)
    assert asked == ["rfm", "other"]
    asked.clear()
    # The rows of a robust feature are as they were; its scaler is another one.
    robust = dataclasses.replace(small, transforms=((FEATURES[2], "robust"),))
    found = study_feature_sets(inputs, rows_of, **sets, settings=robust, previous=first)
    assert asked == ["rfm", "other"]
    assert (found["inertia"] != first["inertia"]).all()


def test_clusters_of_finalists(customers: pd.DataFrame, candidates: pd.DataFrame) -> None:
    finalists = candidates[
        candidates["candidate_id"].isin(
            [
                "rfm-kmeans-k2-k-means++-4-300",
                "rfm-kmeans-k3-k-means++-4-300",
                "rfm-spectral-k3-10-kmeans",
            ]
        )
    ].assign(feature_set_position=1)
    reference = np.array([[150.0, 3.0, 500.0], [300.0, 1.2, 120.0], [30.0, 1.0, 100.0]])
    in_use = pd.DataFrame(
        {
            "cluster": np.repeat(range(3), 3),
            "feature_position": np.tile(range(3), 3),
            "scaler_mean": 0.0,
            "scaler_scale": 1.0,
            "centroid_scaled": reference.ravel(),
        }
    )
    options = {
        "features_of": {"rfm": FEATURES},
        "settings": SETTINGS,
        "centroids_in_use": in_use,
    }
    table = study_clusters(finalists, lambda feature_set: customers, **options)
    assert list(table.columns) == list(CLUSTER_COLUMNS)
    resamples = table.groupby("candidate_id")["resamples"].max().to_dict()
    assert resamples == {
        "rfm-kmeans-k2-k-means++-4-300": 3,
        "rfm-kmeans-k3-k-means++-4-300": 6,
        "rfm-spectral-k3-10-kmeans": 2,
    }
    found = table[table["candidate_id"] == "rfm-kmeans-k3-k-means++-4-300"].sort_values("cluster")
    np.testing.assert_allclose(found["mean_recency_days"].astype(float), reference[:, 0], atol=6)
    assert found["customers"].sum() == len(customers)
    assert (found["mean_jaccard"].astype(float) > 0.95).all()
    assert (found["excess_jaccard"] == found["mean_jaccard"] - found["null_jaccard"]).all()
    assert (found["null_resamples"] == 10 * 10).all()
    assert found[["subset_jaccard", "noise_jaccard"]].astype(float).min(axis=None) > 0.8
    assert (found["neighbour"] != found["cluster"]).all()
    others = table[table["candidate_id"] != "rfm-kmeans-k3-k-means++-4-300"]
    assert others[["null_jaccard", "subset_jaccard", "noise_jaccard"]].isna().all(axis=None)
    assert (others["null_resamples"] == 0).all()
    # Six resamples judge nothing, whatever the excess.
    assert set(table["verdict"]) == {"not judged: fewer than 50 resamples"}
    spectral = table[table["candidate_id"] == "rfm-spectral-k3-10-kmeans"]
    assert spectral[["neighbour", "border_depth", "border"]].isna().all(axis=None)
    again = study_clusters(
        finalists, lambda feature_set: pytest.fail(feature_set), previous=table, **options
    )
    pd.testing.assert_frame_equal(again, table, check_dtype=False)
    # Other numbers in use, another budget, another study: every finalist anew.
    for change, given in (
        ({"centroids_in_use": in_use.assign(cluster=np.repeat([1, 0, 2], 3))}, finalists),
        (
            {"settings": dataclasses.replace(SETTINGS, resamples=5, screening_resamples=2)},
            finalists,
        ),
        ({"settings": dataclasses.replace(SETTINGS, null_permutations=9)}, finalists),
        ({}, finalists.assign(fingerprint="another study")),
    ):
        changed = study_clusters(
            given, lambda feature_set: customers, previous=table, **{**options, **change}
        )
        anew = changed.loc[~changed["fingerprint"].isin(table["fingerprint"]), "candidate_id"]
        expected = set(given["candidate_id"])
        if "settings" in change:
            expected = {name for name in expected if "kmeans-k" in name}
            if change["settings"].null_permutations != SETTINGS.null_permutations:
                expected = {name for name in expected if "kmeans-k3" in name}
        assert set(anew) == expected


def test_another_feature_set_is_judged_with_its_own_number_of_clusters(
    customers: pd.DataFrame, candidates: pd.DataFrame
) -> None:
    settings = dataclasses.replace(SETTINGS, judged_clusters=(("rfm", 2),))
    kmeans = candidates[(candidates["algorithm"] == "kmeans") & candidates["is_finalist"]]
    finalists = kmeans[kmeans["n_clusters"].isin([2, 3])].assign(feature_set_position=2)
    options = {"features_of": {"rfm": FEATURES}, "centroids_in_use": pd.DataFrame()}
    table = study_clusters(finalists, lambda feature_set: customers, settings=settings, **options)
    numbers = finalists.set_index("candidate_id")["n_clusters"]
    by_number = table.assign(n_clusters=table["candidate_id"].map(numbers)).groupby("n_clusters")
    assert by_number["resamples"].max().to_dict() == {2: 6, 3: 3}
    assert by_number["null_resamples"].max().to_dict() == {2: 100, 3: 0}
    # The set that is not named is judged with the number in use; spectral clustering always is.
    assert settings.is_judged("in_use", "kmeans", 3)
    assert not settings.is_judged("rfm", "kmeans", 3)
    assert settings.resamples_of("rfm", "spectral", 3) == settings.spectral_resamples
    changed = study_clusters(
        finalists, lambda feature_set: customers, settings=SETTINGS, previous=table, **options
    )
    assert not set(changed["fingerprint"]) & set(table["fingerprint"])


def test_every_number_of_clusters_is_judged_when_it_is_asked_for(
    customers: pd.DataFrame, candidates: pd.DataFrame
) -> None:
    settings = dataclasses.replace(SETTINGS, judges_all=True)
    finalists = candidates[candidates["is_finalist"] & (candidates["n_clusters"] > 1)].assign(
        feature_set_position=1
    )
    table = study_clusters(
        finalists,
        lambda feature_set: customers,
        settings=settings,
        features_of={"rfm": FEATURES},
        centroids_in_use=pd.DataFrame(),
    ).merge(finalists[["candidate_id", "algorithm", "n_clusters"]], on="candidate_id")
    kmeans = table[table["algorithm"] == "kmeans"]
    assert set(kmeans["n_clusters"]) == {2, 3, 4}
    assert (kmeans["resamples"] == settings.resamples).all()
    assert (kmeans["null_resamples"] == 100).all()
    assert kmeans[["null_jaccard", "null_silhouette"]].notna().all(axis=None)
    # Subsets and noise are of the number in use only, and spectral clustering has no null.
    has_variants = kmeans.groupby("n_clusters")["subset_jaccard"].count()
    assert has_variants.to_dict() == {2: 0, 3: 3, 4: 0}
    assert (table[table["algorithm"] == "spectral"]["null_resamples"] == 0).all()


def test_enough_resamples_are_judged(customers: pd.DataFrame, candidates: pd.DataFrame) -> None:
    """Three groups are called so; the same customers with permuted columns earn no praise."""
    row = candidates.set_index("candidate_id").loc["rfm-kmeans-k3-k-means++-4-300"].rename("k")
    settings = dataclasses.replace(
        SETTINGS, resamples=50, variant_resamples=1, gap_rows=600, null_permutations=20
    )
    scaled = standardise(customers[FEATURES]).transform(customers[FEATURES])
    labels = candidate_labels(scaled, row, seed=1)
    found = candidate_stability(scaled, labels, row, settings=settings)
    assert found["verdict"].tolist() == ["group"] * 3
    assert found[["subset_jaccard", "noise_jaccard"]].notna().all(axis=None)
    row["feature_set_position"] = 2
    permuted = permuted_columns(scaled, seed=0)
    labels = candidate_labels(permuted, row, seed=1)
    found = candidate_stability(permuted, labels, row, settings=settings)
    assert not {"group", "stable", "highly stable"} & set(found["verdict"])
    assert found[["subset_jaccard", "noise_jaccard"]].isna().all(axis=None)
    without = dataclasses.replace(settings, null_permutations=0)
    found = candidate_stability(
        scaled, labels * 0 + scaled.argmax(axis=1) % 3, row, settings=without
    )
    assert "group" not in set(found["verdict"])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (True, None, True),
        (False, True, True),
        (False, False, False),
        (False, None, None),
        (None, None, None),
    ],
)
def test_one_measure_above_its_null_is_enough(one, other, expected) -> None:
    assert either(one, other) is expected


def test_traits_against_scipy_and_by_hand() -> None:
    counts = pd.DataFrame(
        {
            "as_of_date": pd.Timestamp("2018-01-01"),
            "cluster": [0, 0, 1, 1, 1],
            "segment_name": ["a", "a", "b", "b", "b"],
            "trait": "colour",
            "unit": "review",
            "value": ["red", "blue", "red", "blue", "green"],
            "customers": [25, 10, 20, 15, 20],
            "cases": [30, 10, 20, 20, 20],
        }
    )
    numbers = pd.DataFrame({"cluster": [0, 0, 1, 1], "size": [1.0, 3.0, 5.0, np.nan]})
    origins = pd.DataFrame(
        [("colour", "independent", None, 0.2, "money")],
        columns=["trait", "origin", "origin_reason", "dependence", "dependence_feature"],
    )
    traits = segment_traits(counts, numbers, origins)
    assert list(traits.columns) == list(TRAIT_COLUMNS)
    # Every value in every segment, also the one that segment a does not have.
    assert len(traits) == 6
    green = traits[(traits["cluster"] == 0) & (traits["value"] == "green")].iloc[0]
    assert (green["customers"], green["share_in_segment"], green["lift"]) == (0, 0, 0)
    red = traits[(traits["cluster"] == 0) & (traits["value"] == "red")].iloc[0]
    assert red["share_in_segment"] == 0.75
    assert red["share_overall"] == 0.5
    assert red["lift"] == 1.5
    assert red["share_difference"] == 0.25
    assert (red["customers"], red["cases"], red["cases_in_segment"]) == (25, 30, 40)
    assert (red["unit"], red["origin"], red["dependence"]) == ("review", "independent", 0.2)
    # What a segment has more often than all comes first.
    assert traits["value"].tolist() == ["red", "blue", "green", "green", "blue", "red"]
    table = np.array([[10, 0, 30], [20, 20, 20]])
    raw = contingency.association(table, method="cramer")
    assert 0 < traits["cramers_v"].iloc[0] < raw
    assert traits["eta_squared"].isna().all()
    # Total sum of squares 8, within 2 (1 and 3 around 2), between 6.
    assert number_eta_squared(numbers["size"], numbers["cluster"]) == pytest.approx(6 / 8)
    assert segment_traits(counts[:0], numbers, origins).empty


def test_traits_are_counted_in_bands() -> None:
    with duckdb.connect() as connection:
        customers = connection.sql(
            "select date '2018-01-01' as as_of_date, cluster, 'name' || cluster as segment_name,"
            " 'SP' as customer_state, null as region, customers_in_city, null as main_category,"
            " 'voucher' as main_payment_type, 2 as most_installments, review as average_review_score,"
            " days as average_days_late, 0.1 as freight_share, timestamp '2017-12-31' as first_purchased_at,"
            " timestamp '2018-01-06 11:59' as last_purchased_at, 'Saturday' as last_purchase_weekday,"
            " customers_in_city as customer_unique_id, reviews, bad_reviews,"
            " 2 as delivered_orders, 0 as late_orders, money as monetary"
            " from (values (0, 10, 2.0, -15.0, 1, 1, 30.0), (0, 11, 2.5, 7.5, 4, 3, 10.0),"
            " (1, 5000, null, null, 0, 0, 20.0))"
            " as customers (cluster, customers_in_city, review, days, reviews, bad_reviews, money)"
        )
        traits = traits_of(project_vars(Path(__file__).parents[2])["features"])
        engine = engine_of(connection)
        counts = count_traits(engine, customers, traits)
        numbers = trait_numbers(engine, customers, traits)
        origins = trait_origins(engine, customers, traits, made_by=["monetary"]).set_index("trait")
    names = {trait.name for trait in (*traits, *ORDER_TRAITS)}
    assert set(counts["trait"]) == set(origins.index) == names
    # Each review counts, and who wrote none does not; nobody's order was late.
    reviews = counts[counts["trait"] == "review_of_an_order"].set_index("value")
    assert reviews["cases"].to_dict() == {"1 or 2": 4, "3 to 5": 1}
    assert reviews["customers"].to_dict() == {"1 or 2": 2, "3 to 5": 1}
    assert set(reviews["unit"]) == {"review"}
    deliveries = counts[counts["trait"] == "delivery_of_an_order"].groupby("value")["cases"].sum()
    assert deliveries.to_dict() == {"on time": 6}
    counts = counts[counts["unit"] == "customer"]
    assert (counts["cases"] == counts["customers"]).all()
    assert (counts.groupby("trait")["customers"].sum() == 3).all()
    assert origins.loc["freight_share", "origin"] == "follows from what did"
    assert origins.loc["state", "origin"] == "independent"
    # City sizes 10, 11, 5000 with money 30, 10, 20: ranks 1 2 3 and 3 1 2.
    assert origins.loc["city_size_customers", "dependence"] == pytest.approx(-0.5)
    assert np.isnan(origins.loc["review_of_an_order", "dependence"])
    of = {
        trait: dict(zip(rows["value"], rows["customers"], strict=True))
        for trait, rows in counts.groupby("trait")
    }
    assert of["city_size_customers"] == {
        "1. up to 10": 1,
        "2. above 10 up to 100": 1,
        "4. above 1000": 1,
    }
    assert of["review_score"] == {"1. up to 2": 1, "2. above 2 up to 3": 1, "unknown": 1}
    assert of["delivery_delay_days"] == {"1. up to -15": 1, "5. above 7": 1, "unknown": 1}
    assert set(of["region"]) == {"unknown"}
    assert set(of["product_category"]) == {"none"}
    assert set(of["first_order_quarter"]) == {"2017-Q4"}
    assert set(of["last_purchase_weekday"]) == {"Saturday"}
    assert set(of["last_purchase_hour"]) == {"2. above 5 up to 11"}
    assert numbers["city_size_customers"].tolist() == [10, 11, 5000]
    assert set(numbers) == {"cluster", *(trait.name for trait in traits if trait.limits)}


def test_pictures(customers: pd.DataFrame, candidates: pd.DataFrame) -> None:
    scaled = standardise(customers[FEATURES]).transform(customers[FEATURES])
    labels = KMeans(3, n_init=5, random_state=0).fit_predict(scaled)
    outlier = pd.DataFrame({"recency_days": [150.0], "frequency": [3.0], "monetary": [9_000.0]})
    big = labels[customers["monetary"].argmax()]
    rows = pd.concat(
        [customers.assign(cluster=labels), outlier.assign(cluster=big)], ignore_index=True
    )
    rows["is_in_fit"] = rows["monetary"] < 5_000
    rows["as_of_date"] = pd.Timestamp("2018-01-01").date()
    rows["customer_unique_id"] = [f"c{i}" for i in range(len(rows))]
    spectral = candidates[candidates["algorithm"] == "spectral"].iloc[0]
    axes = projection_axes(rows, features=FEATURES)
    options = {
        "features": FEATURES,
        "axes": axes,
        "spectral": spectral,
        "sample_rows": 100,
        "exact_silhouette_rows": 10_000,
        "smallest_cluster_share": 0.01,
        "seed": 0,
    }
    picture = project_customers(rows, **options)
    assert ["fingerprint", *picture.columns] == list(PROJECTION_COLUMNS)
    assert len(picture) == len(rows)
    assert picture["is_in_sample"].sum() == 100
    assert picture["spectral_cluster"].notna().all()
    # The customer outside the fit is with those nearest to it.
    assert (
        picture["spectral_cluster"].iloc[-1]
        == picture["spectral_cluster"][customers["monetary"].argmax()]
    )
    scaled_all = standardise(customers[FEATURES]).transform(rows[FEATURES])
    assert picture["silhouette"].mean() == pytest.approx(
        silhouette_score(scaled_all, rows["cluster"]), abs=1e-6
    )
    # The axes are those of the customers in the fit, around their mean.
    own = PCA(2).fit(scaled)
    np.testing.assert_allclose(
        np.abs(picture[["axis_1", "axis_2"]]), np.abs(own.transform(scaled_all)), atol=1e-9
    )
    assert list(axes.columns) == list(AXIS_COLUMNS)
    np.testing.assert_allclose(axes.groupby("axis")["loading"].apply(lambda x: (x**2).sum()), 1)
    longer = rows.assign(recency_days=rows["recency_days"] ** 2)
    turned = projection_axes(longer, features=FEATURES)
    assert not np.allclose(turned["loading"], axes["loading"])
    assert project_customers(rows[:0], **options).empty
    assert projection_axes(rows[:0], features=FEATURES).empty
    # One customer has no spread, and no direction of it.
    none = projection_axes(rows[:1], features=FEATURES)
    assert none.empty
    assert list(none.columns) == list(AXIS_COLUMNS)
    without = project_customers(rows, **{**options, "spectral": None, "exact_silhouette_rows": 10})
    assert without["spectral_cluster"].isna().all()
    sizes = picture["spectral_cluster"][rows["is_in_fit"]].value_counts(normalize=True)
    for share, is_degenerate in ((sizes.min(), False), (sizes.min() + 1e-6, True)):
        labelled = project_customers(rows, **{**options, "smallest_cluster_share": share})
        assert labelled["spectral_cluster"].isna().all() == is_degenerate
    assert without["silhouette"].isna().all()


def test_a_picture_is_taken_over_when_nothing_behind_it_has_changed(
    customers: pd.DataFrame, candidates: pd.DataFrame
) -> None:
    rows = customers.assign(
        cluster=np.arange(len(customers)) % 3,
        is_in_fit=customers["monetary"] < customers["monetary"].quantile(0.9),
        as_of_date=pd.Timestamp("2018-01-01").date(),
        customer_unique_id=[f"c{i}" for i in range(len(customers))],
        not_read=0.0,
    )
    spectral, other, *_ = (
        row for _, row in candidates[candidates["algorithm"] == "spectral"].iterrows()
    )
    axes = projection_axes(rows, features=FEATURES)
    options = {
        "features": FEATURES,
        "axes": axes,
        "spectral": spectral,
        "sample_rows": 100,
        "exact_silhouette_rows": 10,
        "smallest_cluster_share": 0.01,
        "seed": 0,
    }
    engine = engine_of(duckdb.connect())

    def projected(rows: pd.DataFrame = rows, **changed: Any) -> pd.DataFrame:
        engine.local.execute("drop table if exists segmented; drop table if exists written")
        engine.local.from_df(rows).create("segmented")
        segmented = engine.local.table("segmented")
        customer_projection(engine, segmented=segmented, **{**options, **changed}).create("written")
        return engine.frame(engine.local.table("written"), order="customer_unique_id")

    first = projected()
    pd.testing.assert_frame_equal(
        first[["axis_1", "axis_2"]],
        project_customers(rows.sort_values("customer_unique_id"), **options)[["axis_1", "axis_2"]],
    )
    # Marked, so that what is taken over is told from what is made anew.
    engine.local.from_df(first.assign(axis_1=77.0)).create("last")
    last = engine.local.table("last")
    marked = projected(previous=last)
    assert list(marked.columns) == list(PROJECTION_COLUMNS)
    assert set(marked["axis_1"]) == {77.0}
    assert marked.drop(columns="axis_1").equals(first.drop(columns="axis_1"))
    # In another order, or with another column, they are the same customers.
    assert set(
        projected(rows.sample(frac=1, random_state=0).assign(not_read=1.0), previous=last)["axis_1"]
    ) == {77.0}
    for change in (
        {"rows": rows.assign(monetary=rows["monetary"] + 1)},
        {"rows": rows[1:]},
        {"rows": rows.assign(cluster=0)},
        {"spectral": other},
        {"spectral": None},
        {"sample_rows": 120},
        {"exact_silhouette_rows": 11},
        {"smallest_cluster_share": 0.02},
        {"seed": 1},
        {"axes": projection_axes(rows, features=FEATURES, robust=[2])},
        {"previous": last.project("* exclude (silhouette)")},
        {"previous": last.union(last.project("* replace ('another' as fingerprint)"))},
        {"previous": None},
    ):
        anew = projected(**{"previous": last, **change})
        assert 77.0 not in set(anew["axis_1"]), change
        assert len(set(anew["fingerprint"])) == 1
