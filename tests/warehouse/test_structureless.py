"""Data without structure earn no word of praise in any table or heading that has such words."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import PROJECT, Run, query

pytestmark = [pytest.mark.build, pytest.mark.thorough]

PRAISE = re.compile(
    r"(?i)\bgroups?\b|more than a cut|\b(highly|well|clearly|strongly|really) |natural|proven|significant"
)
# What reads the features of the study, or the orders after a date.
REBUILT = (
    "study_candidates", "study_clusters", "model_comparison", "cluster_stability",
    "segment_outcomes", "segment_outcomes_pooled", "criteria_facts", "segmentation_criteria",
)  # fmt: skip


def without_structure(rows: pd.DataFrame, generator: np.random.Generator) -> pd.DataFrame:
    """Replace features: in use by a shop without segments, the others by themselves, each column permuted."""
    n = len(rows)
    shop = {
        "recency_days": generator.integers(0, 700, n).astype(float),
        "frequency": 1.0 + (generator.random(n) < 0.03),
        "monetary": np.exp(generator.normal(4.7, 0.8, n)).round(2),
    }
    found = rows.copy()
    for name, values in shop.items():
        found[name] = found[f"in_use_{name}"] = values
    for name in [name for name in rows.columns if name.startswith("other_")]:
        found[name] = generator.permutation(rows[name].to_numpy())
    return found


@pytest.fixture(scope="module")
def structureless(
    run: Run, sample_folder: Path, sample_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the database of the sample, judged anew on features and later orders without structure."""
    database = tmp_path_factory.mktemp("structureless") / "olist.duckdb"
    shutil.copy(sample_database, database)
    generator = np.random.default_rng(16)
    with duckdb.connect(str(database)) as connection:
        # The view of the customers becomes a table, so that those of the comparison can be replaced.
        view, compared = (
            "segmentation_work.measured_customers",
            "(select as_of_date from marts.periods where is_compared)",
        )
        connection.execute(f"create table segmentation_work.given as from {view}")
        connection.execute(f"drop view {view}")
        connection.execute("alter table segmentation_work.given rename to measured_customers")
        customers = connection.sql(
            f"from {view} where as_of_date in {compared} order by customer_unique_id"
        ).df()
        later = connection.sql(
            "select later.* exclude (place) replace (drawn.customer_unique_id as customer_unique_id,"
            " drawn.cluster as cluster,"
            " drawn.segment_code as segment_code) from (select *, row_number() over (partition by as_of_date,"
            " horizon_days order by customer_unique_id) as place from segmentation_work.later_orders) as later"
            " inner join (select *, row_number() over (partition by as_of_date"
            " order by md5(as_of_date || customer_unique_id)) as place from segmentation.customer_segments) as drawn"
            " using (as_of_date, place)"
        ).df()
        assert len(later) > 100
        assert not later.duplicated(["as_of_date", "horizon_days", "customer_unique_id"]).any()
        for name, frame, where in (
            (
                "measured_customers",
                without_structure(customers, generator),
                f"as_of_date in {compared}",
            ),
            ("later_orders", later, "true"),
        ):
            table = f"segmentation_work.{name}"
            connection.register("given", frame)
            connection.execute(f"delete from {table} where {where}")
            connection.execute(f"insert into {table} by name from given")
    done = run("dbt", "run", "--select", *REBUILT, raw_dir=sample_folder, database=database)
    assert done.returncode == 0, done.stdout
    return database


def test_every_cluster_is_a_slice_at_best(structureless: Path) -> None:
    rows = query(
        structureless,
        "select feature_set, algorithm, n_clusters, verdict, mean_jaccard, resamples, null_resamples, null_note"
        " from segmentation.cluster_stability",
    )
    assert not [row for row in rows if PRAISE.search(row[3])]
    judged = [row for row in rows if not row[3].startswith("not ")]
    assert {row[0] for row in judged} == {"in_use", "rfm_satisfaction"}
    # Found again as surely as one could wish, and that is all.
    assert max(row[4] for row in judged) > 0.99
    for *_, verdict, _, resamples, null_resamples, note in rows:
        assert verdict.startswith("not ") or min(resamples, null_resamples) >= 50
        assert (null_resamples == 0) == (note is not None)


def test_the_comparison_praises_nothing(structureless: Path) -> None:
    rows = query(
        structureless,
        "select reason, null_silhouette, null_note from segmentation.model_comparison",
    )
    assert not [row for row in rows if PRAISE.search(row[0])]
    assert all((null is None) == (note is not None) for _, null, note in rows)


def test_no_criterion_that_needs_structure_holds(structureless: Path) -> None:
    rows = query(
        structureless,
        "select criterion, verdict, reason, figure from segmentation.segmentation_criteria"
        " where criterion in ('stable', 'responsive')",
    )
    assert {row[0] for row in rows} == {"stable", "responsive"}
    assert "holds" not in {row[1] for row in rows}
    assert not [row for row in rows if PRAISE.search(row[2])]
    assert all(row[3] is not None for row in rows)


def test_the_board_of_the_study_praises_nothing(structureless: Path) -> None:
    board = yaml.safe_load((PROJECT / "charts" / "study.yml").read_text(encoding="utf-8"))
    with duckdb.connect(str(structureless), read_only=True) as connection:
        [found] = connection.execute(board["queries"]["findings"]["sql"]).df().to_dict("records")
    # A heading may call clusters groups, and deny that they are natural ones.
    for name in ("headline", "by_k_title", "separation_title", "silhouette_title"):
        said = re.sub(r"not natural groups|groups are most compact", "", found[name])
        assert not PRAISE.search(said), found[name]
    assert re.search(r"\b0 of \d+\b|^No segment is judged", found["stability_title"])
