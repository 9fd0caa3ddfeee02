"""Whole builds as a user starts them, and what dbt wrote about them."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.job import PROJECT

KIB = 1024
# What st_blocks counts, whatever the file system.
BLOCK = 512


class BuildError(Exception):
    """A build failed; the message is the end of its output."""


@dataclasses.dataclass(frozen=True)
class Timed:
    """A process that has ended: wall time, processor time and peak memory, children included."""

    seconds: float
    cpu_seconds: float
    peak_memory: int


def run_timed(command: Sequence[str], *, log: Path, environment: Mapping[str, str]) -> Timed:
    """Run a command in the project's folder.

    Parameters
    ----------
    command : sequence of str
    log : Path
        Takes its output.
    environment : mapping
        Added to that of this process.

    Returns
    -------
    Timed

    Raises
    ------
    BuildError
        If it fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            # Not only the child: dbt is a child of it, and would go on writing.
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
        seconds = time.perf_counter() - start
    # Popen must not wait for a process that is gone.
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise BuildError(f"{' '.join(command)} failed:\n{log.read_text()[-4000:]}")
    return Timed(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * KIB)


class DiskWatch:
    """While it is open, the most bytes that the files below a folder took, looked at each second.

    Parameters
    ----------
    folder : Path
        Of the database: DuckDB spills beside it.
    but : sequence of Path
        Folders below it that do not count.
    """

    def __init__(self, folder: Path, *, but: Sequence[Path] = ()) -> None:
        self.folder = folder
        self.but = {path.resolve() for path in but}
        self.peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> DiskWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, self._bytes())
            if self._ended.wait(1):
                return

    def _bytes(self) -> int:
        total = 0
        for parent, folders, files in os.walk(self.folder):
            folders[:] = [one for one in folders if (Path(parent) / one).resolve() not in self.but]
            for name in files:
                # A file that spilled may be gone by now.
                with contextlib.suppress(FileNotFoundError):
                    total += os.stat(os.path.join(parent, name)).st_blocks * BLOCK
        return total


def build_environment(*, raw_dir: Path, database: Path, target: Path) -> dict[str, str]:
    """Return the settings of a build."""
    return {
        "OLIST_RAW_DIR": str(raw_dir),
        "SEGMENTATION_DATABASE": str(database),
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target / "logs"),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_USE_COLORS": "false",
        "PYTHONPATH": str(PROJECT / "python"),
    }


def build(
    *, raw_dir: Path, database: Path, target: Path, options: Sequence[str] = ()
) -> dict[str, Any]:
    """Do what `make build` does, and measure it.

    Parameters
    ----------
    raw_dir, database, target : Path
    options : sequence of str
        ``--full-refresh`` re-uses nothing.

    Returns
    -------
    dict
        See `describe_build`, and seconds, cpu_seconds, peak_memory, database_bytes, peak_disk,
        raw_bytes.
    """
    disk = DiskWatch(database.parent, but=[raw_dir, target])
    with disk:
        timed = run_timed(
            [sys.executable, "-m", "customer_segmentation", "build", "--partial", *options],
            log=target / "benchmark-build.log",
            environment=build_environment(raw_dir=raw_dir, database=database, target=target),
        )
    results = json.loads((target / "run_results.json").read_text())["results"]
    with duckdb.connect(str(database), read_only=True) as connection:
        customers, orders = connection.execute(
            "select count(*), sum(order_count) from marts.customers"
        ).fetchone()
        (is_synthetic,) = connection.execute(
            "select bool_or(is_synthetic) from staging.raw_loads"
        ).fetchone()
    return {
        **dataclasses.asdict(timed),
        "database_bytes": database.stat().st_size,
        "peak_disk": disk.peak,
        "raw_bytes": sum(path.stat().st_size for path in raw_dir.iterdir()),
        "customers": int(customers),
        "orders": int(orders),
        "is_synthetic": bool(is_synthetic),
        **describe_build(results, timed.seconds),
    }


def describe_build(results: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Say where the time of a build went.

    Parameters
    ----------
    results : list of dict
        Of dbt's run_results.json.
    seconds : float
        Wall time of the whole command.

    Returns
    -------
    dict
        node_seconds: wall time during which at least one node was at work; outside_seconds: the
        rest, in which dbt starts, parses, and publishes; by_type: number and summed seconds of
        each kind of node (they overlap when dbt has several threads); nodes: seconds of every
        one, the longest first.
    """
    spans, by_type, nodes = [], {}, []
    for result in results:
        kind = result["unique_id"].split(".")[0]
        count, total = by_type.get(kind, (0, 0.0))
        by_type[kind] = (count + 1, total + result["execution_time"])
        name = f"{kind} {result['unique_id'].split('.')[2]}"
        nodes.append((name, round(result["execution_time"], 3)))
        times = [
            (_seconds(step["started_at"]), _seconds(step["completed_at"]))
            for step in result["timing"]
        ]
        if times:
            spans.append((min(t[0] for t in times), max(t[1] for t in times)))
    busy = covered(spans)
    nodes.sort(key=lambda node: -node[1])
    return {
        "node_seconds": busy,
        "outside_seconds": seconds - busy,
        "by_type": {k: {"nodes": n, "seconds": s} for k, (n, s) in sorted(by_type.items())},
        "nodes": dict(nodes),
    }


def covered(spans: list[tuple[float, float]]) -> float:
    """Return the length of the union of time spans."""
    total, end = 0.0, float("-inf")
    for start, stop in sorted(spans):
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def node_counts(manifest: Mapping[str, Any]) -> dict[str, int]:
    """Count the nodes of a project by kind, models by materialisation.

    Parameters
    ----------
    manifest : dict

    Returns
    -------
    dict
        table, view, seed, test, unit_test.
    """
    counts: Counter[str] = Counter()
    for node in manifest["nodes"].values():
        kind = node["resource_type"]
        if kind == "model":
            kind = node["config"]["materialized"]
        counts[kind] += 1
    counts["unit_test"] = len(manifest["unit_tests"])
    return {kind: counts[kind] for kind in ("table", "view", "seed", "test", "unit_test")}


def _seconds(time_text: str) -> float:
    return datetime.fromisoformat(time_text.replace("Z", "+00:00")).timestamp()
