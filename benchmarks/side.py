"""One side of one part, in a process of its own, so that its memory is its own.

Run as ``python -m benchmarks.side PART SIDE JOB OUTCOME``; prints one line of JSON.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
import resource
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.job import Job, Meter
from benchmarks.parts import PARTS

KIB = 1024


def run_side(
    part_name: str, side: str, job: Job, *, is_collected: bool = True
) -> tuple[dict[str, Any], Any]:
    """Run a side and measure it.

    Parameters
    ----------
    part_name : str
    side : {"ours", "plain"}
    job : Job
    is_collected : bool
        Whether the outcome is wanted.

    Returns
    -------
    measured : dict
        seconds (on the clock), estimate (of the whole part; the same unless a share was done),
        note (which share), memory_before and peak_memory (bytes of the process, its inputs and
        libraries included).
    outcome
        What the part's ``compare`` takes; None when it is not wanted.
    """
    part = PARTS[part_name]()
    meter = Meter()
    inputs = part.prepare_ours(job) if side == "ours" else part.prepare_plain(job)
    before = peak_memory()
    start = time.perf_counter()
    outcome = part.ours(job, inputs) if side == "ours" else part.plain(job, inputs, meter)
    seconds = time.perf_counter() - start
    measured = {
        "seconds": seconds,
        "estimate": meter.estimate(seconds),
        "note": meter.note(),
        "memory_before": before,
        "peak_memory": peak_memory(),
    }
    if not is_collected:
        return measured, None
    collect = part.collect_ours if side == "ours" else part.collect_plain
    return measured, collect(job, inputs, outcome)


def peak_memory() -> int:
    """Return the most memory that this process has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB


def job_to_text(job: Job) -> str:
    """Write a job for another process."""
    return json.dumps(dataclasses.asdict(job), default=str)


def job_from_text(text: str) -> Job:
    """Read what `job_to_text` wrote."""
    values = json.loads(text)
    paths = ("raw_dir", "database", "target", "work")
    return Job(**{k: Path(v) if k in paths else v for k, v in values.items()})


def main(arguments: list[str]) -> int:
    """Run the side that the command line names."""
    part_name, side, job_text, outcome_path = arguments
    measured, outcome = run_side(
        part_name, side, job_from_text(job_text), is_collected=bool(outcome_path)
    )
    if outcome_path:
        with Path(outcome_path).open("wb") as file:
            pickle.dump(outcome, file, protocol=pickle.HIGHEST_PROTOCOL)
    print(json.dumps(measured), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
