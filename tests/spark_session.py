"""A Spark session for tests, with the settings under which tables equal DuckDB's."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[1]
# Java runs for minutes here, and never earns back what it takes to find the best machine code. The values are the same.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
INSTALL = "install requirements-spark.txt, and Java 17, to test on Spark, too"
SETTINGS = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    # Executors find our functions there.
    "spark.executorEnv.PYTHONPATH": str(PROJECT / "python"),
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


@functools.cache
def spark_settings() -> dict[str, str]:
    """Return what a session of this process is made with; its warehouse is a folder of its own."""
    warehouse = tempfile.mkdtemp(prefix="spark-warehouse-")
    atexit.register(shutil.rmtree, warehouse, ignore_errors=True)
    return SETTINGS | {"spark.master": "local[2]", "spark.sql.warehouse.dir": warehouse}


def skip_without_spark() -> None:
    """Skip the test without PySpark or Java, and say what to install."""
    pytest.importorskip("pyspark", reason=INSTALL)
    if not shutil.which("java"):
        pytest.skip(INSTALL)


@functools.cache
def spark_session() -> Any:
    """Return this process's session; without PySpark or Java the test is skipped."""
    skip_without_spark()
    from pyspark.sql import SparkSession

    # As the adapter does.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder
    for name, value in spark_settings().items():
        builder = builder.config(name, value)
    return builder.getOrCreate()
