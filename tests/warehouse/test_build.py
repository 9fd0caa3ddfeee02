"""The whole way from raw files to a published database, as a user runs it."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from benchmarks.history import table_fingerprints
from conftest import WITHOUT_TESTS, WITHOUT_UNIT_TESTS, query
from customer_segmentation.commands import contract
from rendering import rendered

pytestmark = pytest.mark.build

# Tables and columns that others rely on.
PUBLIC_COLUMNS = {
    "marts.customers": "customer_unique_id customer_zip_code_prefix customer_city customer_state order_count"
    " first_order_at last_order_at total_spent",
    "bi.clients": "customer_unique_id customer_zip_code_prefix customer_city customer_state nbr_commande"
    " date_premiere_commande date_derniere_commande total_achat",
    "marts.periods": "as_of_date is_latest",
    "marts.rfm": "as_of_date customer_unique_id recency_days frequency monetary average_review_score",
    "marts.rfm_scores": "as_of_date customer_unique_id recency_score frequency_score monetary_score rfm_segment",
    "segmentation.customer_segments": "as_of_date customer_unique_id cluster segment_name"
    " distance_to_centroid model_id is_fallback",
    "segmentation.segment_profiles": "as_of_date customers customer_share revenue_share median_recency_days"
    " mean_recency_days median_frequency mean_frequency median_monetary mean_monetary",
}
# What most tests here look at; the rest of the project has tests of its own.
SPINE = ("--selector", "spine")


@pytest.mark.parametrize("table", PUBLIC_COLUMNS)
def test_public_tables_have_their_columns(sample_database: Path, table: str) -> None:
    schema, name = table.split(".")
    found = {
        column
        for (column,) in query(
            sample_database,
            "select column_name from information_schema.columns"
            f" where table_schema = '{schema}' and table_name = '{name}'",
        )
    }
    assert found.issuperset(PUBLIC_COLUMNS[table].split())


def test_synthetic_data_say_so(sample_database: Path) -> None:
    assert query(sample_database, "select distinct is_synthetic from staging.raw_loads") == [
        (True,)
    ]


def test_a_second_build_re_uses_the_fits_and_gives_the_same_tables(
    sample_folder: Path, sample_database: Path, publish, tmp_path: Path
) -> None:
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    # dbt's tests have passed on the same tables, as is seen below.
    again = publish(*WITHOUT_TESTS, raw_dir=sample_folder, database=database)
    dates = query(database, "select count(*) from segmentation_work.period_inputs")[0][0]
    assert dates > 10
    assert len(re.findall(r"K-means \d+/\d+: \S+ re-used", again.stdout)) == dates
    assert not re.search(r"K-means \d+/\d+: \S+ fitted", again.stdout)
    # Another thread's output may follow in the same line.
    studied = re.findall(r"Study of \w+: (re-used|new)", again.stdout)
    assert studied == ["re-used"] * 2
    finalists = query(
        database,
        "select count(*) from segmentation_work.study_candidates where is_finalist and n_clusters > 1",
    )[0][0]
    stability = re.findall(r"Stability of \S+: (re-used|\d+ resamples)", again.stdout)
    assert stability == ["re-used"] * finalists
    assert "SYNTHETIC" in again.stdout
    assert table_fingerprints(database) == table_fingerprints(sample_database)
    assert_costs_are_kept(database)


def assert_costs_are_kept(database: Path) -> None:
    """Look at what two builds of the same data have cost."""
    runs = query(
        database,
        "select run_id, nodes, run_seconds, model_seconds, row_count, byte_count, peak_memory_bytes,"
        " run_seconds_trend, yearly_cost from maintenance.run_totals order by started_at",
    )
    assert len(runs) == 2
    for run, least_nodes in zip(runs, (200, 100), strict=True):
        assert run[1] > least_nodes
        assert 0 < run[3] < 3 * run[2]
        assert run[4] > 10_000
        assert run[5] > 1_000_000
        assert 100e6 < run[6] < 4e9
        assert run[8] == pytest.approx(run[2] / 3600 * 1.0 * 12)
    assert runs[0][7] is None
    assert runs[1][7] == pytest.approx(runs[1][2] / runs[0][2])
    node = query(
        database,
        "select row_count, byte_count, seconds, seconds_before from maintenance.run_costs"
        " where node_name = 'rfm' and node_type = 'model' order by started_at",
    )
    rows = query(database, "select count(*) from marts.rfm")[0][0]
    assert [row[0] for row in node] == [rows, rows]
    assert node[1][3] == node[0][2]
    assert all(row[1] > 100_000 for row in node)
    assert query(
        database,
        "select count(*) from maintenance.run_costs where node_type = 'test' and row_count is not null",
    ) == [(0,)]


def test_a_fit_that_fails_its_gate_is_replaced_and_a_date_with_too_little_data_is_left_out(
    sample_folder: Path, sample_database: Path, publish, tmp_path: Path
) -> None:
    # Between the silhouettes of the models, so that some are accepted and some are not.
    first, lowest = query(
        sample_database,
        "select arg_min(silhouette, as_of_date), min(silhouette) from segmentation.model_registry"
        " inner join marts.periods using (as_of_date) where customer_count >= 2000",
    )[0]
    assert lowest < first
    gate = (first + lowest) / 2
    database = tmp_path / "olist.duckdb"
    publish(
        *SPINE,
        "--vars",
        f"{{minimum_silhouette: {gate}, minimum_customers: 2000, refresh_mode: every_period}}",
        raw_dir=sample_folder,
        database=database,
    )
    rows = query(
        database,
        "select as_of_date, model_id, fitted_as_of_date, is_fallback, note, silhouette, is_accepted"
        " from segmentation.period_models"
        " left join segmentation.model_registry using (as_of_date) order by as_of_date".replace(
            "model_id,", "period_models.model_id,"
        ),
    )
    fallbacks = [row for row in rows if row[3]]
    assert fallbacks
    accepted = {row[0] for row in rows if row[6]}
    for as_of_date, model_id, fitted_as_of_date, _, note, silhouette, is_accepted in fallbacks:
        assert not is_accepted
        assert silhouette < gate
        assert "less than minimum_silhouette" in note
        assert fitted_as_of_date == max(date for date in accepted if date < as_of_date)
        used = query(
            database,
            "select distinct model_id, is_fallback from segmentation.customer_segments"
            f" where as_of_date = '{as_of_date}'",
        )
        assert used == [(model_id, True)]
    left_out = query(
        database,
        "select as_of_date, customer_count, note from segmentation.period_models"
        " inner join marts.periods using (as_of_date) where model_id is null".replace(
            "note", "period_models.note"
        ),
    )
    assert left_out
    for as_of_date, customers, note in left_out:
        assert customers < 2000
        assert note == f"Not segmented: {customers} customers, at least 2000 are needed."
        assert not query(
            database,
            f"select 1 from segmentation.customer_segments where as_of_date = '{as_of_date}' limit 1",
        )


def test_too_few_customers_for_any_date_still_publish(run, publish, tmp_path: Path) -> None:
    from conftest import make_sample

    database = tmp_path / "olist.duckdb"
    folder = make_sample(run, tmp_path / "raw", 60)
    done = publish(raw_dir=folder, database=database, may_fail=True)
    assert done.returncode == 1
    assert f"Published {database.name}" in done.stdout
    assert (
        "no as-of date could be segmented. Not segmented: 60 customers, at least 500" in done.stderr
    )
    for table in ("customer_segments", "model_comparison", "segment_traits", "segment_separation"):
        assert query(database, f"select count(*) from segmentation.{table}") == [(0,)]
    assert (
        "nothing to compare, the baseline 2018-01-01 is not a segmented as-of date" in done.stdout
    )
    for table in (
        "period_stability",
        "period_stability_clusters",
        "centroid_movements",
        "feature_drift",
        "refresh_simulation",
        "refresh_policy",
    ):
        assert query(database, f"select count(*) from maintenance.{table}") == [(0,)], table
    decisions = query(database, "select distinct decision, model_id from maintenance.decisions")
    assert decisions == [("keep", None)]
    assert query(database, "select count(*) from marts.customers")[0][0] > 0
    assert query(
        database, "select bool_or(is_compared), bool_or(is_described) from marts.periods"
    ) == [(False, False)]
    # The contract has nothing to say, and says so.
    pages = contract.write(database, tmp_path / "contract")
    assert "was last asked as of –." in next(
        p for p in pages if p.name.endswith("en.md")
    ).read_text("utf-8")


@pytest.mark.parametrize("day", ["2018-08-15", "2030-01-01"])
def test_a_date_that_cannot_be_studied_is_refused(sample_database: Path, day: str) -> None:
    macro = rendered(
        "macros/as_of.sql", select="{{ described_as_of_date() }}", study_as_of_date=day
    )
    sentence = f"study_as_of_date is {day}, which is no segmentable date of marts.periods"
    with pytest.raises(duckdb.Error, match=sentence):
        query(sample_database, f"select {macro} from marts.periods")


def test_satisfaction_can_be_a_feature_and_deliveries_what_counts(
    sample_folder: Path, publish, tmp_path: Path
) -> None:
    database = tmp_path / "olist.duckdb"
    settings = (
        "{segmentation_features: [recency_days, frequency, monetary, average_review_score],"
        " n_clusters: 5, minimum_silhouette: 0.2, order_basis: delivered}"
    )
    publish(*SPINE, "--vars", settings, raw_dir=sample_folder, database=database)
    scores = dict(
        query(
            database,
            "select segment_name, mean_average_review_score from segmentation.segment_profiles"
            " where as_of_date = (select max(as_of_date) from segmentation.segment_profiles)",
        )
    )
    assert len(scores) == 5
    assert scores.pop("Dissatisfied buyers") < 3 < min(scores.values())
    # Who has no review is imputed and flagged, and has a segment all the same.
    imputed, unreviewed = query(
        database,
        "select count(*) filter (where is_imputed), count(*) filter (where review_count = 0)"
        " from segmentation_work.segmentation_features inner join marts.rfm"
        " using (as_of_date, customer_unique_id)",
    )[0]
    assert imputed == unreviewed > 0
    expected, found = query(
        database,
        "select (select count(*) from marts.orders where delivered_at < date '2018-06-01'),"
        " (select sum(frequency) from marts.rfm where as_of_date = date '2018-06-01')",
    )[0]
    assert expected == found > 0


@pytest.mark.thorough
def test_history_and_transforms_change_the_features(
    run, sample_folder: Path, sample_database: Path, tmp_path: Path
) -> None:
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    settings = (
        "{history_months: 6, minimum_silhouette: 0.1, engine: {smallest_cluster_share: 0.0},"
        " segmentation_features: [recency_days, frequency, monetary, average_review_score],"
        " feature_transforms: {recency_days: quantile, frequency: log1p, monetary: robust,"
        " average_review_score: quantile}}"
    )
    # Where the transformed clusters have no names of their own, the fit of the date is not accepted.
    done = run(
        "dbt",
        *("build", *WITHOUT_UNIT_TESTS, "--select", "+customer_segments", "+rfm_scores"),
        *("--vars", settings),
        *("--indirect-selection", "buildable"),
        raw_dir=sample_folder,
        database=database,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    # What was fitted with other settings is not taken for these.
    assert re.search(r"K-means \d+/\d+: \S+ fitted", done.stdout)
    assert not re.search(r"K-means \d+/\d+: \S+ re-used", done.stdout)
    assert "PASS sql_scoring_equals_the_python_assignment" in done.stdout
    assert "PASS rfm_reconciles_with_orders_at_every_date" in done.stdout
    assert query(
        database,
        "select max(abs(features.frequency - ln(1 + rfm.frequency))) < 1e-9,"
        " bool_and(features.monetary = rfm.monetary::double), max(rfm.recency_days) <= 184,"
        " max(abs(recency_days_in_own_unit - rfm.recency_days)) = 0"
        " from segmentation_work.segmentation_features as features inner join marts.rfm as rfm"
        " using (as_of_date, customer_unique_id)",
    ) == [(True, True, True, True)]
    with duckdb.connect(str(database), read_only=True) as connection:
        fitted = connection.execute(
            "select as_of_date, recency_days, recency_days_in_own_unit as days"
            " from segmentation_work.segmentation_features where is_in_fit"
        ).df()
        centroids = connection.execute(
            "select * from segmentation.model_centroids inner join segmentation.model_registry"
            " using (model_id)"
        ).df()
    ranks = fitted.groupby("as_of_date")["days"].rank(method="average")
    sizes = fitted.groupby("as_of_date")["days"].transform("size")
    assert (fitted["recency_days"] - (ranks - 0.5) / sizes).abs().max() < 1e-12
    # Centroids are told in days, orders, BRL and stars, beside the mean customer (of ranks: the median).
    units = centroids.groupby("feature")[["centroid", "mean_customer"]].agg(["min", "max"])
    for feature, least, most in (
        ("recency_days", 1, 184),
        ("frequency", 0.999, 17),
        ("monetary", 20, 10_000),
        ("average_review_score", 1, 5),
    ):
        assert least <= units.loc[feature].min() <= units.loc[feature].max() <= most, feature
    median_days = fitted.groupby("as_of_date")["days"].median()
    recency = centroids[centroids["feature"] == "recency_days"].set_index("as_of_date")
    assert (recency["mean_customer"] - median_days.reindex(recency.index)).abs().max() < 2
    mean_money = query(
        database,
        "select max(abs(mean_customer / average - 1)) from segmentation.model_centroids"
        " inner join segmentation.model_registry using (model_id) inner join (select as_of_date,"
        " avg(monetary) as average from segmentation_work.segmentation_features where is_in_fit group by 1)"
        " using (as_of_date) where feature = 'monetary' and has_converged",
    )
    assert mean_money[0][0] < 1e-9
    fewer, all_of_them = (
        query(path, "select count(*) from marts.rfm where as_of_date = '2018-10-18'")[0][0]
        for path in (database, sample_database)
    )
    assert fewer < all_of_them


def test_a_setting_out_of_range_is_refused(sample_folder: Path, publish, tmp_path: Path) -> None:
    settings = (
        "{order_basis: shipped, n_clusters: 1, first_as_of_date: 2017-04-15, max_rejected_share: 3,"
        " history_months: 0, feature_transforms: {monetary: sqrt, age: log1p}, segmentation_features: [age]}"
    )
    done = publish(
        "--vars", settings, raw_dir=sample_folder, database=tmp_path / "olist.duckdb", may_fail=True
    )
    assert done.returncode == 1
    for sentence in (
        "order_basis is 'shipped'; it must be placed or delivered",
        "n_clusters is 1; it must be a whole number from 2 to 100",
        "first_as_of_date is '2017-04-15'; it must be the first of a month",
        "max_rejected_share is 3; it must be a number from 0 to 1",
        "history_months is 0; it must be a whole number from 1 to 1200 (months); or null for the whole",
        "feature_transforms of monetary is 'sqrt'; it must be log1p, robust or quantile",
        "feature_transforms names age; it can name recency_days",
        "segmentation_features is [age]; it must be a list of different values, each recency_days",
    ):
        assert sentence in done.stderr


def test_the_file_works_under_another_name(sample_database: Path, tmp_path: Path) -> None:
    copy = tmp_path / "another name.duckdb"
    shutil.copy(sample_database, copy)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{copy}' as analysis (read_only)")
        for schema, view in connection.execute(
            "select schema_name, view_name from duckdb_views() where database_name = 'analysis' and not internal"
        ).fetchall():
            connection.execute(f"select * from analysis.{schema}.{view} limit 1").fetchall()


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.thorough
def test_a_full_disk_is_named_and_leaves_the_published_file(
    sample_folder: Path, sample_database: Path, prepared, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    # A disk of our own, seen by this process and its children only.
    script = (
        'mount -t tmpfs -o size="$DISK_BYTES" tmpfs "$DISK" && cp "$DATABASE" "$DISK/olist.duckdb" || exit 77\n'
        f'cd "$DISK"; "$PYTHON" -m customer_segmentation build --partial'
        f" {' '.join((*SPINE, *WITHOUT_TESTS))}\n"
        'status=$?; sha256sum "$DISK/olist.duckdb"; exit $status'
    )
    settings = {
        "DISK": str(small),
        "DISK_BYTES": str(sample_database.stat().st_size + 3_000_000),
        "DATABASE": str(sample_database),
        "PYTHON": sys.executable,
    }
    call = prepared("customer_segmentation", raw_dir=sample_folder, database=small / "olist.duckdb")
    try:
        done = subprocess.run(
            ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
            env={**call.environment, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("no unshare on this machine")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"this machine does not let us mount a small disk: {done.stderr}")
    assert done.returncode == 1, done.stdout[-4000:]
    assert "No space left on device" in done.stdout + done.stderr
    assert "MB are free on the disk of" in done.stderr
    assert "may be deleted" in done.stderr
    assert digest(sample_database) in done.stdout


def test_two_builds_of_one_database_do_not_meet(
    sample_folder: Path, publish, tmp_path: Path
) -> None:
    from customer_segmentation.publishing.database_file import build_lock

    database = tmp_path / "olist.duckdb"
    with build_lock(database):
        started = time.monotonic()
        done = publish(*SPINE, raw_dir=sample_folder, database=database, may_fail=True)
    assert done.returncode == 1
    assert "another build of" in done.stderr
    assert time.monotonic() - started < 30
    assert not database.exists()
