"""Which engine a session belongs to."""

from __future__ import annotations

from typing import Any

from customer_segmentation.steps.engines.duckdb_engine import DuckDBEngine
from customer_segmentation.steps.engines.engine import Engine
from customer_segmentation.steps.engines.spark_engine import SparkEngine


def engine_of(session: Any) -> Engine:
    """Return the engine of the session that dbt hands to a model.

    Parameters
    ----------
    session : duckdb.DuckDBPyConnection or pyspark.sql.SparkSession

    Returns
    -------
    Engine
    """
    is_spark = type(session).__module__.split(".")[0] == "pyspark"
    return SparkEngine(session) if is_spark else DuckDBEngine(session)
