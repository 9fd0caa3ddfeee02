"""A few trials of the campaign that `make torture` runs whole."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from forks import Forks
from torture import ground, inputs, kinds_databases, page, readers, swap_kills, writers
from torture.campaign import Count, spread, try_all
from torture.fingerprints import fingerprint
from torture.ground import Done, TortureError
from torture.groups import fit, group_of
from torture.judge import Clean, judge, make_raw
from torture.kinds import PUBLISHED, REFUSED, STOPPED, Kind
from torture.miniature import MixedError, make_miniature, number_in

pytestmark = pytest.mark.torture

# Refused before dbt starts, so that each takes a second.
QUICK_AREAS = ("Databases", "Files that are refused before anything is built", "Rollbacks")
SCENES = ("build", "rollback beside a log")


def right(counts: list[Count]) -> None:
    """Fail with what went wrong."""
    failures = [failure for count in counts for failure in count.failures]
    assert not failures, "\n\n".join(failures)
    assert all(count.trials for count in counts)


def test_kills_at_steps_of_swaps_and_rollbacks_leave_whole_databases(
    tmp_path: Path, three_builds: Path
) -> None:
    kills = tmp_path / "kills"
    right(swap_kills.campaign(kills, three_builds=three_builds, at_most=1, titles=SCENES))


def test_readers_see_one_build_during_swaps(tmp_path: Path) -> None:
    right(readers.campaign(tmp_path / "readers", swaps=2))


WRITERS = {
    "live": writers.live,
    "killed": writers.killed(writers.EDITS["a dropped table"]),
    "greedy": writers.opened_as_soon_as_free,
}


@pytest.fixture(scope="module")
def three_builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a database that was published three times."""
    return swap_kills.make_three_builds(tmp_path_factory.mktemp("three_builds"))


@pytest.mark.parametrize("does", WRITERS.values(), ids=WRITERS.keys())
@pytest.mark.parametrize("command", list(writers.COMMANDS))
def test_writers_do_not_get_into_what_is_published(
    tmp_path: Path, three_builds: Path, does, command: str
) -> None:
    folder = shutil.copytree(three_builds, tmp_path / "warehouse")
    does(folder, command)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    """Return a sound raw folder and a published database that dbt had no part in."""
    folder = tmp_path_factory.mktemp("clean")
    make_raw(folder)
    database = make_miniature(folder / "olist.duckdb", 1)
    return Clean(folder, fingerprint(database))


@pytest.fixture
def in_forks(forks: Forks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the campaign run its commands without waiting for their imports."""

    def run(*command: str, folder: Path, settings: Mapping[str, str]) -> Done:
        environment = ground.environment(**settings)
        done = forks.run("-m", *command, cwd=folder, environment=environment)
        return Done(done.returncode, done.stdout, done.stderr)

    monkeypatch.setattr(ground, "run", run)


@pytest.mark.usefixtures("in_forks")
@pytest.mark.parametrize("area", QUICK_AREAS)
def test_bad_input_is_refused_before_anything_is_built(
    tmp_path: Path, clean: Clean, area: str
) -> None:
    kinds = [k for k in inputs.KINDS if k.area == area and k not in kinds_databases.FOLLOWED]
    failures = [
        judge(kind, clean, tmp_path / str(number)).failure
        for number, kind in enumerate(spread(kinds, 6))
    ]
    assert not any(failures), "\n\n".join(failures)


def test_the_page_lists_the_kinds_that_are_tried() -> None:
    assert page.kinds_on_page() == [page.escaped(kind.name) for kind in inputs.KINDS]


def test_kinds_have_names_of_their_own_and_are_many() -> None:
    names = [kind.name for kind in inputs.KINDS]
    assert len(set(names)) == len(names) >= 113


def test_every_kind_says_what_must_be_seen() -> None:
    for kind in inputs.KINDS:
        assert kind.damage or kind.cells or kind.settings or kind.options or kind.place, kind.name
        if kind.outcome in (REFUSED, STOPPED):
            assert kind.says or kind.look, kind.name


def test_kinds_of_one_build_do_not_touch_each_other() -> None:
    groups = group_of(list(inputs.KINDS))
    assert all(
        fit(one, other) for group in groups for i, one in enumerate(group) for other in group[:i]
    )


# --- the campaign itself sees what is wrong ---------------------------------------------------------------------------


def test_a_database_of_two_builds_is_seen(tmp_path: Path) -> None:
    import duckdb

    database = make_miniature(tmp_path / "olist.duckdb", 1, rows=10)
    assert number_in(database) == 1
    with duckdb.connect(str(database)) as connection:
        connection.execute("update bi.calendar set build = 2")
    with pytest.raises(MixedError, match="of different builds"):
        number_in(database)


def test_a_changed_row_changes_the_fingerprint(tmp_path: Path) -> None:
    first = fingerprint(make_miniature(tmp_path / "one.duckdb", 1, rows=10))
    assert first == fingerprint(make_miniature(tmp_path / "same.duckdb", 1, rows=10))
    other = fingerprint(make_miniature(tmp_path / "other.duckdb", 2, rows=10))
    assert first.keys() == other.keys()
    assert all(first[name] != other[name] for name in first)


def test_a_kind_that_does_not_come_out_as_it_must_is_a_failure(
    tmp_path: Path, clean: Clean
) -> None:
    wrong = Kind("Options", "help", REFUSED, options=("--help",), says=("usage",))
    seen = judge(wrong, clean, tmp_path / "wrong")
    assert seen.outcome == PUBLISHED
    assert "published, and not refused" in seen.failure
    silent = Kind("Options", "help", PUBLISHED, options=("--help",), says=("not to be read there",))
    assert "no sentence" in judge(silent, clean, tmp_path / "silent").failure


def test_a_trial_that_breaks_counts_as_a_failure() -> None:
    def trial(item: int) -> None:
        if item == 1:
            raise TortureError("wrong")
        if item == 2:
            raise ZeroDivisionError

    count = try_all(Count("trials", "right"), [(f"trial {i}", i) for i in range(3)], trial)
    assert count.sentence() == "3 trials: 1 right"
    assert count.failures[0] == "trial 1: wrong"
    assert "ZeroDivisionError" in count.failures[1]


def test_a_traceback_is_seen_in_either_stream() -> None:
    assert Done(1, "", "Traceback (most recent call last):\n").has_traceback
    assert not Done(1, "Error", "make build: stopped.").has_traceback
