"""The engine that a Python model runs in: rows out of it, tables into it, the same from each.

``engine``         what a model asks of it
``duckdb_engine``  asked of DuckDB
``spark_engine``   asked of Spark
``sessions``       which of them a session belongs to
"""

from customer_segmentation.steps.engines.engine import Engine, of_date, typed_columns
from customer_segmentation.steps.engines.sessions import engine_of

__all__ = ["Engine", "engine_of", "of_date", "typed_columns"]
