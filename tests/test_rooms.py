"""The rooms of the Python packages: their size, their order, and their doors."""

from __future__ import annotations

import ast
import graphlib
import importlib
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PYTHON = PROJECT / "python"
PACKAGES = ("customer_segmentation", "olist")
# One uses those before it, never those after it.
ROOMS = (
    "cluster", "distance", "measure", "steps", "intake", "shop", "publishing", "boards", "commands",
)  # fmt: skip
MODELS = sorted((PROJECT / "models").rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(PYTHON).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {
    module_name(path): path for package in PACKAGES for path in (PYTHON / package).rglob("*.py")
}


def imports_of(path: Path, *, everywhere: bool = True) -> set[str]:
    """Return the modules of ours that a file imports, or imports from."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if everywhere else tree.body
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports by dots"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in SOURCES else str(node.module) for name in names}
    return {name for name in found if name.split(".")[0] in PACKAGES}


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == PACKAGES[0] and len(parts) > 1 and parts[1] in ROOMS else None


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCES.values()}), ids=str)
def test_a_room_is_seen_at_a_glance(folder: Path) -> None:
    assert len(list(folder.glob("*.py"))) <= 12


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_a_module_is_read_in_one_sitting(module: str) -> None:
    assert len(SOURCES[module].read_text(encoding="utf-8").splitlines()) <= 600


def test_nothing_imports_itself_on_the_way() -> None:
    graph = {name: imports_of(path, everywhere=False) for name, path in SOURCES.items()}
    # Raises CycleError.
    assert list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("module", sorted(name for name in SOURCES if room_of(name)))
def test_a_room_uses_those_above_it_and_enters_by_their_door(module: str) -> None:
    room = room_of(module)
    for name in imports_of(SOURCES[module]):
        other = room_of(name)
        if other is None:
            assert name.split(".")[0] == PACKAGES[0], f"{module} knows of {name}"
        elif other != room:
            assert ROOMS.index(other) < ROOMS.index(room), f"{module} uses {name}"
            assert name == f"{PACKAGES[0]}.{other}", f"{module} goes past the door of {other}"


def test_the_data_set_knows_nothing_of_the_engine() -> None:
    for module, path in SOURCES.items():
        if module.split(".")[0] == "olist":
            assert {name.split(".")[0] for name in imports_of(path)} <= {"olist"}


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_enters_by_a_door(path: Path) -> None:
    for name in imports_of(path):
        assert name in {f"{PACKAGES[0]}.{room}" for room in ROOMS[:4]}


@pytest.mark.parametrize("room", [f"{PACKAGES[0]}.{room}" for room in ROOMS[:4]])
def test_a_door_is_a_list_of_names_and_nothing_else(room: str) -> None:
    tree = ast.parse(SOURCES[room].read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    *imports, last = tree.body[1:]
    assert all(isinstance(node, ast.ImportFrom) for node in imports)
    assert isinstance(last, ast.Assign)
    door = importlib.import_module(room)
    assert sorted(door.__all__) == sorted(
        alias.asname or alias.name for node in imports for alias in node.names
    )
    assert not [name for name in door.__all__ if name.startswith("_")]


def test_a_public_name_is_not_that_of_a_module() -> None:
    for room in ROOMS[:4]:
        door = f"{PACKAGES[0]}.{room}"
        assert not {f"{door}.{name}" for name in importlib.import_module(door).__all__} & set(
            SOURCES
        )


def test_the_package_names_its_rooms() -> None:
    package = importlib.import_module(PACKAGES[0])
    assert sorted(package.__all__) == sorted(ROOMS)
    for room in ROOMS:
        assert getattr(package, room).__name__ == f"{PACKAGES[0]}.{room}"
        assert f"``{room}``" in package.__doc__


def test_who_reads_a_raw_table_says_which_rows() -> None:
    """A staging model holds the refused rows too; only their accounts and unit tests may forget it."""
    olist = PROJECT / "models" / "adapters" / "olist" / "staging"
    accounts = {olist / f"{name}.sql" for name in ("rejected_rows", "raw_loads")}
    read = 0
    for folder in ("models", "tests/singular", "analyses"):
        for path in sorted((PROJECT / folder).rglob("*.sql")):
            _, *readings = path.read_text(encoding="utf-8").split("ref('stg_")
            if path not in accounts:
                read += len(readings)
                for reading in readings:
                    model, after = reading.split("'", 1)
                    rows = " ".join(after.split())
                    assert rows.startswith(") }} where reject_reason is null"), (path.name, model)
    assert read > 20


def test_macros_are_few_and_each_file_has_one_idea() -> None:
    files = sorted((PROJECT / "macros").glob("*"))
    assert len(files) <= 14
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("{#-"), f"{path.name} does not begin with what it is about"
        assert len(text.splitlines()) <= 250, path.name


def test_the_tests_mirror_the_rooms() -> None:
    folders = {
        path.parent.relative_to(PROJECT / "tests").as_posix()
        for path in (PROJECT / "tests").rglob("test_*.py")
    }
    # `warehouse` holds all that builds a database.
    assert folders <= {".", *ROOMS, "olist", "tools", "benchmarks", "warehouse"}
