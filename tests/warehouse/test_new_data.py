"""New, late, changed and corrupted raw files, as they come from month to month."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import duckdb
import pytest
from test_build import digest

from benchmarks.history import table_fingerprints, truncate_raw_data
from conftest import WITHOUT_STUDY, WITHOUT_TESTS, query

WORK = ("K-means", "Period stability", "Ageing of models")


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


def append_last_month(
    publish, folder: Path, full: Path, work: Path, *, date: str, selection: tuple[str, ...]
) -> str:
    database = work / "olist.duckdb"
    truncated = truncate_raw_data(folder, date, work / "truncated")
    publish(*selection, *WITHOUT_TESTS, raw_dir=truncated, database=database)
    assert query(database, "select max(as_of_date)::text from marts.periods") <= [(date,)]
    done = publish(*selection, *WITHOUT_TESTS, raw_dir=folder, database=database)
    found, expected = table_fingerprints(database), table_fingerprints(full)
    assert len(found) > 60
    assert found == {table: expected[table] for table in found}
    return done.stdout


@pytest.mark.build
def test_appending_the_last_months_gives_the_tables_of_a_full_build(
    publish, sample_folder: Path, plain_database: Path, tmp_path: Path
) -> None:
    stdout = append_last_month(
        publish, sample_folder, plain_database, tmp_path, date="2018-08-01", selection=WITHOUT_STUDY
    )
    for kind in WORK:
        for day, is_new in work_of(stdout, kind).items():
            assert is_new == (day > "2018-08-01"), (kind, day)


@pytest.mark.build
@pytest.mark.real
def test_appending_the_last_month_of_the_real_data_computes_less_than_half_anew(
    publish, real_folder: Path, real_database: Path, tmp_path: Path
) -> None:
    stdout = append_last_month(
        publish, real_folder, real_database, tmp_path, date="2018-09-01", selection=()
    )
    for kind in WORK:
        work = work_of(stdout, kind)
        assert 0 < sum(work.values()) < len(work) / 2, kind
    # The comparison of models, made with the settings that the user finds, stands.
    studied = re.findall(r"(?:Study|Stability) of [\w+-]+: (re-used|new|\d+ resamples)", stdout)
    assert len(studied) > 10
    assert set(studied) == {"re-used"}


@pytest.mark.build
def test_an_order_that_arrives_late_triggers_the_periods_that_it_touches(
    publish, sample_folder: Path, plain_database: Path, tmp_path: Path
) -> None:
    raw = tmp_path / "raw"
    shutil.copytree(sample_folder, raw)
    late = query(
        plain_database,
        "select order_id, order_customer_id from marts.orders"
        " where purchased_at between '2018-03-05' and '2018-03-25' and payment_count > 0"
        " order by order_id limit 1",
    )[0]
    without = {
        "olist_orders_dataset": "order_id",
        "olist_order_items_dataset": "order_id",
        "olist_order_payments_dataset": "order_id",
        "olist_order_reviews_dataset": "order_id",
    }
    for name, column in without.items():
        edit(raw, name, f"from raw where {column} != '{late[0]}'")
    edit(raw, "olist_customers_dataset", f"from raw where customer_id != '{late[1]}'")
    database = tmp_path / "olist.duckdb"
    publish(*WITHOUT_STUDY, *WITHOUT_TESTS, raw_dir=raw, database=database)
    done = publish(*WITHOUT_STUDY, *WITHOUT_TESTS, raw_dir=sample_folder, database=database)
    assert table_fingerprints(database) == table_fingerprints(plain_database)
    for kind in WORK:
        for day, is_new in work_of(done.stdout, kind).items():
            assert is_new == (day >= "2018-04-01"), (kind, day)


@pytest.mark.build
def test_a_schema_change_says_which_columns_are_new_and_gone(
    publish, sample_folder: Path, plain_database: Path, tmp_path: Path
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
    shutil.copy(plain_database, database)
    before = digest(database)
    done = publish(*WITHOUT_STUDY, raw_dir=raw, database=database, may_fail=True)
    assert done.returncode == 1
    assert "no column payment_value; new column amount; its header has order_id" in done.stderr
    assert digest(database) == before


@pytest.mark.build
def test_a_corrupted_month_is_named_and_changes_nothing_that_is_published(
    publish, sample_folder: Path, plain_database: Path, tmp_path: Path
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
    shutil.copy(plain_database, database)
    before = digest(database)
    done = publish(*WITHOUT_STUDY, raw_dir=raw, database=database, may_fail=True)
    assert done.returncode == 1
    assert "The data of the month before 2018-08-01 look corrupted" in done.stdout
    assert "at or above order_value_ratio 3" in done.stdout
    assert digest(database) == before
