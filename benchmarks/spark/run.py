"""Build a selection by DuckDB and on Spark, measure both, and compare every public table.

Run in the environment of `make spark`: ``PYTHONPATH=python:. .venv-spark/bin/python -m benchmarks.spark.run --help``.
Both build models and seeds, and run no tests: what is compared row by row needs none of its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import sys
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.builds import build_environment
from benchmarks.run import commit, machine, say
from benchmarks.spark.event_log import work_by_node
from benchmarks.spark.processes import folder_bytes, run_watched
from benchmarks.spark.report import RESULTS
from benchmarks.warehouse import read_manifest
from customer_segmentation.commands.parity.comparison import LAYERS, compare
from customer_segmentation.commands.spark import publication

DUCKDB, SPARK = ENGINES = ("duckdb", "spark")
LIBRARIES = ("dbt-core", "dbt-duckdb", "dbt-spark", "duckdb", "pyspark", "pyarrow", "numpy")
MASTER = "local-cluster[2,1,1024]"
DRIVER_MEMORY = "2g"
EVERYTHING = "everything"
# Spark ends a little later than dbt.
LAST_EVENT_SECONDS = 60.0


def main(words: list[str] | None = None) -> int:
    """Measure; 1 when a table differs."""
    parser = argparse.ArgumentParser(prog="benchmarks.spark.run", description=__doc__)
    parser.add_argument("--raw-dir", type=Path, required=True, help="folder of the raw files")
    parser.add_argument("--work", type=Path, required=True, help="folder for what is built")
    parser.add_argument("--name", required=True, help="of the result, in benchmarks/results/spark")
    parser.add_argument(
        "--selector", default="spine", help=f"of selectors.yml, or {EVERYTHING} (default: spine)"
    )
    parser.add_argument(
        "--engines", nargs="+", choices=ENGINES, default=ENGINES, help="which of them (all)"
    )
    options = parser.parse_args(words)
    stored = RESULTS / f"{options.name}.json"
    work = options.work.absolute()
    result: dict[str, Any] = json.loads(stored.read_text()) if stored.exists() else {}
    result |= {"selector": options.selector, "engines": result.get("engines", {})}
    for engine in options.engines:
        say(f"Build with {engine}")
        build = build_duckdb if engine == DUCKDB else build_spark
        about = {"date": date.today().isoformat(), "commit": commit(), "machine": machine()}
        result["engines"][engine] = about | build(options.raw_dir, work, options.selector)
        say(f"  {result['engines'][engine]['cpu_seconds']:,.0f} s of processor time")
        store(result, stored)
    result["versions"] = {library: version(library) for library in LIBRARIES}
    databases = [work / engine / "olist.duckdb" for engine in ENGINES]
    if all(path.exists() for path in databases):
        result |= described(databases[0], options.raw_dir)
        result["comparison"] = compared(*databases)
        store(result, stored)
        say(f"  {json.dumps(result['comparison'])}")
    return 1 if result.get("comparison", {}).get("different") else 0


def build_duckdb(raw_dir: Path, work: Path, selector: str) -> dict[str, Any]:
    """Build by DuckDB, into ``work/duckdb``."""
    folder = work / DUCKDB
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    database = folder / "olist.duckdb"
    taken = run_watched(
        dbt_build(selector, target=DUCKDB),
        log=folder / "build.log",
        environment={
            **build_environment(raw_dir=raw_dir, database=database, target=folder / "target"),
            # As `make build` does.
            "SEGMENTATION_CHECKPOINT_THRESHOLD": "1TB",
        },
        scratch=[Path(f"{database}.tmp")],
    )
    return dataclasses.asdict(taken) | {"table_bytes": database.stat().st_size}


def build_spark(raw_dir: Path, work: Path, selector: str) -> dict[str, Any]:
    """Build on Spark, into ``work/spark``, and make its tables a DuckDB file of views."""
    folder = work / SPARK
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "events").mkdir(parents=True)
    (folder / "spark-defaults.conf").write_text(
        f"spark.eventLog.enabled true\nspark.eventLog.dir {(folder / 'events').as_uri()}\n"
        "spark.eventLog.rolling.enabled false\nspark.eventLog.compress false\n"
    )
    place = publication.Place(folder / "olist.duckdb", folder / "builds")
    tables = publication.new_build(place)
    tables.parent.mkdir(parents=True)
    settings = {
        "SEGMENTATION_SPARK_MASTER": os.environ.get("SEGMENTATION_SPARK_MASTER") or MASTER,
        "SEGMENTATION_SPARK_MEMORY": os.environ.get("SEGMENTATION_SPARK_MEMORY") or DRIVER_MEMORY,
        "SEGMENTATION_SPARK_PARTITIONS": os.environ.get("SEGMENTATION_SPARK_PARTITIONS") or "2",
    }
    taken = run_watched(
        dbt_build(selector, target=SPARK),
        log=folder / "build.log",
        environment={
            **build_environment(
                raw_dir=raw_dir, database=place.published, target=folder / "target"
            ),
            **settings,
            "SEGMENTATION_SPARK_WAREHOUSE": str(tables),
            "SPARK_CONF_DIR": str(folder),
            "SPARK_LOCAL_DIRS": str(folder / "local"),
            "SPARK_WORKER_DIR": str(folder / "workers"),
        },
        scratch=[folder / "local", folder / "workers"],
    )
    manifest = read_manifest(folder / "target")
    log = ended_event_log(folder / "events")
    with log.open(encoding="utf-8") as lines:
        found = work_by_node(lines)
    publication.publish(place, tables, manifest)
    nodes = {
        name: {"schema": manifest["nodes"].get(name, {}).get("schema", ""), **vars(of_node)}
        for name, of_node in found.items()
    }
    return {
        **dataclasses.asdict(taken),
        "settings": settings,
        "table_bytes": folder_bytes(tables),
        "table_files": sum(1 for _ in tables.rglob("*.parquet")),
        "event_log_bytes": log.stat().st_size,
        "nodes": nodes,
    }


def ended_event_log(folder: Path) -> Path:
    """Return the log of the only application, which Spark renames when it has written the last event.

    Parameters
    ----------
    folder : Path
        ``spark.eventLog.dir``.

    Returns
    -------
    Path
        After `LAST_EVENT_SECONDS` that of an application that was killed, too.
    """
    until = time.monotonic() + LAST_EVENT_SECONDS
    while True:
        (log,) = folder.iterdir()
        if log.suffix != ".inprogress" or time.monotonic() > until:
            return log
        time.sleep(0.2)


def dbt_build(selector: str, *, target: str) -> list[str]:
    """Return the command: models and seeds of a selection."""
    dbt = [str(Path(sys.executable).with_name("dbt")), "build"]
    dbt += [] if selector == EVERYTHING else ["--selector", selector]
    kinds = [word for kind in ("test", "unit_test") for word in ("--exclude-resource-type", kind)]
    return [*dbt, *kinds, "--target", target]


def described(database: Path, raw_dir: Path) -> dict[str, Any]:
    """Say what was built from."""
    with duckdb.connect(str(database), read_only=True) as connection:
        (customers, orders) = connection.execute(
            "select count(distinct customer_unique_id), sum(frequency) from marts.rfm"
            " where as_of_date = (select max(as_of_date) from marts.rfm)"
        ).fetchone()
        (is_synthetic,) = connection.execute(
            "select bool_or(is_synthetic) from staging.raw_loads"
        ).fetchone()
    return {
        "customers": int(customers),
        "orders": int(orders),
        "is_synthetic": bool(is_synthetic),
        "raw_bytes": folder_bytes(raw_dir),
    }


def compared(one: Path, other: Path) -> dict[str, Any]:
    """Compare every public table of two databases, as `make parity` does."""
    with duckdb.connect(config={"memory_limit": "2GB", "threads": 2}) as connection:
        connection.execute(f"attach '{one}' as one (read_only)")
        connection.execute(f"attach '{other}' as other (read_only)")
        found = compare(connection, "one", "other", layers=LAYERS)
    equal = [table for table in found if not table.problem and not table.exception]
    return {
        "equal": len(equal),
        "rows": sum(table.rows for table in equal),
        "different": [f"{table.name}: {table.problem}" for table in found if table.problem],
        "not_compared": [table.name for table in found if table.exception],
    }


def store(result: dict[str, Any], path: Path) -> None:
    """Write a result; a run that is cut short has what it measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
