"""scikit-learn and scipy, imported by one thread at a time, and only when they are needed.

dbt runs models side by side in threads. The packages of both import each other in circles: of two threads that begin
such a circle at different places, each waits for what the other is importing (``_DeadlockError``), or finds a module
that is half imported. scikit-learn imports scipy, so that one lock is for both.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any

_ONE_AT_A_TIME = threading.RLock()


def from_sklearn(module: str, name: str) -> Any:
    """Return what ``from sklearn.module import name`` would.

    Parameters
    ----------
    module, name : str
        Such as "cluster" and "KMeans".
    """
    return _imported(f"sklearn.{module}", name)


def from_scipy(module: str, name: str | None = None) -> Any:
    """Return what ``from scipy.module import name`` would.

    Parameters
    ----------
    module : str
        Such as "spatial.distance".
    name : str, optional
        Such as "cdist"; without it the module is returned.
    """
    return _imported(f"scipy.{module}", name)


def _imported(module: str, name: str | None) -> Any:
    with _ONE_AT_A_TIME:
        found = importlib.import_module(module)
        return found if name is None else getattr(found, name)
