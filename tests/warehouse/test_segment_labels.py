"""The words of the segments, by language: the dbt tests of the seeds find what they are there for."""

from __future__ import annotations

import re

import duckdb
import pytest

from conftest import PROJECT

SEEDS = ("segment_playbook", "segment_labels", "segment_actions")


@pytest.fixture
def seeds() -> duckdb.DuckDBPyConnection:
    """Return a database with the seeds as they are delivered."""
    connection = duckdb.connect()
    for name in SEEDS:
        connection.execute(f"create table {name} as from '{PROJECT / 'seeds' / name}.csv'")
    return connection


def found_by(connection: duckdb.DuckDBPyConnection, test: str) -> list[tuple[str, str]]:
    """Run a singular test, and return the segments and languages that it names."""
    path = PROJECT / "tests" / "singular" / f"{test}.sql"
    sql = re.sub(r"{{ ref\('(\w+)'\) }}", r"\1", path.read_text(encoding="utf-8"))
    return sorted(row[:2] for row in connection.execute(sql).fetchall())


def unlabelled(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return found_by(connection, "every_segment_has_a_label_in_every_language")


def undecided(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return found_by(connection, "every_segment_has_an_action_for_every_day")


def test_the_delivered_labels_are_complete(seeds: duckdb.DuckDBPyConnection) -> None:
    assert unlabelled(seeds) == []
    labels, names = seeds.execute("select count(*), count(name) from segment_labels").fetchone()
    assert (
        labels == names == 2 * seeds.execute("select count(*) from segment_playbook").fetchone()[0]
    )


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ("delete from segment_labels where segment_code = 'big' and language = 'fr'", [("big", "fr")]),
        (
            "delete from segment_labels where segment_code in ('repeat', 'recent')",
            [("recent", "en"), ("recent", "fr"), ("repeat", "en"), ("repeat", "fr")],
        ),
        (
            "insert into segment_playbook (segment_code, rule_order) values ('quiet', 6)",
            [("quiet", "en"), ("quiet", "fr")],
        ),
        (
            # A third language that only one segment has.
            "insert into segment_labels by name select 'big' as segment_code, 'pt' as language, 'x' as name",
            [(code, "pt") for code in ("dissatisfied", "lapsed", "recent", "repeat")],
        ),
    ],
)  # fmt: skip
def test_a_segment_without_a_label_is_found(
    seeds: duckdb.DuckDBPyConnection, change: str, missing: list[tuple[str, str]]
) -> None:
    seeds.execute(change)
    assert unlabelled(seeds) == missing


def test_the_delivered_actions_are_complete(seeds: duckdb.DuckDBPyConnection) -> None:
    assert undecided(seeds) == []
    assert seeds.execute(
        "select count(*) from segment_actions where action is null or message is null or channel is null"
    ).fetchone() == (0,)


def test_how_was_your_order_reaches_nobody_who_ordered_long_ago(
    seeds: duckdb.DuckDBPyConnection,
) -> None:
    asked = seeds.execute(
        "select language, max(coalesce(maximum_recency_days, 9999)) from segment_actions"
        " where message ilike '%how was your order%' or message ilike '%votre commande vous plaît%'"
        " group by 1 order by 1"
    ).fetchall()
    assert asked == [("en", 60), ("fr", 60)]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ("delete from segment_actions where segment_code = 'lapsed' and language = 'fr'", ("lapsed", "fr")),
        # A gap, a day twice, a beginning and an end that are not there.
        (
            "update segment_actions set minimum_recency_days = 61"
            " where segment_code = 'recent' and language = 'en' and minimum_recency_days = 60",
            ("recent", "en"),
        ),
        (
            "update segment_actions set maximum_recency_days = 61"
            " where segment_code = 'recent' and language = 'en' and maximum_recency_days = 60",
            ("recent", "en"),
        ),
        (
            "update segment_actions set minimum_recency_days = 1"
            " where segment_code = 'lapsed' and language = 'en'",
            ("lapsed", "en"),
        ),
        (
            "update segment_actions set maximum_recency_days = 999"
            " where segment_code = 'lapsed' and language = 'en'",
            ("lapsed", "en"),
        ),
    ],
)  # fmt: skip
def test_a_day_without_one_action_is_found(
    seeds: duckdb.DuckDBPyConnection, change: str, wrong: tuple[str, str]
) -> None:
    seeds.execute(change)
    assert undecided(seeds) == [wrong]
