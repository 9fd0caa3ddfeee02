"""dbt's own floor: a project with as many nodes and tests as ours, that do nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.builds import describe_build, run_timed

PROJECT_YAML = """\
name: floor
version: "1.0"
profile: floor
flags:
  send_anonymous_usage_stats: false
"""
PROFILE_YAML = """\
floor:
  target: duckdb
  outputs:
    duckdb:
      type: duckdb
      path: "{database}"
      threads: {threads}
"""
UNIT_TEST_YAML = """\
  - name: unit_{number}
    model: table_{model}
    given: []
    expect:
      rows: [{{id: {model}}}]
"""


def write_project(folder: Path, counts: Mapping[str, int], *, threads: int) -> None:
    """Write the project.

    Parameters
    ----------
    folder : Path
    counts : mapping
        See `benchmarks.builds.node_counts`.
    threads : int
    """
    for name in ("models", "seeds", "tests"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "dbt_project.yml").write_text(PROJECT_YAML)
    (folder / "profiles.yml").write_text(
        PROFILE_YAML.format(database=folder / "floor.duckdb", threads=threads)
    )
    for kind in ("table", "view"):
        for number in range(counts[kind]):
            (folder / "models" / f"{kind}_{number}.sql").write_text(
                f"{{{{ config(materialized='{kind}') }}}} select {number} as id"
            )
    for number in range(counts["seed"]):
        (folder / "seeds" / f"seed_{number}.csv").write_text("id\n1\n")
    tables = counts["table"]
    for number in range(counts["test"]):
        (folder / "tests" / f"test_{number}.sql").write_text(
            f"select id from {{{{ ref('table_{number % tables}') }}}} where id < 0"
        )
    if counts["unit_test"]:
        tests = "".join(
            UNIT_TEST_YAML.format(number=number, model=number % tables)
            for number in range(counts["unit_test"])
        )
        (folder / "models" / "unit.yml").write_text(f"unit_tests:\n{tests}")


def measure_floor(folder: Path, counts: Mapping[str, int], *, threads: int) -> dict[str, Any]:
    """Build the project once; the first time also write it and let dbt parse it.

    Parameters
    ----------
    folder : Path
        Does not exist, or is of an earlier call.
    counts : mapping
    threads : int

    Returns
    -------
    dict
        seconds, cpu_seconds, peak_memory, the counts, and `describe_build`.
    """
    command = [str(Path(sys.executable).with_name("dbt")), "build", "--project-dir", str(folder)]
    environment = {
        "DBT_PROFILES_DIR": str(folder),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_USE_COLORS": "false",
    }
    log = folder.with_suffix(".log")
    if not folder.exists():
        write_project(folder, counts, threads=threads)
        run_timed(command, log=log, environment=environment)
    timed = run_timed(command, log=log, environment=environment)
    results = json.loads((folder / "target" / "run_results.json").read_text())["results"]
    return {
        "seconds": timed.seconds,
        "cpu_seconds": timed.cpu_seconds,
        "peak_memory": timed.peak_memory,
        "counts": dict(counts),
        **describe_build(results, timed.seconds),
    }
