"""What dbt does in words of ours: contracts, comments, tests and unit tests, in a project of a few models."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

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
    "tests/shows.sql": "select name from {{ ref('fruit') }} where '{{ var(\"bad\", \"good\") }}' = 'bad'",
    "tests/warns.sql": (
        "{{ config(severity='warn') }}"
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

    def run_dbt(*options: str, command: str = "build") -> subprocess.CompletedProcess:
        return forks.run(str(DBT), command, *options, cwd=project, environment=settings)

    return run_dbt


@contextlib.contextmanager
def there(files: dict[Path, str]) -> Iterator[None]:
    """Have some more files in the project, for a while."""
    for path, text in files.items():
        path.write_text(text)
    try:
        yield
    finally:
        for path in files:
            path.unlink()


def changed(text: str, before: str, after: str) -> str:
    """Say something else in a text."""
    assert before in text
    return text.replace(before, after)


@pytest.fixture(scope="module")
def built(dbt: Dbt) -> subprocess.CompletedProcess:
    """Return what dbt says of the project as it is."""
    done = dbt()
    assert done.returncode == 0, done.stdout
    return done


def test_what_is_sound_passes_and_is_described(
    project: Path, built: subprocess.CompletedProcess
) -> None:
    results = json.loads((project / "target" / "run_results.json").read_text())["results"]
    states = {one["unique_id"].split(".")[2]: (one["status"], one["failures"]) for one in results}
    assert states["speaks"] == states["shows"] == states["warns"] == ("pass", 0)
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
    assert "not present in the database: gone" in built.stdout


# Changes of the query of model fruit that break its contract, and what is said of them.
BROKEN = [
    ("1 as number", "cast(1 as bigint) as number", ["number", "data type mismatch"]),
    ("decimal(14, 2)", "decimal(14, 3)", ["price", "DECIMAL(14,3)"]),
    ("as name", "as names", ["names", "missing in contract"]),
    (", 'it''s' as name", "", ["name", "missing in definition"]),
    ("as name", "as name, 1 as more", ["more", "missing in contract"]),
]


def test_a_query_that_breaks_its_contract_is_refused(project: Path, dbt: Dbt) -> None:
    properties = yaml.safe_load(FILES["models/all.yml"])["models"][0]
    names = [f"broken_{number}" for number in range(len(BROKEN))]
    query = FILES["models/fruit.sql"]
    files = {
        project / "models" / f"{name}.sql": changed(query, before, after)
        for name, (before, after, _) in zip(names, BROKEN, strict=True)
    }
    files[project / "models" / "broken.yml"] = yaml.safe_dump(
        {"models": [{**properties, "name": name} for name in names]}
    )
    with there(files):
        done = dbt("--select", *names)
    assert done.returncode == 1
    assert "PASS=0 WARN=0 ERROR=5" in done.stdout
    # What is said of each begins with its name.
    parts = re.split(r"in model (broken_\d)", done.stdout[done.stdout.index("Completed with") :])
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert found.keys() == set(names)
    for name, (*_, said) in zip(names, BROKEN, strict=True):
        assert "This model has an enforced contract that failed." in found[name]
        for text in said:
            assert text in found[name]


def test_a_test_that_fails_says_what_it_found(dbt: Dbt) -> None:
    done = dbt("--select", "fruit", "--vars", "{bad: bad}")
    assert done.returncode == 1
    assert "Fruit it's is bad." in done.stdout
    assert """such as {"name":"it's"}""" in done.stdout
    # A warning is a line, and no error.
    assert "Warning of warns: 1 row that should not be there" in done.stdout
    assert "PASS=1 WARN=1 ERROR=2" in done.stdout
    # Rows that are kept are counted as dbt counts them.
    done = dbt("--select", "fruit", "--vars", "{bad: bad}", "--store-failures")
    assert "Got 1 result" in done.stdout


# Changes of the unit test of model basket, and what is said of them.
WRONG = [
    ("price: 1.75", "price: 1.5", "actual differs from expected"),
    ("Number: 3", "weight: 3", "Invalid column name: 'weight' in unit test fixture for 'fruits'"),
    (
        "last_day: null",
        "weight: 3",
        "Invalid column name: 'weight' in unit test fixture for expected",
    ),
    ("price: 0.5", "price: half", "half"),
]


@pytest.mark.usefixtures("built")
def test_a_unit_test_that_is_wrong_fails(project: Path, dbt: Dbt) -> None:
    text = FILES["models/all.yml"]
    names = [f"wrong_{number}" for number in range(len(WRONG))]
    tests = []
    for name, (before, after, _) in zip(names, WRONG, strict=True):
        (unit_test,) = yaml.safe_load(changed(text, before, after))["unit_tests"]
        tests.append({**unit_test, "name": name})
    with there({project / "models" / "wrong.yml": yaml.safe_dump({"unit_tests": tests})}):
        done = dbt("--select", "basket", command="test")
    assert done.returncode == 1
    # The right one passes.
    assert "PASS=1 WARN=0 ERROR=4" in done.stdout
    parts = re.split(r"in unit_test (wrong_\d)", done.stdout[done.stdout.index("Completed with") :])
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert found.keys() == set(names)
    for name, (*_, said) in zip(names, WRONG, strict=True):
        assert said in found[name]


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
