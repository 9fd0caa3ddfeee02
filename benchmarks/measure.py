"""Both sides of a part, in turn, as often as asked for."""

from __future__ import annotations

import json
import os
import pickle
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.job import PROJECT, Job
from benchmarks.parts import PARTS, Check
from benchmarks.side import job_to_text

SIDES = ("ours", "plain")


class BenchmarkError(Exception):
    """A side failed; the message is what it said."""


def measure_part(
    name: str,
    job: Job,
    *,
    repeats: int,
    sides: tuple[str, ...] = SIDES,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Run a part, ours and the yardstick side by side.

    The order alternates, so that a machine that gets slower or warmer does so for both.

    Parameters
    ----------
    name : str
    job : Job
    repeats : int
        Pairs of runs. A slow yardstick runs once.
    sides : tuple of str
        One side only has no ratio and no checks.
    report : callable
        Receives a line per run.

    Returns
    -------
    dict
        title, is_counted, for each side its runs, median and peak memory, the ratio with its
        spread, and the checks.
    """
    part = PARTS[name]()
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    outcomes = {side: job.work / f"{name}-{side}.pickle" for side in sides}
    for repeat in range(repeats):
        for side in sides if repeat % 2 == 0 else sides[::-1]:
            if repeat and side == "plain" and part.is_slow:
                continue
            # Only the first pair is compared, and only a pair.
            outcome = outcomes[side] if repeat == 0 and len(sides) == len(SIDES) else None
            measured = _run_side(name, side, job, outcome)
            runs[side].append(measured)
            about = "about " if measured["note"] else ""
            share = f" ({measured['note']})" if measured["note"] else ""
            report(
                f"  {name}: {side} {about}{measured['estimate']:.2f} s{share},"
                f" {measured['peak_memory'] / 1e6:,.0f} MB"
            )
    found: dict[str, Any] = {
        "title": part.title,
        "is_counted": part.is_counted,
        **{side: summary(of_side) for side, of_side in runs.items()},
    }
    if set(sides) == set(SIDES):
        found |= ratio(runs["ours"], runs["plain"])
        checks = _compare(name, job, outcomes)
        found["checks"] = [
            {
                "what": check.what,
                "difference": check.difference,
                "tolerance": check.tolerance,
                "is_equal": check.is_equal,
            }
            for check in checks
        ]
        for check in checks:
            if not check.is_equal:
                report(
                    f"  {name}: DIFFERENT: {check.what} {check.difference:.3g} > {check.tolerance:g}"
                )
        report(
            f"  {name}: {found['ratio']:.1f} times as fast,"
            f" {sum(c.is_equal for c in checks)} of {len(checks)} checks passed"
        )
    for path in outcomes.values():
        path.unlink(missing_ok=True)
    return found


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
        "peak_memory": max(run["peak_memory"] for run in runs),
        "memory_before": max(run["memory_before"] for run in runs),
    }


def ratio(ours: list[dict[str, Any]], plain: list[dict[str, Any]]) -> dict[str, float]:
    """Return the median of the ratios of the pairs, and the lowest and highest.

    A yardstick that ran once is paired with every run of ours.
    """
    times = [run["estimate"] for run in plain]
    if len(times) == 1:
        times *= len(ours)
    ratios = [other / run["estimate"] for run, other in zip(ours, times, strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "ratio_lowest": min(ratios),
        "ratio_highest": max(ratios),
    }


def environment() -> dict[str, str]:
    """Return the environment of the processes that run a side."""
    path = os.pathsep.join([str(PROJECT / "python"), str(PROJECT)])
    return {**os.environ, "PYTHONPATH": path}


def _run_side(name: str, side: str, job: Job, outcome: Path | None) -> dict[str, Any]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks.side",
            name,
            side,
            job_to_text(job),
            str(outcome or ""),
        ],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchmarkError(f"{name}, {side}: {done.stderr[-3000:]}")
    # The models report their progress on the lines before.
    return json.loads(done.stdout.splitlines()[-1])


def _compare(name: str, job: Job, outcomes: dict[str, Path]) -> list[Check]:
    loaded = {}
    for side, path in outcomes.items():
        with path.open("rb") as file:
            loaded[side] = pickle.load(file)
    return PARTS[name]().compare(job, loaded["ours"], loaded["plain"])
