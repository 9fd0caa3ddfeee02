"""One row per person, checked against a second way to the same answer; and what any SQL tool reads about it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from conftest import PROJECT, query

pytestmark = pytest.mark.build

PUBLIC_LAYERS = ("marts", "segmentation", "maintenance", "bi")


def test_it_has_everybody_with_an_order_once(sample_database: Path) -> None:
    (people, rows, customers), *_ = query(
        sample_database,
        "select count(distinct customer_unique_id), count(*),"
        " (select count(*) from marts.customers where order_count > 0) from bi.customer_360",
    )
    assert people == rows == customers


def test_confidence_is_that_of_all_distances(sample_database: Path) -> None:
    """Recompute it with NumPy from the published centroids."""
    with duckdb.connect(str(sample_database), read_only=True) as connection:
        rows = connection.execute(
            "select features.recency_days, features.frequency, features.monetary, segments.cluster,"
            " people.confidence"
            " from bi.customer_360 as people"
            " inner join segmentation.customer_segments as segments using (as_of_date, customer_unique_id)"
            " inner join segmentation_work.segmentation_features as features using (as_of_date, customer_unique_id)"
        ).fetchnumpy()
        fit = connection.execute(
            "select cluster, feature_position, centroid_scaled, scaler_mean, scaler_scale"
            " from segmentation.model_centroids where model_id ="
            " (select any_value(model_id) from segmentation.customer_segments"
            "  where as_of_date = (select max(as_of_date) from bi.customer_360))"
            " order by cluster, feature_position"
        ).fetchnumpy()
    centroids = fit["centroid_scaled"].reshape(-1, 3)
    X = np.column_stack([rows[name] for name in ("recency_days", "frequency", "monetary")])
    X = (X - fit["scaler_mean"][:3]) / fit["scaler_scale"][:3]
    distances = np.linalg.norm(X[:, None, :] - centroids[None], axis=2)
    assert (distances.argmin(axis=1) == rows["cluster"]).all()
    nearest, second = np.sort(distances, axis=1)[:, :2].T
    np.testing.assert_allclose(rows["confidence"], 1 - nearest / second, atol=1e-12)


def test_the_segment_before_is_that_of_the_date_of_comparison(sample_database: Path) -> None:
    wrong = query(
        sample_database,
        """
        with dates as (
            select max(later.as_of_date) as as_of_date, max(earlier.as_of_date) as previous
            from marts.periods as later
            inner join segmentation.period_models as earlier
                on later.is_latest and earlier.as_of_date <= later.as_of_date - interval 3 month
                and earlier.model_id is not null
        )
        select count(*)
        from bi.customer_360 as people
        inner join dates on people.as_of_date = dates.as_of_date
        left join segmentation.customer_segments as before
            on before.as_of_date = dates.previous and before.customer_unique_id = people.customer_unique_id
        where people.previous_as_of_date is distinct from dates.previous
            or people.previous_segment_name is distinct from before.segment_name
            or people.segment_change != case
                when before.segment_name is null then 'new'
                when before.segment_name = people.segment_name then 'stayed'
                else 'moved' end
        """,
    )
    assert wrong == [(0,)]


def test_traits_do_not_multiply_money(sample_database: Path) -> None:
    """An order with two payments and three lines would count six times if both were joined."""
    wrong = query(
        sample_database,
        """
        with money as (
            select customer_unique_id, sum(freight_value) as freight, sum(items_value) as items
            from marts.orders group by 1
        )
        select count(*) from bi.customer_360 as people inner join money using (customer_unique_id)
        where abs(people.freight_share - money.freight / nullif(money.freight + money.items, 0)) > 1e-12
        """,
    )
    assert wrong == [(0,)]


def in_public_schemas() -> set[tuple[str, str]]:
    """Return what the folders of public models and of seeds hold: folder = layer = schema."""
    return {
        (layer, path.stem)
        for layer in PUBLIC_LAYERS
        for folder in (f"models/{layer}", f"models/adapters/olist/{layer}")
        for path in (PROJECT / folder).glob("*")
        if path.suffix in (".sql", ".py")
    } | {("seeds", path.stem) for path in (PROJECT / "seeds").glob("*.csv")}


def test_public_schemas_hold_public_tables_only_and_say_what_they_mean(
    sample_database: Path,
) -> None:
    comments = query(
        sample_database,
        """
        select schema_name, table_name, '', comment from duckdb_tables() where not internal
        union all
        select schema_name, view_name, '', comment from duckdb_views() where not internal
        union all
        select schema_name, table_name, column_name, comment from duckdb_columns() where not internal
        """,
    )
    public = in_public_schemas()
    open_to_all = {*PUBLIC_LAYERS, "seeds"}
    assert {row[:2] for row in comments if row[0] in open_to_all} == public
    run_history = ("maintenance_work", "run_history")
    spoken_of = [row for row in comments if row[0] in open_to_all or row[:2] == run_history]
    assert [row[:3] for row in spoken_of if not row[3]] == []
    # What is behind them says at least what a row is.
    work = [row for row in comments if row[0].endswith("_work")]
    assert len(work) > 20
    assert [row[:2] for row in work if not row[2] and not row[3]] == []
    said = {row[:3]: row[3] for row in comments}
    assert said["bi", "customer_360", ""].startswith("One row per person")
    assert "halfway between two segments" in said["bi", "customer_360", "confidence"]
