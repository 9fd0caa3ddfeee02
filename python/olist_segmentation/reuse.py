"""Results of the last build that need not be computed again."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pandas as pd

from olist_segmentation.fits import library_versions


def code_and_libraries(modules: Iterable[ModuleType]) -> str:
    """Return a text that changes when the source of a module or a library version does."""
    return json.dumps([library_versions(), [inspect.getsource(module) for module in modules]])


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
