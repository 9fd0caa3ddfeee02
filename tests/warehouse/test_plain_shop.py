"""Somebody's own orders with dbt alone: a dbt model as their source, and a database that is somebody else's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest
import yaml

from conftest import BESIDE_OTHERS, PROJECT, WITHOUT_TESTS, query
from forks import Forks

pytestmark = [pytest.mark.build, pytest.mark.thorough]

SHOP = {
    "name": "corner",
    "orders": {"model": "till_rolls"},
    "customer_id": "card",
    "ordered_at": "sold_on",
    "amount": "pieces * price",
    "order_id": "roll",
    # One is called as a word of SQL, one as a column of the table that it goes into.
    "traits": {"branch": "branch", "state": "county", "group": "branch", "as_of_date": "county"},
    "reviews": {"score": "stars", "answered_at": "said_on"},
}
# 600 people, one of them twice; a guest; a refund; days before months, and texts for numbers.
TILL_ROLLS = """
select
    'r' || number as roll,
    case when number = 601 then null else number % 600 end as card,
    strftime(date '2021-01-01' + cast(number % 200 as int), '%d/%m/%Y') as sold_on,
    '2' as pieces,
    'branch ' || number % 3 as branch,
    case when number % 2 = 0 then 'Kent' else 'Surrey' end as county,
    1 + number % 5 as stars,
    date '2021-01-01' + cast(number % 200 as int) + interval 30 day as said_on,
    case when number = 602 then -1.25 else 1.25 end as price,
from range(603) as numbers (number)
"""


class Corner:
    """A copy of the project with a model of its own, which dbt is called on."""

    def __init__(self, folder: Path, forks: Forks) -> None:
        self.folder = folder
        self.forks = forks
        for name in ("models", "macros", "seeds", "analyses", "tests", "python"):
            (folder / name).symlink_to(PROJECT / name)
        shutil.copy(PROJECT / "profiles.yml", folder)
        project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text("utf-8"))
        project["model-paths"] = ["models", "own"]
        (folder / "dbt_project.yml").write_text(yaml.safe_dump(project, sort_keys=False), "utf-8")
        (folder / "own").mkdir()
        self.is_sold(TILL_ROLLS)

    def is_sold(self, sql: str) -> None:
        (self.folder / "own" / "till_rolls.sql").write_text(sql, "utf-8")

    def dbt(self, *command: str, database: Path, **vars_: object) -> subprocess.CompletedProcess:
        """Call dbt from the folder of the database, whose name is one for all, so that dbt parses once."""
        given = ["--vars", json.dumps(vars_)] if vars_ else []
        return self.forks.dbt(
            *command,
            *given,
            *("--project-dir", str(self.folder), "--profiles-dir", str(self.folder)),
            *("--target-path", str(self.folder / f"target_{'shop' if vars_ else 'plain'}")),
            cwd=database.parent,
            environment={
                **os.environ,
                **BESIDE_OTHERS,
                "SEGMENTATION_DATABASE": database.name,
                "DBT_USE_COLORS": "false",
            },
        )

    def build(self, database: Path, **changes: object) -> subprocess.CompletedProcess:
        vars_ = {"adapter": "orders", "shop": {**SHOP, **changes}}
        return self.dbt(
            *("build", "--select", "+customer_facts", "+rfm", "+customers", *WITHOUT_TESTS),
            database=database,
            **vars_,
        )


@pytest.fixture(scope="module")
def corner(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Corner:
    return Corner(tmp_path_factory.mktemp("corner"), forks)


def test_a_dbt_model_is_read_as_a_file_would_be(corner: Corner, tmp_path: Path) -> None:
    database = tmp_path / "corner.duckdb"
    done = corner.build(database)
    assert done.returncode == 0, done.stdout[-3000:]
    assert query(
        database,
        "select count(*), count(distinct customer_unique_id), sum(order_value)::varchar, min(purchased_at)::varchar,"
        " max(purchased_at)::varchar from input.input_orders",
    ) == [(601, 600, "1502.50", "2021-01-01 00:00:00", "2021-07-19 00:00:00")]
    assert query(
        database, "select customer_unique_id, refund_value::varchar from input.input_refunds"
    ) == [("2", "2.50")]
    assert not list(tmp_path.glob("*.parquet")), "the copy that was looked at stays"
    traits_and_reviews_are_known_as_of_their_time(database)
    # Neither Olist's files nor another shop's orders go into it.
    before = query(database, "select schema_name, table_name from duckdb_tables() order by all")
    done = corner.dbt("seed", "--select", "segment_ranks", database=database)
    assert done.returncode != 0
    assert "is made from the orders of corner, and this run reads those of Olist" in done.stdout
    assert (
        query(database, "select schema_name, table_name from duckdb_tables() order by all")
        == before
    )


def traits_and_reviews_are_known_as_of_their_time(database: Path) -> None:
    """Reviews answered on or after a date do not count as of it; a place and a branch are those of the latest order."""
    dates = query(database, "select distinct as_of_date from marts.customer_facts order by 1")
    assert dates
    for (day,) in dates:
        expected = query(
            database,
            f"""
            select count(*), sum(stars)::int from (
                select card, stars, said_on, strptime(sold_on, '%d/%m/%Y') as sold from main.till_rolls
                where card is not null and price > 0
            ) where sold < date '{day}' and said_on < date '{day}'
            """,
        )
        assert (
            query(
                database,
                "select sum(reviews)::int, (select round(sum(review_count * average_review_score))::int from marts.rfm"
                f" where as_of_date = date '{day}') from marts.customer_facts where as_of_date = date '{day}'",
            )
            == expected
        )
    # Number 600 is the second order of person 0.
    assert query(
        database,
        "select customer_state, other_traits, region from marts.customer_facts"
        " where customer_unique_id in ('0', '1') and as_of_date = (select max(as_of_date) from marts.periods)"
        " order by customer_unique_id",
    ) == [
        ("Kent", '{"branch":"branch 0","group":"branch 0","as_of_date":"Kent"}', None),
        ("Surrey", '{"branch":"branch 1","group":"branch 1","as_of_date":"Surrey"}', None),
    ]
    assert query(
        database,
        "select customer_state, count(*) from marts.customers group by 1 order by 1",
    ) == [("Kent", 300), ("Surrey", 300)]


def test_a_shop_does_not_go_into_a_database_of_olist(corner: Corner, tmp_path: Path) -> None:
    database = tmp_path / "corner.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema seeds; create table seeds.segment_playbook (x int)")
        connection.execute("create schema marts")
        connection.execute("create table marts.data_origin as select 'Olist' as data_name")
    done = corner.build(database)
    assert done.returncode != 0
    assert "is made from the orders of Olist, and this run reads those of corner" in done.stdout
    assert query(database, "select count(*) from duckdb_tables()") == [(2,)]


def test_a_model_that_cannot_be_used_is_refused_in_a_sentence(
    corner: Corner, tmp_path: Path
) -> None:
    corner.is_sold(TILL_ROLLS.replace("number % 200", "number % 12"))
    done = corner.build(tmp_path / "corner.duckdb")
    corner.is_sold(TILL_ROLLS)
    assert done.returncode != 0
    assert "The orders of var shop cannot be used; nothing was replaced." in done.stdout
    assert "times in sold_on of model till_rolls such as" in done.stdout
    assert "Traceback" not in done.stdout
