"""scikit-learn, imported by one thread at a time, and only when it is needed.

dbt runs models side by side in threads. The packages of scikit-learn import each other in circles: of two threads that
begin such a circle at different places, each waits for what the other is importing (``_DeadlockError``), or finds a
module that is half imported.
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
    with _ONE_AT_A_TIME:
        return getattr(importlib.import_module(f"sklearn.{module}"), name)
