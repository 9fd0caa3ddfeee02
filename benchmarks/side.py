"""One side of one part, in a process of its own, so that its memory is its own.

Run as ``python -m benchmarks.side PART SIDE JOB``. It takes commands from standard input, one a line, and answers each
with a line of JSON: ``ready`` is answered when the libraries are loaded; ``run`` makes the inputs, does the work and
says what it took; ``keep PATH`` writes what the last run gave. It ends when its input does.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import pickle
import resource
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.job import Job, Meter
from benchmarks.parts import PARTS

KIB = 1024


def run_side(part_name: str, side: str, job: Job) -> tuple[dict[str, Any], Any]:
    """Run a side once and measure it.

    Parameters
    ----------
    part_name : str
    side : {"ours", "plain", "expert"}
    job : Job

    Returns
    -------
    measured : dict
        See `Side.run`.
    outcome
        What the part's ``compare`` takes.
    """
    one = Side(part_name, side, job)
    measured = one.run()
    outcome = one.outcome()
    one.release()
    return measured, outcome


class Side:
    """A side of a part that can be run again and again.

    Parameters
    ----------
    part_name : str
    name : {"ours", "plain", "expert"}
    job : Job
    """

    def __init__(self, part_name: str, name: str, job: Job) -> None:
        self.part = PARTS[part_name]()
        self.name = name
        self.job = job
        self._inputs: Any = None
        self._found: Any = None

    def run(self) -> dict[str, Any]:
        """Make the inputs, off the clock, and do the work.

        Returns
        -------
        dict
            seconds (on the clock), estimate (of the whole part; the same unless a share was done),
            note (which share), memory_before and peak_memory (bytes of the process, its inputs and
            libraries included).
        """
        self.release()
        meter = Meter()
        self._inputs = getattr(self.part, f"prepare_{self.name}")(self.job)
        work = getattr(self.part, self.name)
        metered = () if self.name == "ours" else (meter,)
        before = peak_memory()
        start = time.perf_counter()
        self._found = work(self.job, self._inputs, *metered)
        seconds = time.perf_counter() - start
        return {
            "seconds": seconds,
            "estimate": meter.estimate(seconds),
            "note": meter.note(),
            "memory_before": before,
            "peak_memory": peak_memory(),
        }

    def outcome(self) -> Any:
        """Return what the part's ``compare`` takes of the last run."""
        collect = getattr(self.part, f"collect_{self.name}")
        return collect(self.job, self._inputs, self._found)

    def release(self) -> None:
        """Let go of the last run."""
        if self._inputs is not None:
            self.part.release(self._inputs)
        self._inputs = self._found = None
        gc.collect()


def peak_memory() -> int:
    """Return the most memory that this process has had, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # What `getrusage` says begins with what the process was started from had.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * KIB
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
    """Serve the side that the command line names."""
    part_name, name, job_text = arguments
    # The models report their progress on standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    side = Side(part_name, name, job_from_text(job_text))
    for line in sys.stdin:
        command, _, path = line.strip().partition(" ")
        if command == "keep":
            with Path(path).open("wb") as file:
                pickle.dump(side.outcome(), file, protocol=pickle.HIGHEST_PROTOCOL)
        answer = side.run() if command == "run" else {}
        print(json.dumps(answer), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
