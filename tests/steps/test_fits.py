"""Fits over periods: the same numbers throughout, re-use by fingerprint, gates."""

from __future__ import annotations

import dataclasses
import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.stats import rankdata
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import StandardScaler

from customer_segmentation.cluster import Scaler
from customer_segmentation.steps.assignments import ASSIGNMENT_COLUMNS, assign, assign_batches
from customer_segmentation.steps.engines import engine_of
from customer_segmentation.steps.fits import (
    FIT_COLUMNS,
    Fit,
    FitSettings,
    fit_periods,
    fit_rows,
    gate_failures,
    match_to_reference,
    model_fingerprint,
    renumber,
    scaler_and_centroids,
    unusualness_order,
)
from customer_segmentation.steps.reuse import library_versions

SETTINGS = FitSettings(
    features=("recency_days", "frequency", "monetary"),
    n_clusters=4,
    n_init=3,
    max_iter=300,
    seed=42,
    exact_silhouette_rows=10_000,
    smallest_cluster_share=0.01,
    minimum_silhouette=0.2,
)
CENTRES = np.array(
    [[30.0, 1.0, 130.0], [300.0, 1.0, 140.0], [150.0, 1.0, 1200.0], [120.0, 2.2, 260.0]]
)


def customers(*, seed: int, rows: int = 1_000, shift: float = 0.0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    group = generator.choice(4, size=rows, p=[0.5, 0.4, 0.05, 0.05])
    spread = np.array([10.0, 0.02, 20.0])
    return CENTRES[group] + [shift, 0, 0] + generator.normal(size=(rows, 3)) * spread


def periods(matrices: list[np.ndarray]) -> tuple[pd.DataFrame, dict[pd.Timestamp, np.ndarray]]:
    dates = pd.date_range("2018-01-01", periods=len(matrices), freq="MS")
    inputs = pd.DataFrame(
        {"as_of_date": dates, "fit_fingerprint": [f"{len(m)}-{m.sum()}" for m in matrices]}
    )
    return inputs, dict(zip(dates, matrices, strict=True))


def centroids_by_date(fits: pd.DataFrame) -> dict[datetime.date, np.ndarray]:
    return {
        day: rows.pivot_table(
            index="cluster", columns="feature_position", values="centroid"
        ).to_numpy()
        for day, rows in fits.groupby("as_of_date")
    }


def test_a_fit_is_that_of_scikit_learn() -> None:
    X = customers(seed=0)
    fit = fit_rows(X, settings=SETTINGS)
    scaled = StandardScaler().fit_transform(X)
    reference = KMeans(4, n_init=3, random_state=42, tol=0.0).fit(scaled)
    assert fit.inertia == pytest.approx(reference.inertia_, rel=1e-9)
    assert sorted(fit.sizes) == sorted(np.bincount(reference.labels_))
    assert fit.silhouette == pytest.approx(silhouette_score(scaled, reference.labels_), abs=1e-6)
    assert fit.smallest_cluster_share == fit.sizes.min() / len(X)


def test_numbers_stay_with_their_clusters_when_rows_and_labels_are_permuted() -> None:
    generator = np.random.default_rng(3)
    inputs, matrices = periods([customers(seed=i, shift=10.0 * i) for i in range(5)])
    straight = centroids_by_date(fit_periods(inputs, matrices.get, settings=SETTINGS))
    shuffled = {day: generator.permutation(m) for day, m in matrices.items()}
    # Another seed gives raw labels in another order.
    other = dataclasses.replace(SETTINGS, seed=7)
    permuted = centroids_by_date(
        fit_periods(inputs.sample(frac=1, random_state=1), shuffled.get, settings=other)
    )
    for number, (day, centroids) in enumerate(straight.items()):
        np.testing.assert_allclose(permuted[day], centroids, rtol=1e-9)
        # Clusters move with the clock, and keep their numbers.
        nearest = np.argmin(
            np.abs(centroids[:, None, 2] - CENTRES[None, :, 2])
            + np.abs(centroids[:, None, 0] - CENTRES[None, :, 0] - 10.0 * number),
            axis=1,
        )
        assert nearest.tolist() == [
            int(i)
            for i in np.argmin(np.abs(straight[min(straight)][:, None] - CENTRES).sum(2), axis=1)
        ]


@pytest.mark.parametrize("seed", range(5))
def test_matching_undoes_any_permutation(seed: int) -> None:
    fit = fit_rows(customers(seed=1), settings=SETTINGS)
    permutation = np.random.default_rng(seed).permutation(4)
    matched = match_to_reference(fit, renumber(fit, permutation))
    assert matched[permutation].tolist() == [0, 1, 2, 3]


def test_the_first_model_goes_from_the_ordinary_to_the_unusual() -> None:
    fit = fit_rows(customers(seed=1), settings=SETTINGS)
    ordered = renumber(fit, unusualness_order(fit))
    distance = np.linalg.norm(ordered.centroids, axis=1)
    assert (np.diff(distance) > 0).all()
    assert ordered.sizes.sum() == fit.sizes.sum()
    # Ties go by the coordinates, so that the order is not one of chance.
    tied = dataclasses.replace(fit, centroids=np.array([[1.0, 0], [0, 1.0], [-1.0, 0], [0, 0]]))
    assert unusualness_order(tied).tolist() == [3, 2, 1, 0]


def test_fits_are_re_used_only_while_rows_settings_and_code_are_the_same() -> None:
    inputs, matrices = periods([customers(seed=i) for i in range(3)])
    first = fit_periods(inputs, matrices.get, settings=SETTINGS)
    asked = []

    def rows_of(day: pd.Timestamp) -> np.ndarray:
        asked.append(day)
        return matrices[day]

    again = fit_periods(inputs, rows_of, settings=SETTINGS, previous=first)
    assert asked == []
    pd.testing.assert_frame_equal(again, first)

    changed = inputs.assign(fit_fingerprint=[*inputs["fit_fingerprint"][:2], "another fingerprint"])
    fit_periods(changed, rows_of, settings=SETTINGS, previous=first)
    assert asked == [inputs["as_of_date"][2]]

    for change in ({"n_init": 4}, {"seed": 7}, {"max_iter": 299}, {"n_clusters": 3}):
        asked.clear()
        other = dataclasses.replace(SETTINGS, **change)
        fit_periods(inputs, rows_of, settings=other, previous=first)
        assert len(asked) == 3, change

    asked.clear()
    # A gate judges a fit, it does not change it.
    strict = dataclasses.replace(SETTINGS, minimum_silhouette=0.999)
    judged = fit_periods(inputs, rows_of, settings=strict, previous=first)
    assert asked == []
    assert not judged["is_accepted"].any()

    # A table of another version of the project is not an error.
    fit_periods(inputs, rows_of, settings=SETTINGS, previous=first.drop(columns="cluster_rows"))
    assert len(asked) == 3


def test_a_model_is_named_after_its_rows_and_not_after_the_words_of_an_engine() -> None:
    inputs, matrices = periods([customers(seed=i) for i in range(2)])
    matrices[inputs["as_of_date"][1]] = np.ones((9, 3))
    first = fit_periods(inputs, matrices.get, settings=SETTINGS)
    assert first["gate_failures"].str.startswith("Could not be fitted").sum() == 1
    elsewhere = inputs.assign(fit_fingerprint=["in other", "words"])
    # By columns, as a frame has it.
    by_columns = {day: np.asfortranarray(X) for day, X in matrices.items()}
    found = fit_periods(elsewhere, by_columns.get, settings=SETTINGS)
    own = ["model_id", "model_fingerprint"]
    pd.testing.assert_frame_equal(found[own], first[own])
    assert not set(found["fingerprint"]) & set(first["fingerprint"])
    again = fit_periods(elsewhere, by_columns.get, settings=SETTINGS, previous=found)
    pd.testing.assert_frame_equal(again, found)

    a_cent = matrices[inputs["as_of_date"][0]].copy()
    a_cent[0, 2] += 0.01
    changed = fit_periods(inputs[:1], lambda day: a_cent, settings=SETTINGS)
    assert not set(changed["model_id"]) & set(first["model_id"])
    assert first["model_id"].str.endswith(tuple(first["model_fingerprint"].str[:8])).all()


def test_the_fingerprint_changes_with_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    before = model_fingerprint("rows", SETTINGS)
    assert before == model_fingerprint("rows", SETTINGS)
    assert before != model_fingerprint("other rows", SETTINGS)
    other = library_versions() | {"scikit-learn": "0.0.0"}
    monkeypatch.setattr("customer_segmentation.steps.reuse.library_versions", lambda: other)
    assert before != model_fingerprint("rows", SETTINGS)


def test_gates_say_what_failed() -> None:
    fit = fit_rows(customers(seed=1), settings=SETTINGS)
    assert gate_failures(fit, settings=SETTINGS) == ""
    strict = dataclasses.replace(SETTINGS, smallest_cluster_share=0.3, minimum_silhouette=0.99)
    sentences = gate_failures(dataclasses.replace(fit, has_converged=False), settings=strict)
    assert "did not converge in 300 iterations" in sentences
    assert "less than smallest_cluster_share 30.00%" in sentences
    assert "less than minimum_silhouette 0.990" in sentences


def test_a_refused_fit_is_not_a_reference() -> None:
    # The middle period has one far outlier, which takes a cluster for itself.
    odd = np.vstack([customers(seed=1), [[100.0, 90.0, 90_000.0]]])
    inputs, matrices = periods([customers(seed=0), odd, customers(seed=2)])
    fits = fit_periods(inputs, matrices.get, settings=SETTINGS)
    models = fits.drop_duplicates("model_id").sort_values("as_of_date", ignore_index=True)
    assert models["is_accepted"].tolist() == [True, False, True]
    assert models["reference_model_id"][2] == models["model_id"][0]
    found = centroids_by_date(fits)
    first, last = (found[day] for day in models["as_of_date"][[0, 2]])
    np.testing.assert_allclose(first, last, rtol=0.2)


def test_a_date_that_cannot_be_fitted_says_why() -> None:
    same = np.tile([[1.0, 1.0, 1.0], [2.0, 1.0, 1.0]], (50, 1))
    inputs, matrices = periods([same, customers(seed=0)])
    fits = fit_periods(inputs, matrices.get, settings=SETTINGS)
    assert list(fits.columns) == list(FIT_COLUMNS)
    failed = fits[fits["cluster"].isna()]
    assert len(failed) == 1
    assert not failed["is_accepted"].iloc[0]
    assert failed["gate_failures"].iloc[0].startswith("Could not be fitted: n_clusters is 4")
    assert "2 distinct rows" in failed["gate_failures"].iloc[0]
    assert fits["is_accepted"].any()


def test_no_dates_give_an_empty_table_that_duckdb_can_type() -> None:
    import duckdb

    inputs = pd.DataFrame({"as_of_date": pd.to_datetime([]), "fit_fingerprint": []})
    fits = fit_periods(inputs, lambda day: None, settings=SETTINGS)
    relation = engine_of(duckdb.connect()).table(fits, FIT_COLUMNS)
    assert relation.columns == list(FIT_COLUMNS)
    assert [str(t) for t in relation.types[-7:]] == [
        "VARCHAR",
        "DOUBLE",
        "DOUBLE",
        "DOUBLE",
        "DOUBLE",
        "DOUBLE",
        "VARCHAR",
    ]
    assert relation.fetchall() == []


def test_assignments_name_the_model_of_the_row() -> None:
    inputs, matrices = periods([customers(seed=0), customers(seed=1, shift=500.0)])
    fits = fit_periods(inputs, matrices.get, settings=SETTINGS)
    models = fits.drop_duplicates("model_id").set_index("as_of_date")["model_id"]
    days = [pd.Timestamp(day) for day in models.index]
    X = np.vstack([matrices[day] for day in days])
    model_id = np.repeat(models.to_numpy(), [len(matrices[day]) for day in days])
    order = np.random.default_rng(0).permutation(len(X))
    table = pa.table(
        {
            "as_of_date": pa.array([datetime.date(2018, 1, 1)] * len(X)),
            "customer_unique_id": [f"customer {i}" for i in order],
            "model_id": model_id[order],
            **{name: X[order, i] for i, name in enumerate(SETTINGS.features)},
        }
    )
    batches = table.to_batches(max_chunksize=97)
    assigned = list(assign_batches(batches, models=fits, features=SETTINGS.features))
    assert {tuple(batch.schema.names) for batch in assigned} == {tuple(ASSIGNMENT_COLUMNS)}
    found = pa.Table.from_batches(assigned).to_pandas()
    assert found["customer_unique_id"].tolist() == table["customer_unique_id"].to_pylist()
    for day in days:
        rows = fits[fits["model_id"] == models[day.date()]]
        scaler, centroids = scaler_and_centroids(rows)
        expected = assign(matrices[day], scaler=scaler, centroids=centroids)
        chosen = model_id[order] == models[day.date()]
        here = np.argsort(order[chosen])
        for name, values in expected._asdict().items():
            np.testing.assert_array_equal(found[name][chosen].to_numpy()[here], values)


def test_customers_are_assigned_by_hand() -> None:
    # Own (0, 0), one (4, 0), another (0, 10), after scaling.
    scaler = Scaler(mean=np.array([100.0, 50.0]), scale=np.array([10.0, 5.0]))
    centroids = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 10.0]])
    at_its_centroid, halfway, beside, upwards = [100, 50], [120, 50], [100, 65], [100, 95]
    found = assign(
        np.array([at_its_centroid, halfway, beside, upwards], dtype=float),
        scaler=scaler,
        centroids=centroids,
    )
    assert found.cluster.tolist() == [0, 0, 0, 2]
    assert found.nearest_other_cluster.tolist() == [1, 1, 1, 0]
    assert found.distance_to_centroid.tolist() == [0, 2, 3, 1]
    assert found.distance_to_other_centroid.tolist() == [4, 2, 5, 9]
    assert found.confidence.tolist() == [1, 0, 1 - 3 / 5, 1 - 1 / 9]
    # Two centroids in one place: the lower number, and no confidence at all.
    twice = assign(np.array([[100.0, 50.0]]), scaler=scaler, centroids=centroids[[0, 0, 1]])
    assert (twice.cluster, twice.nearest_other_cluster, twice.confidence) == (0, 1, 0)


def test_centroids_of_transformed_features_are_told_in_their_own_unit() -> None:
    settings = dataclasses.replace(SETTINGS, transforms=(("monetary", "log1p"),))
    X = customers(seed=0)
    logged = X.copy()
    logged[:, 2] = np.log1p(X[:, 2])
    inputs, matrices = periods([logged])
    fits = fit_periods(inputs, matrices.get, settings=settings)
    money = fits[fits["feature"] == "monetary"].set_index("cluster")
    days = fits[fits["feature"] == "recency_days"]
    assert money["mean_customer"].unique() == pytest.approx([np.expm1(logged[:, 2].mean())])
    assert days["mean_customer"].unique() == pytest.approx([X[:, 0].mean()])
    scaler, centroids = scaler_and_centroids(fits)
    labels = assign(logged, scaler=scaler, centroids=centroids).cluster
    for cluster in range(4):
        mean = logged[labels == cluster, 2].mean()
        assert money["centroid"][cluster] == pytest.approx(np.expm1(mean))


def test_ranked_and_robust_features_are_told_in_their_own_unit_too() -> None:
    transforms = (("monetary", "robust"), ("recency_days", "quantile"))
    settings = dataclasses.replace(SETTINGS, transforms=transforms)
    X = customers(seed=0)
    ranked = X.copy()
    ranked[:, 0] = (rankdata(X[:, 0]) - 0.5) / len(X)
    inputs, matrices = periods([ranked])
    quantiles = {"recency_days": (np.sort(ranked[:, 0]), np.sort(X[:, 0]))}
    options = {"settings": settings, "quantiles_of": lambda date: quantiles}
    fits = fit_periods(inputs, matrices.get, **options)
    scaler, centroids = scaler_and_centroids(fits)
    low, median, high = np.quantile(X[:, 2], [0.25, 0.5, 0.75])
    assert (scaler.mean[2], scaler.scale[2]) == pytest.approx((median, high - low))
    days, money = (fits[fits["feature"] == name] for name in ("recency_days", "monetary"))
    # Names compare with the mean customer, whatever the scaler measures.
    assert money["mean_customer"].unique() == pytest.approx([X[:, 2].mean()])
    assert days["mean_customer"].unique() == pytest.approx([np.median(X[:, 0])])
    labels = assign(ranked, scaler=scaler, centroids=centroids).cluster
    for cluster in range(4):
        mine = labels == cluster
        assert money.set_index("cluster")["centroid"][cluster] == pytest.approx(X[mine, 2].mean())
        expected = np.quantile(X[:, 0], ranked[mine, 0].mean())
        assert days.set_index("cluster")["centroid"][cluster] == pytest.approx(expected, abs=0.5)
    # Re-used, the same; with another transform of the same rows, another model.
    again = fit_periods(inputs, lambda date: pytest.fail("fitted"), previous=fits, **options)
    pd.testing.assert_frame_equal(again, fits)
    fingerprints = {
        model_fingerprint("rows", dataclasses.replace(settings, transforms=some))
        for some in ((), transforms, transforms[:1], (("monetary", "quantile"),))
    }
    assert len(fingerprints) == 4


def test_assigning_nobody_gives_nothing() -> None:
    fit: Fit = fit_rows(customers(seed=1), settings=SETTINGS)
    found = assign(np.empty((0, 3)), scaler=fit.scaler, centroids=fit.centroids)
    assert [len(part) for part in found] == [0] * 5
