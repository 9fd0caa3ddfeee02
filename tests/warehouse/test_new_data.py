"""New, late, changed and corrupted raw files, as they come from month to month."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from test_build import SPINE, digest

from benchmarks.history import table_fingerprints, truncate_raw_data
from conftest import SMALL_STUDY, TWO_THREADS, WITHOUT_STUDY, WITHOUT_TESTS, Call, query

WORK = ("K-means", "Period stability", "Ageing of models")


# What is stated as of a date, per table.
STATED_AS_OF = {
    "marts.rfm": "*",
    "marts.rfm_scores": "*",
    "segmentation_work.segmentation_features": "*",
    "segmentation_work.kmeans_fits": "* exclude (fingerprint, repair_fingerprint, library_versions)",
    "segmentation.customer_segments": "*",
    "segmentation.segment_profiles": "*",
    "segmentation.period_models": "*",
    "marts.periods": "* exclude (is_latest, is_compared, is_described)",
    "segmentation_work.period_inputs": "*",
    "maintenance.decisions": "*",
    "maintenance.feature_drift": "*",
    "maintenance.period_stability": "*",
}
# Those tables, and what a later build re-uses.
KNOWN = (
    *("--select", "+config.meta.carried_over:true"),
    *(f"+{table.split('.')[1]}" for table in STATED_AS_OF),
)
KNOWN_WITHOUT_STUDY = (*KNOWN, "--exclude", "tag:study+")


def work_of(stdout: str, kind: str) -> dict[str, bool]:
    """Return, for each date that a kind of work reports, whether it was computed anew."""
    found = re.findall(rf"{kind}[^:]*: (\d{{4}}-\d\d-\d\d) ([\w-]+)", stdout)
    assert len(found) > 5, kind
    # Another thread's output may follow in the same line.
    return {day: not word.startswith(("re-used", "unchanged")) for day, word in found}


def edit(folder: Path, name: str, select: str) -> None:
    """Write a raw file anew as a query of itself."""
    path = folder / f"{name}.csv"
    with duckdb.connect() as connection:
        connection.execute(
            f"create table raw as from read_csv('{path}', all_varchar = true, header = true,"
            " delim = ',', quote = '\"', escape = '\"')"
        )
        connection.execute(f"copy ({select}) to '{path}' (header, delimiter ',')")


def assert_known_then(database: Path, full: Path, *, up_to: str) -> None:
    """Compare what is stated as of a date, before and after the later facts were known."""
    for table, columns in STATED_AS_OF.items():
        select = (
            f"select count(*), sum(hash(stated)) from (select {columns} from {table}"
            f" where as_of_date <= '{up_to}') as stated"
        )
        known = query(database, select)
        assert known[0][0] > 5, table
        assert query(full, select) == known, table


def assert_computed_anew(stdout: str, *, from_date: str) -> None:
    """Expect work on a date and the later ones, and none on those before."""
    for kind in WORK:
        for day, is_new in work_of(stdout, kind).items():
            assert is_new == (day >= from_date), (kind, day)


def assert_same_tables(database: Path, full: Path) -> None:
    """Compare what a build without the study made; what a study left for the next one is not of this build."""
    found, expected = table_fingerprints(database), table_fingerprints(full)
    made = {table for table in found if not table.startswith("segmentation_work.study_")}
    assert len(made) > 60
    assert {table for table in made if found[table] != expected[table]} == set()


def kill_a_build(prepared: Callable[..., Call], raw_dir: Path, database: Path) -> None:
    """Begin a build that re-uses nothing, and kill it with all its processes while it fits."""
    command = ("customer_segmentation", "build", "--verbose", "--partial", *SPINE, "--full-refresh")
    call = prepared(*command, raw_dir=raw_dir, database=database)
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=call.cwd,
        env=call.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    for line in process.stdout:
        if "K-means 3/" in line:
            break
    else:
        pytest.fail("the build ended before it could be killed")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.build
def test_later_months_a_killed_build_and_an_order_that_arrives_late_end_in_the_tables_of_one_build(
    publish, prepared, sample_folder: Path, sample_database: Path, tmp_path: Path
) -> None:
    """New data change the dates that they touch, and nothing else; threads and a killed build change nothing."""
    raw = tmp_path / "raw"
    shutil.copytree(sample_folder, raw)
    late = query(
        sample_database,
        "select order_id, order_customer_id from marts.orders"
        " where purchased_at between '2018-03-05' and '2018-03-25' and payment_count > 0"
        " order by order_id limit 1",
    )[0]
    for name in ("orders", "order_items", "order_payments", "order_reviews"):
        edit(raw, f"olist_{name}_dataset", f"from raw where order_id != '{late[0]}'")
    edit(raw, "olist_customers_dataset", f"from raw where customer_id != '{late[1]}'")
    database = tmp_path / "olist.duckdb"
    truncated = truncate_raw_data(raw, "2018-08-01", tmp_path / "truncated")
    one_thread = {"SEGMENTATION_THREADS": "1"}
    # The last build compares models with the usual settings, whatever these two have compared.
    small = ("--vars", json.dumps({"study": SMALL_STUDY}))
    publish(*KNOWN, *WITHOUT_TESTS, *small, raw_dir=truncated, database=database, **one_thread)
    assert query(database, "select max(as_of_date)::text from marts.periods") == [("2018-08-01",)]
    assert_known_then(database, sample_database, up_to="2018-03-01")

    done = publish(*KNOWN, *WITHOUT_TESTS, *small, raw_dir=raw, database=database, **TWO_THREADS)
    assert_computed_anew(done.stdout, from_date="2018-08-02")
    # The comparison of models, made with the settings that the user finds, stands.
    studied = re.findall(
        r"(?:Study|Stability) of [\w+-]+: (re-used|new|\d+ resamples)", done.stdout
    )
    assert len(studied) == 8
    assert set(studied) == {"re-used"}

    before = digest(database)
    kill_a_build(prepared, sample_folder, database)
    side = tmp_path / ".olist.building" / "olist.duckdb"
    assert side.exists()
    assert digest(database) == before
    assert query(database, "select max(as_of_date)::text from marts.periods") == [("2018-10-18",)]

    done = publish(*WITHOUT_TESTS, raw_dir=sample_folder, database=database, **one_thread)
    assert not side.exists()
    assert_computed_anew(done.stdout, from_date="2018-04-01")
    assert table_fingerprints(database) == table_fingerprints(sample_database)


@pytest.mark.build
@pytest.mark.real
def test_the_last_month_of_the_real_data_is_appended_to_what_one_thread_has_built(
    publish, real_folder: Path, real_database: Path, tmp_path: Path
) -> None:
    database = tmp_path / "olist.duckdb"
    truncated = truncate_raw_data(real_folder, "2018-09-01", tmp_path / "truncated")
    one_thread = {"SEGMENTATION_THREADS": "1", "OMP_NUM_THREADS": "1"}
    publish(
        *KNOWN_WITHOUT_STUDY, *WITHOUT_TESTS,
        raw_dir=truncated, database=database, **one_thread,
    )  # fmt: skip
    assert query(database, "select max(as_of_date)::text from marts.periods") == [("2018-09-01",)]
    assert_known_then(database, real_database, up_to="2018-09-01")
    done = publish(
        *WITHOUT_STUDY, *WITHOUT_TESTS, raw_dir=real_folder, database=database, **TWO_THREADS
    )
    assert_computed_anew(done.stdout, from_date="2018-09-02")
    assert_same_tables(database, real_database)


@pytest.mark.build
def test_a_schema_change_says_which_columns_are_new_and_gone(
    publish, sample_folder: Path, sample_database: Path, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(sample_folder, raw)
    edit(raw, "olist_sellers_dataset", "select *, 'x' as seller_rank from raw")
    database = tmp_path / "olist.duckdb"
    grown = publish("--select", "stg_sellers", raw_dir=raw, database=database, may_fail=True)
    assert (
        "olist_sellers_dataset.csv has a new column seller_rank, which is not read" in grown.stdout
    )
    edit(
        raw,
        "olist_order_payments_dataset",
        "select * rename (payment_value as amount) from raw",
    )
    shutil.copy(sample_database, database)
    before = digest(database)
    done = publish(*WITHOUT_STUDY, raw_dir=raw, database=database, may_fail=True)
    assert done.returncode == 1
    assert "no column payment_value; new column amount; its header has order_id" in done.stderr
    assert digest(database) == before


@pytest.mark.build
def test_a_corrupted_month_is_named_and_changes_nothing_that_is_published(
    publish, sample_folder: Path, sample_database: Path, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(sample_folder, raw)
    # Centavos instead of reais, in the orders of one month.
    shutil.copy(raw / "olist_orders_dataset.csv", tmp_path / "orders.csv")
    edit(
        raw,
        "olist_order_payments_dataset",
        "select * replace (case when order_id in (select order_id from"
        f" read_csv('{tmp_path / 'orders.csv'}', all_varchar = true)"
        " where order_purchase_timestamp between '2018-07-01' and '2018-08-01')"
        " then (payment_value::decimal(14, 2) * 100)::varchar else payment_value end as payment_value)"
        " from raw",
    )
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    before = digest(database)
    selection = ("--select", "+decision_reasons", "--indirect-selection", "buildable")
    done = publish(*selection, raw_dir=raw, database=database, may_fail=True)
    assert done.returncode == 1
    assert "The data of the month before 2018-08-01 look corrupted" in done.stdout
    assert re.search(
        "the larger divided by the smaller: [0-9.]+, at or above the limit of 3[.]", done.stdout
    )
    assert digest(database) == before
