"""How the tests are dealt to the workers of pytest-xdist, so that none is left alone with the long ones."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.scheduler.protocol import Scheduling

__all__ = ["FilesAndScenarios", "Scheduling", "in_order_of_start"]

# Each test of these files has builds or runs of dbt of its own. Elsewhere the tests of a file share what they prepare.
SCENARIOS = tuple(
    f"tests/warehouse/test_{name}.py::"
    for name in (
        "build",
        "customer_experience",
        "gates",
        "maintenance",
        "new_data",
        "other_shops",
        "raw_values",
        "staging",
    )
)
# Tests of one database of several: the name of the database ends their names.
BY_DATABASE = ("tests/warehouse/test_shops.py::",)
SHARED = {"sample_database", "real_database"}


class FilesAndScenarios(LoadScopeScheduling):
    """A scheduler that gives a worker the whole of a file, or one scenario, or what reads one database of several."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(SCENARIOS):
            return nodeid
        file, test = nodeid.split("::", 1)
        return file + "".join(test.partition("[")[1:]) if nodeid.startswith(BY_DATABASE) else file


def in_order_of_start(items: list[pytest.Item]) -> None:
    """Sort the tests: what builds comes first, what only reads a shared database comes when it is there.

    Parameters
    ----------
    items : list of pytest.Item
        Sorted in place, and the same way in every worker.
    """
    asked_for: set[str] = set()

    def turn(item: pytest.Item) -> int:
        shared = SHARED.intersection(item.fixturenames)
        if shared - asked_for:
            # The first that needs a shared database has it built.
            asked_for.update(shared)
            return 0
        if not item.get_closest_marker("build"):
            return 3
        if not item.get_closest_marker("thorough"):
            return 4
        return 2 if shared else 1

    items.sort(key=turn)
