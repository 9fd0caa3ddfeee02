"""What dbt does in words of ours: contracts, comments, tests and unit tests, in a project of a few models."""

from __future__ import annotations

import contextlib
import json
import subprocess
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from conftest import PROJECT
from forks import DBT, Forks
from rendering import rendered

FILES = {
    "dbt_project.yml": """
name: toy
profile: toy
flags: {send_anonymous_usage_stats: false}
vars: {adapter: olist}
models:
  +persist_docs: {relation: true, columns: true}
""",
    "profiles.yml": """
toy:
  target: dev
  outputs: {dev: {type: duckdb, path: toy.duckdb, schema: main}}
""",
    "models/fruit.sql": "select 1 as number, cast(1.5 as decimal(14, 2)) as price, 'it''s' as name",
    "models/basket.sql": (
        "select name, sum(price) as price, max(bought_on) as last_day, list(number) as numbers"
        " from {{ ref('fruits') }} group by name"
    ),
    "models/fruits.sql": (
        "select number, price, name, date '2018-01-01' as bought_on from {{ ref('fruit') }}"
    ),
    "models/all.yml": """
models:
  - name: fruit
    description: One row per fruit.
    config: {materialized: table, contract: {enforced: true}}
    columns:
      - {name: number, data_type: int, description: "Its number."}
      - {name: name, data_type: text, description: "What's in a name."}
      - {name: price, data_type: "decimal(14, 2)", description: "In BRL."}
  - name: fruits
    description: One row per fruit, again.
    columns:
      - {name: number, description: The same number.}
      - {name: gone, description: Not there.}
unit_tests:
  - name: baskets_add_up
    model: basket
    given:
      - input: ref('fruits')
        rows:
          - {name: "it's", price: 1.25, Number: 3}
          - {price: 0.5, name: "it's", bought_on: 2018-01-02}
          - {number: 1}
          - {name: null, price: 2}
    expect:
      rows:
        - {name: "it's", price: 1.75, last_day: "2018-01-02"}
        - {name: null, price: 2, last_day: null}
""",
    "tests/speaks.sql": (
        "select 'Fruit ' || name || ' is {{ var(\"bad\", \"good\") }}.' as sentence from {{ ref('fruit') }}"
        " where '{{ var(\"bad\", \"good\") }}' = 'bad'"
    ),
    "tests/shows.sql": (
        "{{ config(severity=var('shown_as', 'error')) }}"
        " select name from {{ ref('fruit') }} where '{{ var(\"bad\", \"good\") }}' = 'bad'"
    ),
}
Dbt = Callable[..., subprocess.CompletedProcess]
pytestmark = [pytest.mark.build, pytest.mark.thorough]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "macros").mkdir()
    for name in ("dbt_own.sql", "raw_files.sql"):
        (folder / "macros" / name).write_text((PROJECT / "macros" / name).read_text())
    return folder


@pytest.fixture(scope="module")
def dbt(project: Path, forks: Forks) -> Dbt:
    settings = {"DBT_PROFILES_DIR": str(project), "DBT_USE_COLORS": "false"}

    def run_dbt(*options: str) -> subprocess.CompletedProcess:
        return forks.run(str(DBT), "build", *options, cwd=project, environment=settings)

    return run_dbt


@contextlib.contextmanager
def changed(project: Path, name: str, before: str, after: str) -> Iterator[None]:
    """Say something else in a file of the project, for a while."""
    assert before in FILES[name]
    (project / name).write_text(FILES[name].replace(before, after))
    try:
        yield
    finally:
        (project / name).write_text(FILES[name])


def test_what_is_sound_passes_and_is_described(project: Path, dbt: Dbt) -> None:
    done = dbt()
    assert done.returncode == 0, done.stdout
    results = json.loads((project / "target" / "run_results.json").read_text())["results"]
    states = {one["unique_id"].split(".")[2]: (one["status"], one["failures"]) for one in results}
    assert states["speaks"] == states["shows"] == ("pass", 0)
    with duckdb.connect(str(project / "toy.duckdb"), read_only=True) as connection:
        comments = connection.sql(
            "select table_name || '.' || column_name, comment from duckdb_columns() where comment is not null"
        ).fetchall()
        assert dict(comments) == {
            "fruit.number": "Its number.",
            "fruit.name": "What's in a name.",
            "fruit.price": "In BRL.",
            "fruits.number": "The same number.",
        }
        (one,) = connection.sql(
            "select comment from duckdb_tables() where table_name = 'fruit'"
        ).fetchone()
        assert one == "One row per fruit."
    # One that is described and not there is named.
    assert "not present in the database: gone" in done.stdout


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("1 as number", "cast(1 as bigint) as number", ["number", "data type mismatch"]),
        ("decimal(14, 2)", "decimal(14, 3)", ["price", "DECIMAL(14,3)"]),
        ("as name", "as names", ["names", "missing in contract"]),
        (", 'it''s' as name", "", ["name", "missing in definition"]),
        ("as name", "as name, 1 as more", ["more", "missing in contract"]),
    ],
)
def test_a_query_that_breaks_its_contract_is_refused(
    project: Path, dbt: Dbt, before: str, after: str, said: list[str]
) -> None:
    with changed(project, "models/fruit.sql", before, after):
        done = dbt("--select", "fruit")
    assert done.returncode == 1
    assert "This model has an enforced contract that failed." in done.stdout
    for text in said:
        assert text in done.stdout


def test_a_test_that_fails_says_what_it_found(dbt: Dbt) -> None:
    done = dbt("--select", "fruit", "--vars", "{bad: bad, shown_as: warn}")
    assert done.returncode == 1
    assert "Fruit it's is bad." in done.stdout
    # A warning is a line, and no error.
    assert "Warning of shows: 1 row that should not be there" in done.stdout
    assert "PASS=1 WARN=1 ERROR=1" in done.stdout
    done = dbt("--select", "fruit", "--vars", "{bad: bad, shown_as: error}")
    assert """such as {"name":"it's"}""" in done.stdout
    assert "PASS=1 WARN=0 ERROR=2" in done.stdout
    # Rows that are kept are counted as dbt counts them.
    done = dbt("--select", "fruit", "--vars", "{bad: bad}", "--store-failures")
    assert "Got 1 result" in done.stdout


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("price: 1.75", "price: 1.5", "actual differs from expected"),
        ("Number: 3", "weight: 3", "Invalid column name: 'weight' in unit test fixture for 'fruits'"),
        ("last_day: null", "weight: 3", "Invalid column name: 'weight' in unit test fixture for expected"),
        ("price: 0.5", "price: half", "half"),
    ],
)  # fmt: skip
def test_a_unit_test_that_is_wrong_fails(
    project: Path, dbt: Dbt, before: str, after: str, said: str
) -> None:
    with changed(project, "models/all.yml", before, after):
        done = dbt("--select", "basket")
    assert done.returncode == 1
    assert said in done.stdout


def test_a_seed_is_read_from_a_folder_of_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "l'équipe [1] *?"
    folder.mkdir()
    (folder / "fruit.csv").write_text("name\npear\n")
    asked: list[str] = []
    adapter = types.SimpleNamespace(
        get_seed_file_path=lambda model: str(folder / "fruit.csv"),
        add_query=lambda sql, **_: asked.append(sql),
    )
    known = {
        "adapter": adapter,
        "this": types.SimpleNamespace(render=lambda: "fruit"),
        "config": types.SimpleNamespace(get=lambda key, default: default),
        "sql_text": lambda text: "'" + text.replace("'", "''") + "'",
    }
    own = (PROJECT / "macros" / "dbt_own.sql").read_text("utf-8")
    macro = own[own.index("{% macro duckdb__load_csv_rows") :]
    rendered(select=f"{macro}{{{{ duckdb__load_csv_rows('fruit', none) }}}}", known=known)
    with duckdb.connect() as connection:
        connection.execute("create table fruit (name text)")
        for sql in asked:
            connection.execute(sql)
        assert connection.execute("from fruit").fetchall() == [("pear",)]
