"""The words of the segments, by language: the dbt tests of the seeds find what they are there for."""

from __future__ import annotations

import re

import duckdb
import pytest

from conftest import PROJECT

SEEDS = ("segment_playbook", "segment_labels")


@pytest.fixture
def seeds() -> duckdb.DuckDBPyConnection:
    """Return a database with the seeds as they are delivered."""
    connection = duckdb.connect()
    for name in SEEDS:
        connection.execute(f"create table {name} as from '{PROJECT / 'seeds' / name}.csv'")
    return connection


def unlabelled(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Run the singular test."""
    path = PROJECT / "tests" / "singular" / "every_segment_has_a_label_in_every_language.sql"
    sql = re.sub(r"{{ ref\('(\w+)'\) }}", r"\1", path.read_text(encoding="utf-8"))
    return sorted(connection.execute(sql).fetchall())


def test_the_delivered_labels_are_complete(seeds: duckdb.DuckDBPyConnection) -> None:
    assert unlabelled(seeds) == []
    labels, texts = seeds.execute(
        "select count(*), count(name) + count(action) + count(message) + count(channel) from segment_labels"
    ).fetchone()
    assert labels == 2 * seeds.execute("select count(*) from segment_playbook").fetchone()[0]
    assert texts == 4 * labels


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
