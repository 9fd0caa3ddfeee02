"""Spark, as a Python model asks it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet

from customer_segmentation.steps.engines.engine import Engine, OverBatches


class SparkEngine(Engine):
    """The session that dbt works in; DuckDB, in this process, reads what comes out of it.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
    """

    libraries = ("pyspark", "duckdb")

    def __init__(self, session: Any) -> None:
        self.session = session
        self.local = duckdb.connect()

    def query(self, sql: str, **relations: Any) -> Any:
        """See `Engine`."""
        return self.session.sql(sql, **relations)

    def collected(self, relation: Any) -> Any:
        """See `Engine`."""
        return self.local.from_arrow(relation.toArrow())

    def result(self, rows: Any) -> Any:
        """See `Engine`."""
        table = rows.to_arrow_table()
        # PySpark takes the types from the batches: without rows one that is empty has them.
        batches = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
        return self.session.createDataFrame(pa.Table.from_batches(batches))

    def map_batches(self, relation: Any, function: OverBatches, columns: Mapping[str, str]) -> Any:
        """See `Engine`; executors import this package, and need it and its requirements."""
        schema = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        return relation.mapInArrow(function, schema)

    def previous(self, this: Any) -> Any:
        """See `Engine`; dbt-spark drops a table before its model runs, so another build is named.

        Environment variable ``SEGMENTATION_REUSED_BUILD`` is the folder of its schemas; without
        it there is nothing to re-use.
        """
        build = os.environ.get("SEGMENTATION_REUSED_BUILD")
        table = Path(build or "", f"{this.schema}.db", this.identifier)
        if not build or not table.exists():
            return None
        return self.local.from_arrow(pyarrow.parquet.read_table(table))

    def rows_fingerprint(self, columns: Sequence[str]) -> str:
        """See `Engine`."""
        return f"count(*) || '-' || sum(cast(xxhash64({', '.join(columns)}) as decimal(38, 0)))"

    def row_of_each(self, structs: Sequence[Mapping[str, str]]) -> str:
        """See `Engine`."""
        fields = (", ".join(f"'{name}', {sql}" for name, sql in one.items()) for one in structs)
        return f"inline(array({', '.join(f'named_struct({one})' for one in fields)}))"

    def rows_of_list(self, column: str) -> str:
        """See `Engine`."""
        return f"inline({column})"

    def weekday_name(self, time: str) -> str:
        """See `Engine`."""
        return f"date_format({time}, 'EEEE')"

    def json_text(self, column: str, field: str) -> str:
        """See `Engine`."""
        return f"get_json_object({column}, '$.{field}')"
