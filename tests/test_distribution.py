"""Which worker gets which test, and when."""

from __future__ import annotations

import types
from collections.abc import Sequence
from pathlib import Path

import pytest

from distribution import FilesAndScenarios, in_order_of_start, scope_of


class Worker:
    """A worker that keeps what it is sent, and does the next of it when it knows of one more, or of the end."""

    def __init__(self) -> None:
        self.gateway = types.SimpleNamespace(id="one")
        self.sent: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: list[int]) -> None:
        self.sent += indices

    def shutdown(self) -> None:
        self.shutting_down = True


def scheduler_of(tests: Sequence[str], *workers: Worker) -> FilesAndScenarios:
    options = types.SimpleNamespace(
        loadscopereorder=False, tx=["popen"] * len(workers), numprocesses=len(workers)
    )
    config = types.SimpleNamespace(option=options, getvalue=lambda name: getattr(options, name))
    scheduler = FilesAndScenarios(config)
    for worker in workers:
        scheduler.add_node(worker)
    for worker in workers:
        scheduler.add_node_collection(worker, tests)
    scheduler.schedule()
    return scheduler


def test_behind_a_long_test_waits_one_and_others_do_the_rest() -> None:
    file = [f"tests/measure/test_drift.py::test_{number}" for number in range(3)]
    scenarios = [f"tests/warehouse/test_gates.py::test_{number}" for number in range(9)]
    busy, quick = Worker(), Worker()
    scheduler = scheduler_of([*file, *scenarios], busy, quick)
    # A file of short tests, and then a scenario that takes as long as all others.
    for _ in file:
        scheduler.mark_test_complete(busy, busy.sent.pop(0))
    while not quick.shutting_down:
        scheduler.mark_test_complete(quick, quick.sent.pop(0))
    assert len(busy.sent) == 2
    assert not scheduler.workqueue


def test_behind_one_that_is_known_to_be_long_waits_the_last_of_all() -> None:
    pages = [
        f"tests/commands/test_boards.py::test_pages_are_accessible[{language}]"
        for language in ("en", "fr")
    ]
    files = [f"tests/commands/test_{name}.py::test_reads" for name in ("metrics", "postgres")]
    quick = [f"tests/warehouse/test_build.py::test_{number}" for number in range(4)]
    tests = [*pages, *files, *quick]
    one, other = Worker(), Worker()
    scheduler_of(tests, one, other)
    assert [[tests[number] for number in worker.sent] for worker in (one, other)] == [
        [pages[0], quick[3]],
        [pages[1], quick[2]],
    ]


@pytest.mark.parametrize(
    ("test", "scope"),
    [
        (
            "tests/warehouse/test_gates.py::test_a[1-2]",
            "tests/warehouse/test_gates.py::test_a[1-2]",
        ),
        ("tests/warehouse/test_shops.py::test_a[cdnow]", "tests/warehouse/test_shops.py[cdnow]"),
        ("tests/measure/test_drift.py::test_a[cdnow]", "tests/measure/test_drift.py"),
    ],
)
def test_a_worker_gets_a_file_a_scenario_or_the_tests_of_a_database(test: str, scope: str) -> None:
    assert scope_of(test) == scope


class Item:
    """A test as `in_order_of_start` looks at one."""

    def __init__(self, nodeid: str, *marks: str, given: Sequence[str] = ()) -> None:
        self.nodeid = nodeid
        self.name = nodeid.split("::")[1]
        self.path = Path(nodeid.split("::")[0])
        self.marks = marks
        self._fixtureinfo = types.SimpleNamespace(argnames=given)
        # The databases are built by fixture `publish`.
        self.fixturenames = [*given, *(["publish"] if "sample_database" in given else [])]

    def get_closest_marker(self, name: str) -> str | None:
        return name if name in self.marks else None


def test_builds_begin_first_and_a_file_waits_for_what_it_reads() -> None:
    both = ("build", "thorough")
    items = [
        Item("tests/commands/test_audiences.py::test_reads", "build", given=["sample_database"]),
        Item("tests/commands/test_boards.py::test_pages_are_accessible[en]", "build", given=["sample_database"]),
        Item("tests/commands/test_boards.py::test_asks_nothing"),
        Item("tests/commands/test_boards.py::test_reads", "build", given=["sample_database"]),
        Item("tests/commands/test_docs.py::test_reads", "build", given=["sample_database"]),
        Item("tests/commands/test_docs.py::test_asks_nothing"),
        Item("tests/measure/test_drift.py::test_a"),
        Item("tests/warehouse/test_new_data.py::test_reads", *both, given=["sample_database"]),
        Item("tests/warehouse/test_new_data.py::test_later_months", *both, given=["sample_database", "publish"]),
        Item("tests/warehouse/test_new_data.py::test_other", *both, given=["sample_database", "publish"]),
        Item("tests/warehouse/test_shops.py::test_builds[cdnow]", *both, given=["publish"]),
    ]  # fmt: skip
    in_order_of_start(items)
    assert [item.nodeid.split("/")[-1] for item in items] == [
        "test_boards.py::test_reads",
        "test_shops.py::test_builds[cdnow]",
        "test_new_data.py::test_later_months",
        "test_new_data.py::test_other",
        "test_drift.py::test_a",
        "test_boards.py::test_pages_are_accessible[en]",
        "test_boards.py::test_asks_nothing",
        "test_audiences.py::test_reads",
        "test_docs.py::test_reads",
        "test_docs.py::test_asks_nothing",
        "test_new_data.py::test_reads",
    ]
