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
    """Build the project twice and measure the second time, in which dbt has parsed it before.

    Parameters
    ----------
    folder : Path
        Empty.
    counts : mapping
    threads : int

    Returns
    -------
    dict
        first_seconds, seconds, cpu_seconds, peak_memory, the counts, and `describe_build` of the second.
    """
    write_project(folder, counts, threads=threads)
    command = [str(Path(sys.executable).with_name("dbt")), "build", "--project-dir", str(folder)]
    environment = {
        "DBT_PROFILES_DIR": str(folder),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_USE_COLORS": "false",
    }
    times = [
        run_timed(command, log=folder / "build.log", environment=environment) for _ in range(2)
    ]
    results = json.loads((folder / "target" / "run_results.json").read_text())["results"]
    return {
        "first_seconds": times[0].seconds,
        "seconds": times[1].seconds,
        "cpu_seconds": times[1].cpu_seconds,
        "peak_memory": times[1].peak_memory,
        "counts": dict(counts),
        **describe_build(results, times[1].seconds),
    }
