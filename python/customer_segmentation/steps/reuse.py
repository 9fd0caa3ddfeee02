"""Results of the last build that need not be computed again: `fingerprint` makes keys, `reusable` looks them up.

A key stands for all that a result depends on: its rows, its settings, the libraries, and the code
behind it without comments and docstrings (`code_and_libraries`).
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import importlib.abc
import importlib.util
import json
import platform
import threading
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

import pandas as pd

PACKAGE = __name__.split(".")[0]
LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "numba")
PARSE_ATTEMPTS = 100
_PARSING = threading.Lock()


@functools.cache
def library_versions() -> dict[str, str]:
    """Return the versions of what computes a result."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


@functools.cache
def modules_behind(module: str) -> dict[str, str]:
    """Return the code of a module and of all modules of this package that it imports.

    Imports are followed from module to module, those inside functions too, so that no list of
    them must be kept by hand. What is imported from a room's ``__init__`` is followed to the
    module that defines it, so that a change elsewhere in the room changes nothing here.

    Parameters
    ----------
    module : str
        Its full name.

    Returns
    -------
    dict of str to str
        By name of the module, its syntax tree as text: without comments, docstrings and layout.
    """
    code: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in code:
            code[name] = _text(name)
            waiting += _imports(name)
    return code


def code_and_libraries(module: str) -> str:
    """Return a SHA-256 that changes when a library or code that a module's results come from does.

    Parameters
    ----------
    module : str
        Its full name, ``__name__`` where the result is made; see `modules_behind`.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return fingerprint(library_versions(), modules_behind(module))


def fingerprint(*parts: object) -> str:
    """Return a SHA-256 of everything that a result depends on.

    Parameters
    ----------
    parts : values that JSON can write
        Fingerprints of rows, settings, `code_and_libraries`.

    Returns
    -------
    str
        64 hexadecimal digits; equal ones stand for equal results.
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def reusable(previous: pd.DataFrame | None, columns: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Return the rows of an earlier result by their fingerprint.

    Parameters
    ----------
    previous : DataFrame, optional
        With a column ``fingerprint``.
    columns : iterable of str
        What the result has today; one written with other columns is not re-used.

    Returns
    -------
    dict of str to DataFrame
        Of each the given columns, in their order.
    """
    wanted = list(columns)
    if previous is None or set(wanted) != set(previous.columns):
        return {}
    groups = previous[wanted].groupby("fingerprint", sort=False)
    return {str(value): rows for value, rows in groups}


def reusable_rows(
    previous: pd.DataFrame | None, columns: Iterable[str]
) -> dict[str, list[tuple[Any, ...]]]:
    """Return the same as `reusable`, each result as a list of its rows: of hundreds, that is quicker."""
    wanted = list(columns)
    if previous is None or set(wanted) != set(previous.columns):
        return {}
    key = wanted.index("fingerprint")
    found: dict[str, list[tuple[Any, ...]]] = {}
    for row in previous[wanted].itertuples(index=False, name=None):
        found.setdefault(str(row[key]), []).append(row)
    return found


@functools.cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        # What should hold it is a module, not a room.
        return False


def _parse(source: str) -> ast.Module:
    """Parse a source while dbt's other threads may parse, too.

    Until Python 3.11.9 and 3.12.3 the depth of a parse is counted for all threads together
    (CPython issue 106905): another one that comes between makes a sound source a SystemError.
    """
    for _ in range(PARSE_ATTEMPTS - 1):
        with _PARSING, contextlib.suppress(SystemError):
            return ast.parse(source)
    with _PARSING:
        return ast.parse(source)


@functools.cache
def _tree(name: str) -> ast.Module:
    """Parse a module and take its docstrings out."""
    spec = importlib.util.find_spec(name)
    loader = spec.loader if spec else None
    if not isinstance(loader, importlib.abc.InspectLoader):
        raise ModuleNotFoundError(f"{name} has no source to take a fingerprint of.")
    tree = _parse(loader.get_source(name) or "")
    for node in ast.walk(tree):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and isinstance(ast.get_docstring(node, clean=False), str):
            del node.body[0]
    return tree


@functools.cache
def _text(name: str) -> str:
    """Return the syntax tree of a module as text."""
    return ast.dump(_tree(name))


@functools.cache
def _imports(name: str) -> list[str]:
    """Return the modules of this package that a module imports or takes something from."""
    found: list[str] = []
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if _is_ours(alias.name)]
        elif isinstance(node, ast.ImportFrom) and _is_ours(source := _source(node, name)):
            found += [_home(source, alias.name) for alias in node.names]
    return found


def _is_ours(name: str) -> bool:
    return name == PACKAGE or name.startswith(f"{PACKAGE}.")


def _source(node: ast.ImportFrom, name: str) -> str:
    """Return the full name of what a module imports from, when it says ``from . import`` too."""
    if not node.level:
        return node.module or ""
    spec = importlib.util.find_spec(name)
    is_room = spec is not None and spec.submodule_search_locations is not None
    parts = name.split(".")
    start = ".".join(parts[: len(parts) - node.level + is_room])
    return f"{start}.{node.module}" if node.module else start


def _home(source: str, attribute: str) -> str:
    """Return the module that defines what is imported from a module or room."""
    if _is_module(f"{source}.{attribute}"):
        return f"{source}.{attribute}"
    for bound, origin, original in _bindings(source):
        if bound == attribute:
            return _home(origin, original)
    return source


def _bindings(name: str) -> Iterator[tuple[str, str, str]]:
    """Give the names that a module takes from others of this package, with where it takes them from."""
    for node in _tree(name).body:
        if isinstance(node, ast.ImportFrom) and _is_ours(source := _source(node, name)):
            for alias in node.names:
                yield alias.asname or alias.name, source, alias.name
