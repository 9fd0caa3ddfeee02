"""Kills and signals in the middle of real builds of a small synthetic Olist."""

from __future__ import annotations

import dataclasses
import queue
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

from torture import ground
from torture.campaign import Count, spread, try_all
from torture.fingerprints import Fingerprint, difference, fingerprint
from torture.ground import Done, require
from torture.swap_kills import NAME

CUSTOMERS = 900
# From the raw files to the published segments.
# B has a few rows less than A.
OPTIONS = ("--selector", "spine", "--vars", "{allow_fewer_rows: true}")
BUILD = ("customer_segmentation", "build", "--verbose", "--partial", *OPTIONS)
# What a build says when it gets to a place where a kill is worth trying.
PLACES = (
    "Running with dbt",
    "Concurrency:",
    "START hook: customer_segmentation.on-run-start",
    "OK created sql table model staging.stg_orders",
    "START sql table model marts.rfm ",
    "START python table model segmentation_work.kmeans_fits",
    "START sql table model segmentation.segment_profiles",
    "START hook: customer_segmentation.on-run-end",
    "Completed",
    "Done. PASS",
)
LAST = "Done. PASS"
PUBLISHED = "Published "
# How long the processes of a build that was ended may take to go.
GOING_SECONDS = 15


@dataclasses.dataclass(frozen=True)
class Moment:
    """When a signal is sent: so many seconds after the build has said something."""

    after: str
    seconds: float
    number: signal.Signals = signal.SIGKILL
    # To the whole process group, as a terminal does, or to `make build` alone.
    is_to_group: bool = True

    @property
    def title(self) -> str:
        """Return what a failure is headed by."""
        whom = "all" if self.is_to_group else "the command alone"
        place = self.after or "the start"
        return f"{self.number.name} to {whom}, {self.seconds:.2f} s after '{place}'"


@dataclasses.dataclass
class Bench:
    """A folder with a published database of raw data A, to build B in.

    Attributes
    ----------
    folder : Path
    base : Path
        Folder with what the others are copies of.
    first, second : dict
        Fingerprints of the databases of A and of B.
    last_seconds : float
        From dbt's last line to the end, in the build of B that nobody disturbed.
    seconds : float
        Of that whole build.
    """

    folder: Path
    base: Path
    first: Fingerprint
    second: Fingerprint
    last_seconds: float
    seconds: float

    def copy(self, folder: Path) -> Bench:
        """Return a bench of its own for a worker."""
        ground.copy_tree(self.base, folder)
        return dataclasses.replace(self, folder=folder)


def settings(folder: Path, raw: str) -> dict[str, str]:
    """Return the environment of a build; names are relative, so that dbt parses once."""
    return {
        "SEGMENTATION_DATABASE": NAME,
        "OLIST_RAW_DIR": raw,
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
    }


def make_bench(folder: Path) -> Bench:
    """Build A, publish it, build B elsewhere, and remember what both hold."""
    base = folder / "base"
    base.mkdir(parents=True)
    for name, seed in (("a", 1), ("b", 2)):
        ground.make_sample(base / name, CUSTOMERS, seed)
    build(base, "a")
    first = fingerprint(base / NAME)
    other = ground.copy_tree(base, folder / "other")
    started_at = time.monotonic()
    log = folder / "reference.log"
    process = ground.start(*BUILD, folder=other, settings=settings(other, "b"), log=log)
    wait_for(process, log, LAST)
    said_at = time.monotonic()
    status = process.wait()
    ended_at = time.monotonic()
    require(status == 0, "the build of B failed", Done(status, log.read_text(), ""))
    second = fingerprint(other / NAME)
    require(difference(first, second), "A and B are the same")
    shutil.rmtree(other)
    return Bench(base, base, first, second, ended_at - said_at, ended_at - started_at)


def build(folder: Path, raw: str) -> Done:
    """Build and publish, which must work."""
    done = ground.run(*BUILD, folder=folder, settings=settings(folder, raw))
    require(done.status == 0, f"the build of {raw} failed", done)
    return done


def wait_for(process: subprocess.Popen[bytes], log: Path, text: str) -> bool:
    """Wait until a build has said something; false when it ended before."""
    while text and text not in log.read_text(errors="replace"):
        if process.poll() is not None:
            return False
        time.sleep(0.005)
    return True


def moments(bench: Bench, seed: int, count: int) -> list[Moment]:
    """Draw moments: a third anywhere, a third at places, a third between dbt's last word and the end."""
    draw = random.Random(seed)
    anywhere = [Moment("", draw.uniform(0, bench.seconds)) for _ in range(count // 3)]
    ends = [Moment(LAST, draw.uniform(0, 1.2 * bench.last_seconds)) for _ in range(count // 3 - 1)]
    ends.append(Moment(PUBLISHED, 0))
    places = spread(list(PLACES), count - len(anywhere) - len(ends))
    return [*anywhere, *(Moment(place, draw.uniform(0, 0.1)) for place in places), *ends]


def answered(count: int) -> list[Moment]:
    """Return signals that a command answers: a terminal's Ctrl-C and hang-up, an operator's kill."""
    every = [
        Moment(place, 0.05, number, is_to_group)
        for place in ("Concurrency:", "START sql table model marts.rfm ", "Running with dbt")
        for number, is_to_group in (
            (signal.SIGINT, True),
            (signal.SIGTERM, False),
            (signal.SIGHUP, True),
            (signal.SIGINT, False),
            (signal.SIGTERM, True),
        )
    ]
    return every[:count]


def try_moment(bench: Bench, moment: Moment) -> None:
    """End a build of B at a moment, look at what is published, build B again, and go back."""
    folder, database = bench.folder, bench.folder / NAME
    log = folder / "build.log"
    process = ground.start(*BUILD, folder=folder, settings=settings(folder, "b"), log=log)
    wait_for(process, log, moment.after)
    time.sleep(moment.seconds)
    if moment.is_to_group:
        ground.kill_group(process, moment.number)
    else:
        process.send_signal(moment.number)
    status = process.wait(timeout=ground.LONGEST_SECONDS)
    done = Done(status, log.read_text(errors="replace"), "")
    try:
        wait_until_gone(process.pid, done)
        check_words(moment, done)
        seen = state(bench, database, done)
        if moment.number != signal.SIGKILL and status != 0:
            require(seen == "A", "stopped, and B is published", done)
        require(not list(folder.glob(f"{NAME}.wal*")), "a log beside the published file", done)
        if moment.number == signal.SIGKILL:
            require(state(bench, database, build(folder, "b")) == "B", "the next build is not B")
            back = ground.run(
                "customer_segmentation", "rollback", folder=folder, settings=settings(folder, "b")
            )
            require(back.status == 0, "the rollback failed", back)
            gone_to = state(bench, database, back)
            require(gone_to == seen, f"the rollback went to {gone_to}, not to {seen}", back)
    finally:
        # The next one begins with A again.
        if database.exists() and fingerprint(database) != bench.first:
            bench.copy(folder)


def wait_until_gone(group: int, done: Done) -> None:
    """See that no process of a build that was ended is left."""
    until = time.monotonic() + GOING_SECONDS
    while left := ground.processes_of_group(group):
        require(time.monotonic() < until, f"still running: {left}", done)
        time.sleep(0.1)


def check_words(moment: Moment, done: Done) -> None:
    """See that a command that was told to end says so in a sentence."""
    if moment.number == signal.SIGKILL:
        return
    require(not done.has_traceback, "a traceback", done)
    require(done.status in (0, 130), f"exit status {done.status}", done)
    if done.status == 130:
        # Python's own helper of the ended dbt may have the last word.
        said = [line for line in done.out.splitlines() if line.startswith("build: stopped")]
        require(len(said) == 1, "no sentence that says so", done)


def state(bench: Bench, database: Path, done: Done) -> str:
    """Say whether the published file holds exactly A or exactly B."""
    seen = fingerprint(database)
    if seen == bench.first:
        return "A"
    require(
        seen == bench.second,
        f"neither A ({difference(seen, bench.first)}) nor B ({difference(seen, bench.second)})",
        done,
    )
    return "B"


def try_plain(bench: Bench, moment: Moment) -> None:
    """Kill a plain `dbt build` into the published file, and see that the next `make build` is whole."""
    folder = bench.folder
    log = folder / "build.log"
    process = ground.start(
        *("dbt.cli.main", "build", *OPTIONS),
        folder=folder,
        settings=settings(folder, "b"),
        log=log,
    )
    wait_for(process, log, moment.after)
    time.sleep(moment.seconds)
    ground.kill_group(process)
    done = Done(process.wait(), log.read_text(errors="replace"), "")
    require(done.status == -signal.SIGKILL, "the plain build ended before the kill", done)
    wait_until_gone(process.pid, done)
    try:
        had_log = (folder / f"{NAME}.wal").exists()
        built = build(folder, "b")
        require(state(bench, folder / NAME, built) == "B", "the next build is not B", built)
        require(not list(folder.glob(f"{NAME}.wal*")), "a log beside the published file", built)
        require(not had_log or "left a log" in built.err, "nothing is said of the log", built)
    finally:
        bench.copy(folder)


def campaign(folder: Path, *, seed: int, kills: int, signals: int, plain: int) -> list[Count]:
    """End real builds, two at a time.

    Parameters
    ----------
    folder : Path
        Made; everything happens in it.
    seed : int
        Of the random moments.
    kills, signals, plain : int
        How many of each: SIGKILL to a build, signals that it answers, SIGKILL to a plain dbt.

    Returns
    -------
    list of Count
    """
    bench = make_bench(folder)
    workers: queue.Queue[Bench] = queue.Queue()
    for number in range(2):
        workers.put(bench.copy(folder / f"worker-{number}"))

    def with_worker(trial):
        def one(moment: Moment) -> None:
            worker = workers.get()
            try:
                trial(worker, moment)
            finally:
                workers.put(worker)

        return one

    after = (
        "START python table model segmentation_work.kmeans_fits",
        "OK created sql table model staging.stg_orders",
    )
    lists = [
        (Count("kills of real builds", "whole"), moments(bench, seed, kills), try_moment),
        (Count("signals to real builds", "whole, told and gone"), answered(signals), try_moment),
        (
            Count("kills of a plain dbt, and a build after each", "whole"),
            [Moment(place, 0.02) for place in after[:plain]],
            try_plain,
        ),
    ]
    return [
        try_all(count, [(moment.title, moment) for moment in listed], with_worker(trial))
        for count, listed, trial in lists
    ]
