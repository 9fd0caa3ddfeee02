"""Doing many trials side by side, and counting which of them came out right."""

from __future__ import annotations

import dataclasses
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from torture.ground import TortureError
from torture.miniature import MixedError

Item = TypeVar("Item")


@dataclasses.dataclass
class Count:
    """Trials of one kind.

    Attributes
    ----------
    title : str
        What was tried.
    right : str
        What one that came out right is called.
    trials : int
    failures : list of str
        What was seen in those that did not come out right, each headed by its name.
    """

    title: str
    right: str
    trials: int = 0
    failures: list[str] = dataclasses.field(default_factory=list)

    def sentence(self) -> str:
        """Return such as "60 kills: 60 whole"."""
        return f"{self.trials} {self.title}: {self.trials - len(self.failures)} {self.right}"


class Progress:
    """Say now and then how far a list of trials is."""

    def __init__(self, title: str, total: int, *, every_seconds: float = 10.0) -> None:
        self.title = title
        self.total = total
        self.every_seconds = every_seconds
        self.done = 0
        self.told_at = time.monotonic()
        self._lock = threading.Lock()

    def one(self, failure: str = "") -> None:
        """Count one trial, and tell at once when it failed."""
        with self._lock:
            self.done += 1
            if failure:
                print(f"  WRONG {failure}", file=sys.stderr, flush=True)
            is_time = time.monotonic() - self.told_at >= self.every_seconds
            if is_time or self.done == self.total:
                self.told_at = time.monotonic()
                print(f"  {self.title}: {self.done} of {self.total}", flush=True)


def try_all(
    count: Count,
    items: Iterable[tuple[str, Item]],
    trial: Callable[[Item], None],
    *,
    workers: int = 2,
) -> Count:
    """Do every trial and keep what those that failed have seen.

    Parameters
    ----------
    count : Count
        Is added to.
    items : iterable of (str, object)
        Name of a trial, and what `trial` gets.
    trial : callable
        Raises `TortureError`, or anything else, when something is wrong.
    workers : int
        Trials at a time.

    Returns
    -------
    Count
    """
    listed = list(items)
    progress = Progress(count.title, len(listed))

    def one(named: tuple[str, Item]) -> str:
        name, item = named
        failure = ""
        try:
            trial(item)
        except (TortureError, MixedError) as error:
            failure = f"{name}: {error}"
        except Exception:
            failure = f"{name}: {traceback.format_exc()}"
        progress.one(failure)
        return failure

    with ThreadPoolExecutor(workers) as pool:
        failures = list(pool.map(one, listed))
    count.trials += len(listed)
    count.failures += [failure for failure in failures if failure]
    return count


def spread(items: list[Item], at_most: int) -> list[Item]:
    """Return so many items of a list, evenly from its first to its last."""
    if at_most >= len(items):
        return items
    return [items[round(i * (len(items) - 1) / max(at_most - 1, 1))] for i in range(at_most)]
