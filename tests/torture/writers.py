"""Programs that write to the published database, or have been killed while they did."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from torture import ground
from torture.campaign import Count, try_all
from torture.ground import Done, require
from torture.miniature import number_in
from torture.swap_kills import NAME, step_command, succeed

EDITOR = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("set checkpoint_threshold = '1TB'")
for line in sys.stdin:
    for statement in line.split(";"):
        connection.execute(statement)
    print("done", flush=True)
"""
# Opens a database for writing as soon as another file has its name, and holds it for a while.
GREEDY = """
import duckdb, os, pathlib, sys, time
pathlib.Path(sys.argv[3]).touch()
until = time.monotonic() + 20
while os.stat(sys.argv[1]).st_ino == int(sys.argv[2]) and time.monotonic() < until:
    time.sleep(0.0002)
while time.monotonic() < until:
    try:
        connection = duckdb.connect(sys.argv[1])
        break
    except duckdb.Error:
        time.sleep(0.0002)
time.sleep(2)
"""
# What a log may hold when its writer dies.
EDITS = {
    "a table and a view of its own": "create schema mine; create table mine.targets as select 1 as a; "
    "create view mine.counted as select count(*) as n from marts.orders",
    "an update of our rows": "update marts.orders set build = 77",
    "a delete of our rows": "delete from marts.orders where row_number % 3 = 0",
    "a dropped table": "drop table bi.calendar",
    "an added column": "alter table marts.orders add column note varchar",
    "a table exchanged as dbt does": "create table marts.orders__dbt_tmp as select * from marts.orders limit 10; "
    "alter table marts.orders rename to orders__dbt_backup; alter table marts.orders__dbt_tmp rename to orders; "
    "drop table marts.orders__dbt_backup cascade",
}
COMMANDS = {"build": ("build", "--number", "9"), "rollback": ("rollback",)}
# After which build, from 3.
RIGHT = {"build": 9, "rollback": 2}


@dataclasses.dataclass(frozen=True)
class Trial:
    """One writer and one command."""

    base: Path
    command: str
    does: Callable[[Path, str], None]


@contextlib.contextmanager
def editor(database: Path, *statements: str) -> Iterator[subprocess.Popen[str]]:
    """Have a program hold a database open for writing; it is killed at the end, and leaves its log."""
    program = subprocess.Popen(
        [sys.executable, "-c", EDITOR, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for statement in ("select 1", *statements):
            program.stdin.write(statement + "\n")
            program.stdin.flush()
            require(program.stdout.readline() == "done\n", f"the editor could not: {statement}")
        yield program
    finally:
        program.kill()
        program.wait()


def killed(edit: str) -> Callable[[Path, str], None]:
    """A program has edited the published database and was killed before the command."""

    def does(folder: Path, command: str) -> None:
        with editor(folder / NAME, edit):
            pass
        require((folder / f"{NAME}.wal").stat().st_size, "the editor has left no log")
        done = succeed(folder, *COMMANDS[command])
        require("left a log" in done.err, "nothing is said of the log", done)
        expect(folder, RIGHT[command], done)
        require(list(folder.rglob("*.original")), "the log is not kept", done)

    return does


def garbage_log(folder: Path, command: str) -> None:
    """A log that DuckDB cannot read."""
    (folder / f"{NAME}.wal").write_bytes(b"\x00garbage" * 100)
    done = succeed(folder, *COMMANDS[command])
    expect(folder, RIGHT[command], done)


def log_of_another_file(folder: Path, command: str) -> None:
    """The log of another database was copied beside ours."""
    other = folder / "other.duckdb"
    shutil.copy(folder / NAME, other)
    with editor(other, EDITS["an update of our rows"]):
        pass
    shutil.move(f"{other}.wal", folder / f"{NAME}.wal")
    other.unlink()
    done = succeed(folder, *COMMANDS[command])
    expect(folder, RIGHT[command], done)


def live(folder: Path, command: str) -> None:
    """A program has the database open for writing: the command must not, and says who it is."""
    with editor(folder / NAME, EDITS["an update of our rows"]) as program:
        done = step_command(folder, *COMMANDS[command])
        require(done.status == 1, f"exit status {done.status} beside a writer", done)
        require(not done.has_traceback, "a traceback", done)
        require(f"rocess {program.pid} " in done.err, "the writer is not named", done)
        require("open for writing" in done.err, "no sentence", done)
        require(not (folder / ".olist.building").exists(), "something was built", done)
        program.stdin.write("force checkpoint; update marts.orders set build = 3\n")
        program.stdin.flush()
        require(program.stdout.readline() == "done\n", "the editor was disturbed")
        program.stdin.close()
        program.wait()
    require(not (folder / f"{NAME}.wal").exists(), "the editor that closed has left a log")
    done = succeed(folder, *COMMANDS[command])
    expect(folder, RIGHT[command], done)


def live_and_closed_in_time(folder: Path, command: str) -> None:
    """A program that opens the database before it is published, and closes it soon after."""
    go = folder / "go"
    steps = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "torture.steps",
            *COMMANDS[command],
            "--patience",
            "30",
            "--go",
            str(go),
        ],
        cwd=folder,
        env=ground.environment(SEGMENTATION_DATABASE=NAME),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(go.with_suffix(".built"))
    with editor(folder / NAME, EDITS["an update of our rows"]):
        go.touch()
        time.sleep(2)
    out, err = steps.communicate(timeout=ground.LONGEST_SECONDS)
    done = Done(steps.returncode, out, err)
    require(done.status == 0, "the build did not wait for the writer", done)
    require("Waiting up to" in done.err, "it did not meet the writer", done)
    expect(folder, RIGHT[command], done)


def opened_as_soon_as_free(folder: Path, command: str) -> None:
    """A program that tries again and again to open the database for writing, and gets it after the swap."""
    go = folder / "go"
    steps = subprocess.Popen(
        [sys.executable, "-m", "torture.steps", *COMMANDS[command], "--go", str(go)],
        cwd=folder,
        env=ground.environment(SEGMENTATION_DATABASE=NAME),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if command == "build":
        wait_for(go.with_suffix(".built"))
    reading = folder / NAME
    inode = reading.stat().st_ino
    program = subprocess.Popen(
        [sys.executable, "-c", GREEDY, str(reading), str(inode), str(go)],
        stdout=subprocess.PIPE,
        text=True,
    )
    out, err = steps.communicate(timeout=ground.LONGEST_SECONDS)
    done = Done(steps.returncode, out, err)
    program.communicate(timeout=60)
    require(not done.has_traceback, "a traceback", done)
    require(done.status == 0, f"exit status {done.status}", done)
    expect(folder, RIGHT[command], done)


def reader_throughout(folder: Path, command: str) -> None:
    """A program reads from before until after."""
    stop = folder / "stop"
    from torture.readers import start_reader

    program = start_reader(folder, stop, "--keep")
    time.sleep(0.5)
    done = succeed(folder, *COMMANDS[command])
    expect(folder, RIGHT[command], done)
    stop.touch()
    out, _ = program.communicate(timeout=60)
    require('"wrong": []' in out, f"the reader: {out}")


def kept_is_edited(folder: Path, command: str) -> None:
    """A program has the database open that a rollback would go to."""
    kept = sorted((folder / ".olist.previous").glob("*.duckdb"))[-1]
    with editor(kept, EDITS["an update of our rows"]):
        done = step_command(folder, *COMMANDS[command])
        if command == "build":
            require(done.status == 0, "an editor of a kept database stopped the build", done)
            expect(folder, 9, done)
        else:
            require(done.status == 1, f"exit status {done.status}", done)
            require("open for writing" in done.err, "no sentence", done)
            expect(folder, 3, done)


def kept_has_a_log(folder: Path, command: str) -> None:
    """A program that edited the kept database was killed: its log must not be read with another file."""
    kept = sorted((folder / ".olist.previous").glob("*.duckdb"))[-1]
    with editor(kept, EDITS["an update of our rows"]):
        pass
    done = step_command(folder, *COMMANDS[command])
    require(not done.has_traceback, "a traceback", done)
    if done.status == 0:
        expect(folder, RIGHT[command], done)
    else:
        require("log" in done.err and command == "rollback", "no sentence", done)
        expect(folder, 3, done)


def expect(folder: Path, number: int, done: Done) -> None:
    """See that the build is published, whole, and that no log lies beside it."""
    seen = number_in(folder / NAME)
    require(seen == number, f"build {seen} is published, not {number}", done)
    require(not list(folder.glob(f"{NAME}.wal*")), "a log beside the published file", done)


def wait_for(path: Path, *, seconds: float = 60) -> None:
    """Wait until a path exists."""
    until = time.monotonic() + seconds
    while not path.exists():
        require(time.monotonic() < until, f"{path.name} did not appear")
        time.sleep(0.01)


def campaign(folder: Path, *, is_quick: bool = False) -> list[Count]:
    """Try every writer with a build and with a rollback.

    Parameters
    ----------
    folder : Path
        Made; everything happens in it.
    is_quick : bool
        Of the edits that a killed program leaves, only two.

    Returns
    -------
    list of Count
    """
    base = folder / "base"
    base.mkdir(parents=True)
    for number in (1, 2, 3):
        succeed(base, "build", "--number", str(number))
    edits = list(EDITS.items())[: 2 if is_quick else None]
    writers = {f"a killed program with {name}": killed(edit) for name, edit in edits}
    writers |= {
        "a log of garbage": garbage_log,
        "the log of another file": log_of_another_file,
        "a program that writes": live,
        "a program that writes as soon as it can": opened_as_soon_as_free,
        "a program that reads throughout": reader_throughout,
        "a program that writes to the kept database": kept_is_edited,
        "a killed program that wrote to the kept database": kept_has_a_log,
    }
    pairs = [
        (f"{command} and {name}", Trial(base, command, does))
        for (name, does), command in itertools.product(writers.items(), COMMANDS)
    ]
    # A rollback does not wait.
    late = Trial(base, "build", live_and_closed_in_time)
    pairs.append(("build and a program that closes in time", late))
    places = {id(trial): folder / f"trial-{i}" for i, (_, trial) in enumerate(pairs)}

    def one(trial: Trial) -> None:
        trial.does(ground.copy_tree(trial.base, places[id(trial)]), trial.command)

    return [try_all(Count("writers beside builds and rollbacks", "never mixed"), pairs, one)]
