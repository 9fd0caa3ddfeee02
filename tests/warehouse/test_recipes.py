"""The recipes for analysts: each runs, gives rows, and agrees with a second way to its answer."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from conftest import PROJECT, query

pytestmark = pytest.mark.build

RECIPES = sorted((PROJECT / "analyses").glob("recipes_*.sql"))
LAYER = {
    path.stem: layer
    for layer in ("marts", "segmentation", "bi")
    for folder in (f"models/{layer}", f"models/adapters/olist/{layer}")
    for path in (PROJECT / folder).rglob("*.sql")
} | {path.stem: "seeds" for path in (PROJECT / "seeds").glob("*.csv")}


@pytest.fixture(scope="module")
def compiled(analyses_folder: Path) -> Path:
    """Return the folder of the recipes as dbt compiles them, which is what `dbt show` runs."""
    return analyses_folder


def test_there_are_twelve() -> None:
    assert len(RECIPES) == 12
    for path in RECIPES:
        assert path.read_text().startswith("-- "), f"{path.name} does not say what it answers"


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_runs(recipe: Path, compiled: Path, sample_database: Path) -> None:
    with duckdb.connect(str(sample_database), read_only=True) as connection:
        result = connection.execute((compiled / recipe.name).read_text())
        names = [column[0] for column in result.description]
        rows = result.fetchall()
    assert len(names) == len(set(names))
    assert rows
    tables = set(re.findall(r"ref\('(\w+)'\)", recipe.read_text()))
    assert tables <= LAYER.keys(), "recipes read public tables only"


def answer(compiled: Path, database: Path, name: str) -> list[tuple]:
    return query(database, (compiled / f"{name}.sql").read_text())


def test_the_shares_of_today_add_up(compiled: Path, sample_database: Path) -> None:
    rows = answer(compiled, sample_database, "recipes_01_segments_today")
    assert (
        sum(row[1] for row in rows)
        == query(sample_database, "select count(*) from bi.customer_360")[0][0]
    )
    assert sum(row[2] for row in rows) == pytest.approx(100, abs=0.3)
    assert sum(row[3] for row in rows) == pytest.approx(100, abs=0.3)


def test_those_who_moved_are_those_of_the_migrations(compiled: Path, sample_database: Path) -> None:
    moved = {row[1:3]: row[3] for row in answer(compiled, sample_database, "recipes_04_who_moved")}
    expected = query(
        sample_database,
        "select old.segment_name, new.segment_name, count(*)"
        " from segmentation.customer_segments as new"
        " inner join segmentation.customer_segments as old using (customer_unique_id)"
        " where new.as_of_date = (select max(as_of_date) from marts.periods)"
        " and old.as_of_date = (select max(as_of_date) from marts.periods"
        " where as_of_date <= (select max(as_of_date) from marts.periods) - interval 3 month)"
        " and old.segment_name != new.segment_name group by all",
    )
    assert moved == {row[:2]: row[2] for row in expected}


def test_the_boxes_hold_everybody(compiled: Path, sample_database: Path) -> None:
    rows = answer(compiled, sample_database, "recipes_10_rfm_boxes_in_segments")
    people = query(sample_database, "select count(*) from bi.customer_360")[0][0]
    assert sum(row[2] for row in rows) == people
