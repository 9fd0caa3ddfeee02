"""Work that lets go of Python's lock, on all processors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Thing = TypeVar("Thing")
Found = TypeVar("Found")


def side_by_side(function: Callable[[Thing], Found], things: Iterable[Thing]) -> list[Found]:
    """Call a function with each thing, on as many threads as there are processors.

    Parameters
    ----------
    function : callable
    things : iterable

    Returns
    -------
    list
        In the order of the things.
    """
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(function, things))
