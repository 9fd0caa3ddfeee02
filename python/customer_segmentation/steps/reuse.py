"""Results of the last build that need not be computed again."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import json
import platform
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import pandas as pd

PACKAGE = __name__.split(".")[0]
LIBRARIES = ("numpy", "pandas", "scikit-learn", "scipy", "numba")


@functools.cache
def library_versions() -> dict[str, str]:
    """Return the versions of what computes a result."""
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


@functools.cache
def modules_behind(module: str) -> dict[str, str]:
    """Return the source of a module and of all modules of this package that it imports.

    Imports are followed from module to module, those inside functions too, so that no list of
    them must be kept by hand.

    Parameters
    ----------
    module : str
        Its full name.

    Returns
    -------
    dict of str to str
        Source by name of the module.
    """
    sources: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in sources:
            source, imports = _source_and_imports(name)
            # Without a source it is a function or class that is imported from its module.
            if source is not None:
                sources[name] = source
                waiting += imports
    return sources


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
    content = json.dumps([library_versions(), modules_behind(module)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def fingerprint(*parts: Any) -> str:
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


def reusable_groups(
    previous: pd.DataFrame | None, columns: Iterable[str], *, key: str = "fingerprint"
) -> dict[str, pd.DataFrame]:
    """Split an earlier result by fingerprint.

    Parameters
    ----------
    previous : DataFrame, optional
    columns : iterable of str
        What the result has today; one written with other columns is not re-used.
    key : str

    Returns
    -------
    dict of str to DataFrame
    """
    wanted = list(columns)
    if previous is None or set(wanted) != set(previous.columns):
        return {}
    return {str(value): rows[wanted] for value, rows in previous.groupby(key, sort=False)}


@functools.cache
def _source_and_imports(name: str) -> tuple[str | None, list[str]]:
    """Return the source of a module of this package, and what it imports from this package."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return None, []
    source = spec.loader.get_source(name) or ""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            found += [f"{PACKAGE}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
    return source, [name for name in found if name.startswith(f"{PACKAGE}.")]
