"""How the tests are dealt to the workers of pytest-xdist, so that none is left alone with the long ones."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.scheduler.protocol import Scheduling
from xdist.workermanage import WorkerController

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
# Of what reads the database of the sample, drawing its pages takes longest.
BOARDS = "tests/commands/test_boards.py"
# Long ones of a file whose other tests need not wait for them; what they share is made once for all workers.
ON_THE_PAGES = f"{BOARDS}::test_pages_are_accessible"
APART = (
    ON_THE_PAGES,
    f"{BOARDS}::test_a_picture_is_rendered",
    f"{BOARDS}::test_the_live_board",
)
# Scenarios of several builds or commands of their own; the last of them must not be alone at the end.
LONGEST = (
    "test_later_months",
    "test_the_last_month_of_the_real_data",
    "test_every_command_of_the_runbook",
    "test_the_pipeline_obeys_its_decisions",
    "test_every_cluster_is_a_slice_at_best",
)
# Tests of one database of several: the name of the database ends their names.
BY_DATABASE = ("tests/warehouse/test_shops.py::",)
SHARED = {"sample_database", "real_database"}
# Fixtures of tests that run programs; others only read.
PROGRAMS = {"run", "publish", "prepared", "forks"}


def scope_of(nodeid: str) -> str:
    """Return the name of what goes to one worker with a test: its file, itself, or the tests of one database."""
    if nodeid.startswith((*SCENARIOS, *APART)):
        return nodeid
    file, test = nodeid.split("::", 1)
    return file + "".join(test.partition("[")[1:]) if nodeid.startswith(BY_DATABASE) else file


class FilesAndScenarios(LoadScopeScheduling):
    """A scheduler that gives a worker the whole of a file, or one scenario, or what reads one database of several."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)

    def _reschedule(self, node: WorkerController) -> None:
        """Give a worker more when one test waits there: it begins that one when it knows of the next.

        A second one that waited behind a long test would leave another worker without work at the end. Behind one
        that is known to be long waits the last of all, which is quick.
        """
        pending = [
            test
            for unit in self.assigned_work[node].values()
            for test, is_done in unit.items()
            if not is_done
        ]
        if self.workqueue and len(pending) > 1:
            return
        if self.workqueue and any(test.startswith(APART) for test in pending):
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._reschedule(node)


def in_order_of_start(items: list[pytest.Item]) -> None:
    """Sort the tests: what builds comes first, what only reads a shared database comes when it is there.

    Parameters
    ----------
    items : list of pytest.Item
        Sorted in place, and the same way in every worker.
    """
    asked_for: set[str] = set()

    def tier(item: pytest.Item) -> tuple[str, bool]:
        return scope_of(item.nodeid), item.get_closest_marker("thorough") is not None

    # A file waits for the database that some of its tests read.
    built = {tier(item) for item in items if item.get_closest_marker("build")}

    def turn(item: pytest.Item) -> float:
        shared = SHARED.intersection(item.fixturenames)
        if shared - asked_for:
            # The first that needs a shared database has it built.
            asked_for.update(shared)
            return 0
        if tier(item) not in built:
            return 3
        if not item.get_closest_marker("thorough"):
            # Pages are looked at when they are there; tests that only ask a database take seconds, and fill the end.
            is_quick = "commands" not in item.path.parts
            return 4 if item.nodeid.startswith(ON_THE_PAGES) else 6 if is_quick else 5
        if not shared:
            return 1
        if item.name.startswith(LONGEST):
            return 1.5
        # What takes a moment fills the time in which others end.
        return 2 if PROGRAMS.intersection(item._fixtureinfo.argnames) else 7

    items.sort(key=lambda item: tier(item) != (BOARDS, False))
    items.sort(key=turn)
