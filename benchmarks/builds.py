"""Whole builds as a user starts them, and what dbt wrote about them."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.job import PROJECT

KIB = 1024


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
        See `describe_build`, and seconds, cpu_seconds, peak_memory, database_bytes, raw_bytes.
    """
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
