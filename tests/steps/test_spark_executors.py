"""A killed executor in the middle of a map over all rows: the work is done again elsewhere, once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from spark_session import PROJECT, skip_without_spark, spark_settings

pytestmark = pytest.mark.thorough

# A process of its own: a JVM has one master. Two executors are processes on their own, as on a cluster.
PROGRAM = """
import os, signal, sys, threading, time
from pathlib import Path

import pyarrow as pa
from pyspark.sql import SparkSession

from customer_segmentation.steps import engine_of

folder, settings = Path(sys.argv[1]), eval(sys.argv[2])
builder = SparkSession.builder
for name, value in settings.items():
    builder = builder.config(name, value)
session = builder.getOrCreate()
application = session.sparkContext.applicationId


def executors():
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().split(b"\\0")
        except OSError:
            continue
        if application.encode() in words and any(b"ExecutorBackend" in word for word in words):
            found.append(int(place.parent.name))
    return found


def kill_one():
    while not list(folder.glob("begun-*")) or len(executors()) < 2:
        time.sleep(0.05)
    # One that is at work: what it has begun must be begun again.
    victim = int(max(folder.glob("begun-*"), key=lambda path: path.stat().st_mtime_ns).name.split("-")[-1])
    count = len(executors())
    os.kill(victim, signal.SIGKILL)
    print("killed one of", count, flush=True)


def parent_of(process):
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def slowly(batches):
    for batch in batches:
        # A worker is the child of a daemon, which is the executor's.
        executor = parent_of(os.getppid())
        (folder / f"begun-{batch['key'][0]}-{time.time_ns()}-{executor}").touch()
        time.sleep(2)
        doubled = pa.array([2.0 * number for number in batch["number"].to_pylist()])
        yield pa.record_batch([batch["key"], doubled], names=["key", "number"])


rows = session.range(0, 4000, 1, 8).selectExpr("cast(id as string) as key", "cast(id as double) as number")
killer = threading.Thread(target=kill_one, daemon=True)
killer.start()
table = engine_of(session).map_batches(rows, slowly, {"key": "string", "number": "double"})
table.write.parquet(str(folder / "table"))
killer.join(1)
print("begun", len(list(folder.glob("begun-*"))), flush=True)
"""


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds processes in /proc")
def test_a_killed_executor_is_survived(tmp_path: Path) -> None:
    skip_without_spark()
    settings = spark_settings() | {
        "spark.master": "local-cluster[2,1,512]",
        "spark.executor.memory": "512m",
        "spark.sql.warehouse.dir": str(tmp_path / "warehouse"),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), repr(settings)],
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT / "python"),
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_WORKER_DIR": str(tmp_path / "workers"),
        },
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "killed one of 2" in done.stdout
    begun = int(done.stdout.split("begun ")[1])
    # One part at least was begun twice.
    assert begun > 8
    found = duckdb.sql(
        "select count(*), count(distinct key), sum(number), bool_and(number = 2 * key::double)"
        f" from read_parquet('{tmp_path}/table/*.parquet')"
    ).fetchone()
    assert found == (4000, 4000, float(3999 * 4000), True)
