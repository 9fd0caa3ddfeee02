"""All sides of a part, in turn, as often as asked for."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.job import PROJECT, Job
from benchmarks.parts import PARTS, Check
from benchmarks.side import job_to_text

OURS = "ours"
# Each has a ratio and checks of its own against ours.
YARDSTICKS = ("plain", "expert")


class BenchmarkError(Exception):
    """A side failed; the message is what it said."""


def tool_versions(names: Sequence[str]) -> dict[str, str | None]:
    """Return the version of each installed package, None for one that is missing."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def measure_part(
    name: str,
    job: Job,
    *,
    repeats: int,
    yardsticks: tuple[str, ...] = YARDSTICKS,
    is_slow_repeated: bool = False,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Run a part, ours and the yardsticks side by side.

    Each side has a process of its own, which waits while another is at work. The order alternates, so that a machine
    that gets slower or warmer does so for all.

    Parameters
    ----------
    name : str
    job : Job
    repeats : int
        Rounds, in each of which every side runs once. A slow yardstick runs in the first only.
    yardsticks : tuple of str
        Of `YARDSTICKS`. One that the part has not, or whose package is not installed, is left out.
    is_slow_repeated : bool
        Whether a slow yardstick runs in every round.
    report : callable
        Receives a line per run.

    Returns
    -------
    dict
        title, is_counted, for each side its runs, median and peak memory, for each yardstick the ratio with its
        spread and the checks (see `ratio_names`), and for the expert's tools the versions.
    """
    part = PARTS[name]()
    found: dict[str, Any] = {"title": part.title, "is_counted": part.is_counted}
    if "expert" in yardsticks:
        tools = tool_versions(part.expert_tools)
        missing = [tool for tool, found_version in tools.items() if found_version is None]
        found["expert_tools"] = tools
        if missing:
            report(f"  {name}: the expert's way is left out, {', '.join(missing)} is not installed")
        if missing or not tools:
            yardsticks = tuple(side for side in yardsticks if side != "expert")
    sides = (OURS, *yardsticks)
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    outcomes = {side: job.work / f"{name}-{side}.pickle" for side in sides}
    with contextlib.ExitStack() as stack:
        workers = {
            side: stack.enter_context(contextlib.closing(_Worker(name, side, job)))
            for side in sides
        }
        for worker in workers.values():
            # So that none is still loading libraries while another is at work.
            worker.ask("ready")
        for repeat in range(repeats):
            for side in sides if repeat % 2 == 0 else sides[::-1]:
                if repeat and side != OURS and part.is_slow and not is_slow_repeated:
                    continue
                measured = workers[side].ask("run")
                runs[side].append(measured)
                # Only the first round is compared.
                if repeat == 0 and yardsticks:
                    workers[side].ask(f"keep {outcomes[side]}")
                about = "about " if measured["note"] else ""
                share = f" ({measured['note']})" if measured["note"] else ""
                report(
                    f"  {name}: {side} {about}{measured['estimate']:.2f} s{share},"
                    f" {measured['peak_memory'] / 1e6:,.0f} MB"
                )
    found |= {side: summary(of_side) for side, of_side in runs.items()}
    for side in yardsticks:
        ratio_name, checks_name = ratio_names(side)
        found |= {
            key.replace("ratio", ratio_name): value
            for key, value in ratio(runs[OURS], runs[side]).items()
        }
        found[checks_name] = [
            {
                "what": check.what,
                "difference": check.difference,
                "tolerance": check.tolerance,
                "is_equal": check.is_equal,
            }
            for check in _compare(name, job, outcomes, side)
        ]
        wrong = [check for check in found[checks_name] if not check["is_equal"]]
        for check in wrong:
            report(
                f"  {name}: DIFFERENT from {side}: {check['what']} {check['difference']:.3g}"
                f" > {check['tolerance']:g}"
            )
        count = len(found[checks_name])
        report(
            f"  {name}: {found[ratio_name]:.2f} times as fast as {side},"
            f" {count - len(wrong)} of {count} checks passed"
        )
    for path in outcomes.values():
        path.unlink(missing_ok=True)
    return found


def ratio_names(side: str) -> tuple[str, str]:
    """Return what the ratio and the checks of a yardstick are called in the result of a part."""
    return ("ratio", "checks") if side == "plain" else (f"{side}_ratio", f"{side}_checks")


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Summarise the runs of one side: median, lowest and highest time, most memory."""
    estimates = [run["estimate"] for run in runs]
    return {
        "seconds": statistics.median(estimates),
        "lowest": min(estimates),
        "highest": max(estimates),
        "runs": len(runs),
        "measured_seconds": [run["seconds"] for run in runs],
        "note": runs[0]["note"],
        # Of the first run: a later one has what the ones before left.
        "peak_memory": runs[0]["peak_memory"],
        "memory_before": runs[0]["memory_before"],
    }


def ratio(ours: list[dict[str, Any]], other: list[dict[str, Any]]) -> dict[str, float]:
    """Return the median of the ratios of the pairs, and the lowest and highest.

    A yardstick that ran once is paired with every run of ours.
    """
    times = [run["estimate"] for run in other]
    if len(times) == 1:
        times *= len(ours)
    ratios = [time / run["estimate"] for run, time in zip(ours, times, strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "ratio_lowest": min(ratios),
        "ratio_highest": max(ratios),
    }


def environment() -> dict[str, str]:
    """Return the environment of the processes that run a side."""
    path = os.pathsep.join([str(PROJECT / "python"), str(PROJECT)])
    return {**os.environ, "PYTHONPATH": path}


class _Worker:
    """A process that runs one side of one part when asked to."""

    def __init__(self, name: str, side: str, job: Job) -> None:
        self._title = f"{name}, {side}"
        self._log = job.work / f"{name}-{side}.log"
        with self._log.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.side", name, side, job_to_text(job)],
                cwd=PROJECT,
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def ask(self, command: str) -> dict[str, Any]:
        """Give a command and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        answer = ""
        # A process that has died takes nothing.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{command}\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            self._process.wait()
            raise BenchmarkError(f"{self._title}: {self._log.read_text()[-3000:]}")
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()
        self._log.unlink(missing_ok=True)


def _compare(name: str, job: Job, outcomes: dict[str, Path], side: str) -> list[Check]:
    loaded = []
    for path in (outcomes[OURS], outcomes[side]):
        with path.open("rb") as file:
            loaded.append(pickle.load(file))
    return PARTS[name]().compare(job, *loaded)
