"""A command, and what all its processes took together: a driver's JVM and its executors outlive no parent's account."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.builds import BuildError
from benchmarks.job import PROJECT

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
SECONDS_BETWEEN_LOOKS = 1
# Of looks, one looks into folders: their files are many.
LOOKS_AT_FOLDERS = 10
# What a process is, by how a word of its command line ends; the rest is the program itself.
KINDS = {
    "org.apache.spark.deploy.SparkSubmit": "driver's JVM",
    "CoarseGrainedExecutorBackend": "executors' JVMs",
    "pyspark.daemon": "executors' Python",
}
PROGRAM = "program"


@dataclasses.dataclass(frozen=True)
class Taken:
    """What a command took.

    Attributes
    ----------
    seconds : float
        Wall time.
    cpu_seconds : float
        Processor time of all processes, as of the last look at each; a second of a process may be missing.
    peak_memory : int
        Most bytes that all processes held at once; what they share counts once.
    peak_memory_of : dict of str to int
        The same of the processes of each kind, each at its own peak.
    peak_scratch : int
        Most bytes of files in the folders for what is shuffled and spilled.
    """

    seconds: float
    cpu_seconds: float
    peak_memory: int
    peak_memory_of: dict[str, int]
    peak_scratch: int


class Watch(threading.Thread):
    """Looks at the processes of a session until it is told to stop.

    Parameters
    ----------
    session : int
        The process that `setsid` made the first of a session: its children are in it, and daemons of theirs too.
    scratch : sequence of Path
    """

    def __init__(self, session: int, scratch: Sequence[Path]) -> None:
        super().__init__(daemon=True)
        self.session = session
        self.scratch = scratch
        self.cpu: dict[tuple[int, str], float] = {}
        self.peak_memory = 0
        self.peak_memory_of: dict[str, int] = {}
        self.peak_scratch = 0
        self.ended = threading.Event()

    def run(self) -> None:
        """Look, and look again."""
        looks = 0
        while not self.ended.is_set():
            self.look()
            if looks % LOOKS_AT_FOLDERS == 0:
                size = sum(folder_bytes(folder) for folder in self.scratch)
                self.peak_scratch = max(self.peak_scratch, size)
            looks += 1
            self.ended.wait(SECONDS_BETWEEN_LOOKS)

    def look(self) -> None:
        """Count what the processes have taken and hold."""
        memory: dict[str, int] = {}
        for process, words in processes_of(self.session):
            # Of /proc/…/stat: utime and stime, and when it started, which tells it from another of its number.
            self.cpu[process, words[19]] = (int(words[11]) + int(words[12])) / TICKS
            kind = kind_of(process)
            memory[kind] = memory.get(kind, 0) + proportional_memory(process)
        self.peak_memory = max(self.peak_memory, sum(memory.values()))
        for kind, size in memory.items():
            self.peak_memory_of[kind] = max(self.peak_memory_of.get(kind, 0), size)


def run_watched(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    scratch: Sequence[Path] = (),
) -> Taken:
    """Run a command in the project's folder, and watch its processes.

    Parameters
    ----------
    command : sequence of str
    log : Path
        Takes its output.
    environment : mapping
        Added to that of this process.
    scratch : sequence of Path
        Folders whose size is watched.

    Returns
    -------
    Taken

    Raises
    ------
    BuildError
        If it fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        watch = Watch(process.pid, scratch)
        watch.start()
        try:
            status = process.wait()
        except BaseException:
            # Not only the child: its JVM and the executors would go on.
            for found, _ in processes_of(process.pid):
                os.kill(found, signal.SIGKILL)
            process.wait()
            raise
        finally:
            seconds = time.perf_counter() - start
            watch.ended.set()
            watch.join()
    if status:
        raise BuildError(f"{' '.join(command)} failed:\n{log.read_text()[-4000:]}")
    return Taken(
        seconds,
        sum(watch.cpu.values()),
        watch.peak_memory,
        watch.peak_memory_of,
        watch.peak_scratch,
    )


def processes_of(session: int) -> Iterator[tuple[int, list[str]]]:
    """Give the number of each living process of a session, and what /proc/…/stat says after its name."""
    for place in PROC.glob("[0-9]*/stat"):
        try:
            words = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[3]) == session and words[0] not in "ZX":
            yield int(place.parent.name), words


def kind_of(process: int) -> str:
    """Say what a process is."""
    try:
        line = (PROC / str(process) / "cmdline").read_text(errors="replace")
    except OSError:
        return PROGRAM
    words = line.split("\0")
    kinds = (kind for end, kind in KINDS.items() if any(word.endswith(end) for word in words))
    return next(kinds, PROGRAM)


def proportional_memory(process: int) -> int:
    """Return the bytes that a process holds, of shared ones its part (Pss); 0 when it has ended."""
    try:
        lines = (PROC / str(process) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the files in a folder, as far as they last."""
    size = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(os.path.join(where, name)).st_size
            except OSError:
                continue
    return size
