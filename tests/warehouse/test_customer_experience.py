"""The questions of the Customer Experience team, the analyses, the data quality and the geography."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml

from benchmarks.history import truncate_raw_data
from conftest import PROJECT, Run, different_rows, query

pytestmark = pytest.mark.build

# The recipes have a test of their own.
ANALYSES = sorted(
    path.stem
    for path in (PROJECT / "analyses").glob("*.sql")
    if not path.stem.startswith("recipes_")
)
QUESTIONS = ["late_orders", "top_sellers", "engaged_new_sellers", "worst_rated_zip_codes"]
# Low enough for a small sample to have an answer to every question.
SMALL_LIMITS = {
    "top_sellers_revenue_above": 1000,
    "engaged_new_sellers_products_above": 2,
    "worst_rated_zip_codes_reviews_above": 3,
}
# Without the city: that is the place's name, over all the data.
ANSWER_COLUMNS = dict.fromkeys(QUESTIONS, "*") | {"worst_rated_zip_codes": "* exclude (city)"}


@pytest.fixture(scope="session")
def compiled_analyses(analyses_folder: Path) -> dict[str, str]:
    """Return the SQL of every analysis by its name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in analyses_folder.glob("*.sql")}


def limit_questions(database: Path, limits: Mapping[str, float | None]) -> None:
    """Change values of seed question_limits where it is built."""
    with duckdb.connect(str(database)) as connection:
        for code, value in limits.items():
            connection.execute(
                "update seeds.question_limits set limit_value = ? where limit_code = ?",
                [value, code],
            )


def answer(
    run: Run,
    database: Path,
    raw_dir: Path,
    as_of_date: str | None,
    limits: Mapping[str, float],
    select: list[str],
    *,
    seeds_of: Path,
) -> None:
    """Build models of a database anew as of a date (None: the latest) and with given limits.

    A database that is not there begins with the seeds of another one.
    """
    if not database.exists():
        copy_seeds(seeds_of, database)
    limit_questions(database, limits)
    done = run(
        "dbt",
        "build",
        *("--exclude-resource-type", "test", "unit_test", "seed"),
        "--select",
        *select,
        *(["--vars", json.dumps({"question_as_of_date": as_of_date})] if as_of_date else []),
        raw_dir=raw_dir,
        database=database,
    )
    assert done.returncode == 0, done.stdout


def copy_seeds(source: Path, target: Path) -> None:
    """Begin a database with the seeds of another one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(target)) as connection:
        connection.execute(f"attach '{source}' as source (read_only)")
        connection.execute("create schema seeds")
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'source' and schema_name = 'seeds'"
        ).fetchall()
        assert len(tables) > 5
        for (table,) in tables:
            connection.execute(f"create table seeds.{table} as from source.seeds.{table}")


def records(database: Path, sql: str) -> list[dict[str, object]]:
    """Return the rows of a query as dictionaries."""
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(sql)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


# --- analyses -------------------------------------------------------------------------------------


def test_every_analysis_is_described_and_has_dated_findings() -> None:
    described = yaml.safe_load((PROJECT / "analyses/_analyses.yml").read_text(encoding="utf-8"))
    assert sorted(analysis["name"] for analysis in described["analyses"]) == ANALYSES
    assert all(analysis["description"] for analysis in described["analyses"])
    for name in ANALYSES:
        text = (PROJECT / f"analyses/{name}.sql").read_text(encoding="utf-8")
        assert re.search(r"^-- Found \d{4}-\d\d-\d\d on the real data", text, re.MULTILINE), name
    # One for each question, with its other readings.
    assert {f"{question}_sensitivity" for question in QUESTIONS} <= set(ANALYSES)


def assert_runs(database: Path, sql: str) -> None:
    rows = records(database, sql)
    assert rows
    assert any(value is not None for value in rows[0].values())


@pytest.mark.parametrize("name", ANALYSES)
def test_analysis_runs(sample_database: Path, compiled_analyses: dict[str, str], name: str) -> None:
    assert_runs(sample_database, compiled_analyses[name])


@pytest.mark.real
@pytest.mark.parametrize("name", ANALYSES)
def test_analysis_runs_on_the_real_data(
    real_database: Path, compiled_analyses: dict[str, str], name: str
) -> None:
    assert_runs(real_database, compiled_analyses[name])


def test_an_analysis_can_be_shown(run: Run, sample_folder: Path, sample_database: Path) -> None:
    done = run(
        "dbt",
        "--quiet",
        "show",
        "--select",
        "late_orders_sensitivity",
        "--limit",
        "-1",
        raw_dir=sample_folder,
        database=sample_database,
        # Others read it at the same time.
        SEGMENTATION_ACCESS_MODE="read_only",
    )
    assert done.returncode == 0, done.stdout
    assert "published" in done.stdout


def sensitivity(database: Path, compiled: dict[str, str], question: str) -> dict[str, dict]:
    return {row["reading"]: row for row in records(database, compiled[f"{question}_sensitivity"])}


def assert_own_reading_is_the_published_table(database: Path, compiled: dict[str, str]) -> None:
    for question, count in {
        "late_orders": "late_orders",
        "top_sellers": "sellers",
        "engaged_new_sellers": "sellers",
    }.items():
        readings = sensitivity(database, compiled, question)
        published = readings["published"]
        assert published[count] == query(database, f"select count(*) from bi.{question}")[0][0]
        assert (published["added"], published["missed"]) == (0, 0)
        assert all(
            row[count] == published[count] + row["added"] - row["missed"]
            for row in readings.values()
        )
    worst = list(sensitivity(database, compiled, "worst_rated_zip_codes").values())
    assert worst[0]["reading"] == "published"
    assert worst[0]["worst"] == worst[1]["worst"]


def test_sensitivity_starts_from_the_published_answer(
    sample_database: Path, compiled_analyses: dict[str, str]
) -> None:
    assert_own_reading_is_the_published_table(sample_database, compiled_analyses)


# --- the four questions on the real data ----------------------------------------------------------


@pytest.mark.real
def test_questions_are_answered_as_of_the_latest_date(real_database: Path) -> None:
    assert query(real_database, "from bi.question_period") == [
        (date(2018, 10, 18), True, date(2018, 7, 18), date(2018, 7, 18), date(2017, 10, 18))
    ]


@pytest.mark.real
def test_late_orders_and_the_310_of_a_fixed_90_days(
    real_database: Path, compiled_analyses: dict[str, str]
) -> None:
    assert_own_reading_is_the_published_table(real_database, compiled_analyses)
    readings = sensitivity(real_database, compiled_analyses, "late_orders")
    found = {reading: row["late_orders"] for reading, row in readings.items()}
    assert found["published"] == 314
    assert found["placed in the 90 days before the date"] == 306
    assert found["received in the last 3 months, whenever placed"] == 436
    assert found["the promise holds until the end of its day"] == 252
    fixed_90_days = readings["placed in the 90 days before the day of the last purchase"]
    assert fixed_90_days["late_orders"] == 310
    # What the 310 miss are the late orders of the day on which three calendar months begin.
    assert (fixed_90_days["added"], fixed_90_days["missed"]) == (0, 4)
    assert query(
        real_database,
        "select count(*) from bi.late_orders where purchased_at::date = '2018-07-18'",
    ) == [(4,)]


@pytest.mark.real
def test_top_sellers(real_database: Path, compiled_analyses: dict[str, str]) -> None:
    assert query(
        real_database,
        "select (select count(*) from bi.top_sellers), seller_id, revenue from bi.top_sellers"
        " where revenue_rank = 1",
    ) == [(17, "4869f7a5dfa277a7dca6462dcf3b52b2", Decimal("226987.93"))]
    readings = sensitivity(real_database, compiled_analyses, "top_sellers")
    assert readings["wrong: payments joined to lines"]["sellers"] == 22
    assert readings["delivered by the final status"]["sellers"] == 17


@pytest.mark.real
def test_engaged_new_sellers(real_database: Path, compiled_analyses: dict[str, str]) -> None:
    assert query(
        real_database,
        "select seller_id, products_sold from bi.engaged_new_sellers order by products_sold desc",
    ) == [("d13e50eaa47b4cbe9eb81465865d8cfc", 69), ("81f89e42267213cb94da7ddc301651da", 52)]
    readings = sensitivity(real_database, compiled_analyses, "engaged_new_sellers")
    assert readings["wrong: sum of the line numbers"]["sellers"] == 3


@pytest.mark.real
def test_worst_rated_zip_codes(real_database: Path) -> None:
    assert query(
        real_database,
        "select zip_code_prefix from bi.worst_rated_zip_codes order by badness_rank",
    ) == [("22753",), ("22770",), ("22793",), ("13056",), ("13295",)]


# --- the answers as of an earlier date ------------------------------------------------------------


def assert_answers_do_not_know_the_future(
    run: Run,
    folder: Path,
    database: Path,
    as_of_date: str,
    limits: Mapping[str, float],
    work: Path,
) -> None:
    """Answer as of a date from all the data, and from what the raw files held at that date."""
    full = work / "full.duckdb"
    shutil.copy(database, full)
    answer(run, full, folder, as_of_date, limits, ["question_period+"], seeds_of=database)
    truncated = work / "truncated.duckdb"
    answer(
        run,
        truncated,
        truncate_raw_data(folder, as_of_date, work / "truncated"),
        as_of_date,
        limits,
        [f"+{question}" for question in QUESTIONS],
        seeds_of=database,
    )
    for question, columns in ANSWER_COLUMNS.items():
        select = f"select {columns} from bi.{question}"
        assert query(full, f"select count(*) from ({select})")[0][0] > 0, question
        assert query(full, f"select distinct as_of_date::text from bi.{question}") == [
            (as_of_date,)
        ]
        assert different_rows(full, truncated, select) == 0, question


@pytest.mark.thorough
def test_answers_do_not_know_the_future(
    run: Run, sample_folder: Path, sample_database: Path, tmp_path: Path
) -> None:
    assert_answers_do_not_know_the_future(
        run, sample_folder, sample_database, "2018-03-15", SMALL_LIMITS, tmp_path
    )


@pytest.mark.real
def test_answers_do_not_know_the_future_on_the_real_data(
    run: Run, real_folder: Path, real_database: Path, tmp_path: Path
) -> None:
    assert_answers_do_not_know_the_future(
        run, real_folder, real_database, "2018-04-01", {}, tmp_path
    )
    # Received 12 days late by then and cancelled in the end: nobody knew of that on the day.
    assert query(
        tmp_path / "full.duckdb",
        "select count(*) from bi.late_orders inner join marts.orders using (order_id)"
        " where order_status = 'canceled'",
    ) == [(1,)]


@pytest.mark.thorough
def test_limits_out_of_range_are_refused(
    run: Run, sample_folder: Path, sample_database: Path, tmp_path: Path
) -> None:
    bad = {
        "late_orders_months": 0,
        "late_orders_minimum_days_late": None,
        "top_sellers_revenue_above": -1,
        "engaged_new_sellers_months": 1.5,
        "engaged_new_sellers_products_above": -1,
        "worst_rated_zip_codes_months": 0,
        "worst_rated_zip_codes_reviews_above": float("nan"),
        "worst_rated_zip_codes_count": 0,
    }
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    limit_questions(database, bad)
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from seeds.policy_costs where cost_code = 'refit_seconds'")
        connection.execute("update seeds.policy_costs set cost_value = -1 where unit = 'builds'")
    done = run(
        "dbt",
        "test",
        "--select",
        "question_limits",
        "policy_costs",
        raw_dir=sample_folder,
        database=database,
    )
    assert done.returncode != 0
    for name in bad:
        assert re.search(f"question_limits.csv: {name} is .*; it must be a", done.stdout), name
    assert "policy_costs has no cost_code refit_seconds: add the row again." in done.stdout
    assert "builds_per_year is -1.0; it must be a number, 0 or more (builds)." in done.stdout


# --- data quality and geography -------------------------------------------------------------------


def rewrite(path: Path, change) -> None:
    """Change the rows of a CSV file, given and returned as a list of dictionaries."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(change(rows))


@pytest.mark.thorough
def test_data_quality_counts_what_is_wrong(
    run: Run, sample_folder: Path, sample_database: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "raw"
    shutil.copytree(sample_folder, folder)

    def spoil_customers(rows: list[dict]) -> list[dict]:
        rows[0]["customer_city"] = ""
        rows[1]["customer_state"] = "XX"
        return rows

    def spoil_items(rows: list[dict]) -> list[dict]:
        rows[0]["product_id"] = "no such product"
        rows[1]["seller_id"] = "no such seller"
        rows[2]["price"] = "0.00"
        rows[3]["shipping_limit_date"] = "2030-01-01 00:00:00"
        return rows

    def spoil_orders(rows: list[dict]) -> list[dict]:
        rows[0]["order_status"] = "teleported"
        row = next(row for row in rows if row["order_delivered_customer_date"])
        row["order_delivered_customer_date"] = row["order_purchase_timestamp"]
        return rows

    def spoil_geolocation(rows: list[dict]) -> list[dict]:
        row = next(row for row in rows if float(row["geolocation_lat"]) < 0)
        row["geolocation_lat"] = "48.85"
        return [*rows, row]

    rewrite(folder / "olist_customers_dataset.csv", spoil_customers)
    rewrite(folder / "olist_order_items_dataset.csv", spoil_items)
    rewrite(folder / "olist_orders_dataset.csv", spoil_orders)
    rewrite(folder / "olist_geolocation_dataset.csv", spoil_geolocation)
    # Two products with one key: one of them is refused.
    rewrite(folder / "olist_products_dataset.csv", lambda rows: [*rows, rows[0]])
    spoilt_database = tmp_path / "olist.duckdb"
    answer(run, spoilt_database, folder, None, {}, ["+data_quality"], seeds_of=sample_database)

    def found(database: Path) -> dict[tuple, tuple]:
        rows = query(
            database,
            "select raw_table, column_name, check_name, found_rows, is_as_expected"
            " from marts.data_quality",
        )
        return {row[:3]: row[3:] for row in rows}

    sound, spoilt = found(sample_database), found(spoilt_database)
    # How many more are found, and whether so many are still normal.
    for check, expected in {
        ("olist_customers_dataset", "customer_city", "nulls"): (1, False),
        ("olist_customers_dataset", "customer_state", "orphans"): (1, False),
        ("olist_order_items_dataset", "product_id", "orphans"): (1, False),
        ("olist_order_items_dataset", "seller_id", "orphans"): (1, False),
        ("olist_order_items_dataset", "price", "range"): (1, False),
        ("olist_order_items_dataset", "shipping_limit_at", "freshness"): (1, True),
        ("olist_orders_dataset", "order_status", "range"): (1, False),
        ("olist_orders_dataset", "delivered_at", "sequence"): (1, True),
        ("olist_geolocation_dataset", "latitude", "range"): (2, True),
        ("olist_geolocation_dataset", "(all columns)", "duplicates"): (1, True),
        ("olist_products_dataset", "(all columns)", "rejected"): (1, True),
        # The refused row is not among the accepted ones.
        ("olist_products_dataset", "product_id", "key"): (0, True),
    }.items():
        assert (spoilt[check][0] - sound[check][0], spoilt[check][1]) == expected, check


def test_the_sample_is_as_expected(sample_database: Path) -> None:
    assert query(sample_database, "from marts.data_quality where not is_as_expected") == []


@pytest.mark.real
def test_data_quality_of_the_real_data(real_database: Path) -> None:
    found = {
        tuple(row[:3]): row[3]
        for row in query(
            real_database,
            "select raw_table, column_name, check_name, found_rows from marts.data_quality",
        )
    }
    assert query(real_database, "from marts.data_quality where not is_as_expected") == []
    assert found["olist_geolocation_dataset", "(all columns)", "duplicates"] == 261_831
    assert found["olist_geolocation_dataset", "latitude", "range"] == 31
    assert found["olist_order_reviews_dataset", "review_id", "duplicates"] == 814
    assert found["olist_orders_dataset", "delivered_at", "nulls"] == 2_965
    assert found["olist_customers_dataset", "customer_zip_code_prefix", "orphans"] == 278
    assert found["olist_products_dataset", "product_category_name", "orphans"] == 13


def test_categories_agree_with_lines_orders_and_reviews(sample_database: Path) -> None:
    # One category at a time, without a join of the three.
    categories = query(
        sample_database,
        "select product_category, product_count, order_count, line_count, items_value, freight_value, review_count,"
        " average_review_score, delivered_order_count, late_order_count, late_order_share"
        " from marts.product_categories",
    )
    lines = "marts.order_items where product_category = ?"
    orders = f"(select order_id from {lines})"
    with duckdb.connect(str(sample_database), read_only=True) as connection:
        assert {row[0] for row in categories} == {
            name
            for (name,) in connection.execute(
                "select distinct product_category from marts.order_items"
            ).fetchall()
        }
        for category, *found in categories:
            sold = connection.execute(
                "select count(distinct product_id), count(distinct order_id), count(*), sum(price), sum(freight_value)"
                f" from {lines}",
                [category],
            ).fetchone()
            said = connection.execute(
                f"select count(*), avg(review_score) from marts.order_reviews where order_id in {orders}",
                [category],
            ).fetchone()
            came = connection.execute(
                "select count(delivered_at), count(*) filter (where days_late > 0),"
                f" avg((days_late > 0)::int) from marts.orders where order_id in {orders}",
                [category],
            ).fetchone()
            assert found == [pytest.approx(value) for value in (*sold, *said, *came)], category


@pytest.mark.real
def test_categories_of_the_real_data(real_database: Path) -> None:
    assert query(
        real_database, "select count(*), sum(items_value) from marts.product_categories"
    ) == [(74, Decimal("13591643.70"))]
    assert query(
        real_database,
        "select product_category from marts.product_categories order by items_value desc limit 3",
    ) == [("health_beauty",), ("watches_gifts",), ("bed_bath_table",)]
    score, late = query(
        real_database,
        "select average_review_score, late_order_share from marts.product_categories"
        " where product_category = 'toys'",
    )[0]
    assert (score, late) == (pytest.approx(4.188293188), pytest.approx(0.063880126))


def test_there_are_27_states_in_5_regions(sample_database: Path) -> None:
    assert query(
        sample_database,
        "select count(*), count(distinct region), count(distinct region_portuguese),"
        " count(distinct region_french) from seeds.states",
    ) == [(27, 5, 5, 5)]
    assert query(
        sample_database, "select region, count(*) from seeds.states group by region order by 2, 1"
    ) == [("South", 3), ("Central-West", 4), ("Southeast", 4), ("North", 7), ("Northeast", 9)]


@pytest.mark.real
def test_zip_codes_of_the_real_data(real_database: Path) -> None:
    assert query(
        real_database,
        "select count(*), count(*) filter (where point_count = 0), count(state_name),"
        " sum(point_count), sum(points_outside_brazil) from marts.zip_codes",
    ) == [(19_177, 162, 19_177, 1_000_163, 31)]
    # The sellers whose own state is not that of their zip code.
    assert query(
        real_database, "select count(*) from marts.sellers where seller_state != zip_code_state"
    ) == [(35,)]
    # Half of the points of São Paulo's cathedral square are within 100 m of this.
    latitude, longitude = query(
        real_database,
        "select latitude, longitude from marts.zip_codes where zip_code_prefix = '01001'",
    )[0]
    assert latitude == pytest.approx(-23.550, abs=0.005)
    assert longitude == pytest.approx(-46.634, abs=0.005)
