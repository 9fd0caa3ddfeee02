"""What earlier results are re-used by, and how two databases are compared."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from pathlib import Path
from types import ModuleType

import duckdb
import pandas as pd
import pytest

from benchmarks.history import table_fingerprints
from conftest import PROJECT, model_properties
from customer_segmentation.steps import reuse
from customer_segmentation.steps.reuse import (
    code_and_libraries,
    fingerprint,
    modules_behind,
    reusable,
)

PACKAGE = "customer_segmentation"
# Those whose results are re-used.
MODULES = [
    f"{PACKAGE}.steps.{name}"
    for name in (
        "fits", "study.candidates", "study.clusters", "study.description", "study.pictures", "periods", "refresh",
        "changes",
    )
]  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_every_module_that_gives_something_to_python_is_among_those_behind(module: str) -> None:
    behind = modules_behind(module)
    assert module in behind
    for name in behind:
        for value in vars(importlib.import_module(name)).values():
            home = (
                value.__name__
                if isinstance(value, ModuleType)
                else getattr(value, "__module__", None)
            )
            if home and home.startswith(f"{PACKAGE}."):
                assert home in behind, f"{name} uses {value!r}"


def test_imports_inside_functions_and_through_rooms_count_and_neighbours_do_not() -> None:
    behind = modules_behind(f"{PACKAGE}.steps.study.pictures")
    # Through the candidates, and from there through stability.
    assert "matched_jaccard" in behind[f"{PACKAGE}.measure.agreement"]
    # Inside a function of K-means.
    fits = modules_behind(f"{PACKAGE}.steps.fits")
    assert {f"{PACKAGE}.cluster._lloyd", f"{PACKAGE}.cluster._points"} <= set(fits)
    # Of the same rooms, but nothing that a fit uses.
    assert not {f"{PACKAGE}.cluster.spectral", f"{PACKAGE}.measure.drift"} & set(fits)


def forget() -> None:
    """Forget what is known of the code."""
    for cached in vars(reuse).values():
        if hasattr(cached, "cache_clear") and cached.__module__ == reuse.__name__:
            cached.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write the files of a package and take the code behind one of its modules."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(reuse, "PACKAGE", "toy")

    def code(files: dict[str, str], module: str = "toy.room.step") -> dict[str, str]:
        for name in [name for name in sys.modules if name == "toy" or name.startswith("toy.")]:
            del sys.modules[name]
        for name in ("toy/__init__.py", "toy/room/__init__.py", *files):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files.get(name, ""))
        forget()
        importlib.invalidate_caches()
        return modules_behind(module)

    yield code
    forget()


@pytest.mark.parametrize(
    ("before", "after", "is_same"),
    [
        ("x = 1\n", "# why\nx = 1  # how\n", True),
        ("def f():\n    return 1\n", 'def f():\n    """Say one."""\n\n    return 1\n', True),
        ('"""One."""\nx = 1\n', '"""Two."""\nx = (\n    1\n)\n', True),
        ('class A:\n    """One."""\n\n    b: int = 1\n', "class A:\n    b: int = 1\n", True),
        ("x = 1\n", "x = 2\n", False),
        ("x = 1\n", "x = 1.0\n", False),
        ("def f():\n    return 'a'\n", "def f():\n    return 'b'\n", False),
        ("def f(a=1): ...\n", "def f(a=2): ...\n", False),
        ("def f(): ...\n", "import functools\n\n@functools.cache\ndef f(): ...\n", False),
    ],
)
def test_comments_and_docstrings_change_no_fingerprint_and_code_does(
    package, before: str, after: str, is_same: bool
) -> None:
    found = [package({"toy/room/step.py": text}) for text in (before, after)]
    assert (found[0] == found[1]) is is_same


@pytest.mark.parametrize(
    "line",
    [
        "from toy.other import used",
        "from toy.other import used as renamed",
        "from ..other import used",
        "from toy.other.deep import used",
        "from ..other.deep import used",
        "from ..other import deep",
        "import toy.other.deep",
        "def f():\n    from toy.other import used",
        "from .neighbour import used",
        "from . import neighbour",
        "from toy.room import neighbour",
    ],
)
def test_every_way_to_import_is_followed_to_the_module_that_defines(package, line: str) -> None:
    files = {
        "toy/other/__init__.py": "from .deep import used\nfrom toy.other.beside import unused\n",
        "toy/other/deep.py": "def used(): ...\n",
        "toy/other/beside.py": "def unused(): ...\n",
        "toy/room/neighbour.py": "from toy.other import used\n",
        "toy/room/step.py": f"import json\n{line}\n",
    }
    behind = set(package(files))
    assert {"toy.room.step", "toy.other.deep"} <= behind
    assert "toy.other.beside" not in behind
    assert "json" not in behind


def test_a_whole_room_that_is_imported_counts_as_a_whole(package) -> None:
    files = {
        "toy/other/__init__.py": "from .deep import used\n",
        "toy/other/deep.py": "def used(): ...\n",
        "toy/room/step.py": "import toy.other\n",
    }
    assert {"toy.other", "toy.other.deep"} <= set(package(files))


def test_the_digest_changes_with_the_code_and_with_a_library(monkeypatch) -> None:
    name = f"{PACKAGE}.steps.changes"
    before = code_and_libraries(name)
    assert before == code_and_libraries(name)
    assert before != code_and_libraries(f"{PACKAGE}.steps.refresh")
    code = modules_behind(name)
    edited = code | {name: code[name].replace("elapsed_days", "elapsed_hours")}
    assert edited != code
    with monkeypatch.context() as patch:
        patch.setattr(reuse, "modules_behind", lambda module: edited)
        assert before != code_and_libraries(name)
    with monkeypatch.context() as patch:
        patch.setattr(reuse, "library_versions", lambda: {"numpy": "0.0"})
        assert before != code_and_libraries(name)


def test_earlier_results_are_found_by_their_key_and_not_when_their_columns_are_others() -> None:
    keys = [fingerprint("one", 1), fingerprint("one", 2)]
    earlier = pd.DataFrame({"fingerprint": [keys[0], keys[1], keys[0]], "value": [1, 2, 3]})
    found = reusable(earlier, ["value", "fingerprint"])
    assert list(found) == keys
    assert found[keys[0]]["value"].tolist() == [1, 3]
    assert list(found[keys[0]].columns) == ["value", "fingerprint"]
    assert reusable(earlier, ["fingerprint", "value", "another"]) == {}
    assert reusable(earlier.assign(another=0), ["fingerprint", "value"]) == {}
    assert reusable(None, ["fingerprint"]) == {}


def test_what_looks_at_the_last_build_is_carried_over() -> None:
    """A model without the word in its meta would begin anew in every `make build`."""
    models = PROJECT / "models"
    carried = {
        model["name"]
        for properties in model_properties()
        for model in properties.get("models", [])
        if model.get("config", {}).get("meta", {}).get("carried_over") is True
    }
    looking = {
        path.stem
        for path in models.rglob("*.py")
        if re.search(r"previous(_rows)?\(dbt\.this\)", path.read_text(encoding="utf-8"))
    }
    assert carried == looking
    assert len(looking) > 5


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


def test_threads_that_parse_at_once_do_not_disturb_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parse, failures = ast.parse, iter([SystemError("AST constructor recursion depth mismatch")] * 3)

    def disturbed(source: str) -> ast.Module:
        for error in failures:
            raise error
        return parse(source)

    monkeypatch.setattr(reuse.ast, "parse", disturbed)
    assert ast.unparse(reuse._parse("a = 1")) == "a = 1"
