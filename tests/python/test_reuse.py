"""What earlier results are re-used by, and how two databases are compared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from benchmarks.history import table_fingerprints
from customer_segmentation.steps import reuse
from customer_segmentation.steps.reuse import code_and_libraries, modules_behind

PYTHON = Path(reuse.__file__).parents[1]
# Those whose results are re-used.
MODULES = ("fits", "study", "pictures", "period_stability", "refresh", "drift")


@pytest.mark.parametrize("module", MODULES)
def test_every_module_that_python_loads_is_among_those_behind(module: str) -> None:
    code = f"import sys, customer_segmentation.{module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(PYTHON)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name for name in done.stdout.split() if name.startswith("customer_segmentation.")}
    assert f"customer_segmentation.{module}" in loaded
    assert loaded <= set(modules_behind(f"customer_segmentation.{module}"))


def test_imports_inside_functions_and_through_other_modules_count() -> None:
    behind = modules_behind("customer_segmentation.steps.study.pictures")
    # Through study, and from there through stability.
    assert "def matched_jaccard" in behind["customer_segmentation.measure.agreement"]
    found = modules_behind("customer_segmentation.commands.contract")
    # Imported by its main only.
    assert "customer_segmentation.publishing.build" in found


def test_the_digest_changes_with_the_code_and_with_a_library(monkeypatch) -> None:
    name = "customer_segmentation.measure.drift"
    before = code_and_libraries(name)
    assert before == code_and_libraries(name)
    assert before != code_and_libraries("customer_segmentation.steps.refresh")
    sources = modules_behind(name)
    edited = sources | {name: sources[name] + "\n# edited\n"}
    with monkeypatch.context() as patch:
        patch.setattr(reuse, "modules_behind", lambda module: edited)
        assert before != code_and_libraries(name)
    with monkeypatch.context() as patch:
        patch.setattr(reuse, "library_versions", lambda: {"numpy": "0.0"})
        assert before != code_and_libraries(name)


@pytest.mark.parametrize(
    "change",
    [
        "update marts.one set a = 2",
        "update marts.one set b = null",
        "insert into marts.one from marts.one",
    ],
)
def test_table_fingerprints_notice_a_change(tmp_path: Path, change: str) -> None:
    path = tmp_path / "one.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.one as select 1 as a, 'x' as b")
    before = table_fingerprints(path)
    assert set(before) == {"marts.one"}
    with duckdb.connect(str(path)) as connection:
        connection.execute(change)
    assert table_fingerprints(path) != before
