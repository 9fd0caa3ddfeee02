"""DuckDB, as a Python model asks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from customer_segmentation.steps.engines.engine import Engine, OverBatches, typed_columns

# As many rows as DuckDB has in a row group.
BATCH_ROWS = 122_880


class DuckDBEngine(Engine):
    """The database that dbt builds.

    Parameters
    ----------
    session : duckdb.DuckDBPyConnection
    """

    libraries = ("duckdb",)

    def __init__(self, session: Any) -> None:
        self.local = session

    def query(self, sql: str, **relations: Any) -> Any:
        """See `Engine`."""
        read = {name: f"({relation.sql_query()})" for name, relation in relations.items()}
        return self.local.sql(sql.format(**read))

    def collected(self, relation: Any) -> Any:
        """See `Engine`."""
        return relation

    def result(self, rows: Any) -> Any:
        """See `Engine`."""
        return rows

    def map_batches(self, relation: Any, function: OverBatches, columns: Mapping[str, str]) -> Any:
        """See `Engine`."""
        empty = f"select {', '.join(f'null as {name}' for name in columns)} limit 0"
        schema = self.local.sql(empty).project(typed_columns(columns)).to_arrow_table().schema
        # A cursor of its own: dbt reads the result on the session while this one is being read.
        batches = self.local.cursor().sql(relation.sql_query()).to_arrow_reader(BATCH_ROWS)
        return pa.RecordBatchReader.from_batches(
            schema, (batch.cast(schema) for batch in function(batches))
        )

    def previous(self, this: Any) -> Any:
        """See `Engine`."""
        found = self.local.execute(
            "select 1 from duckdb_tables() where database_name = current_database()"
            " and schema_name = ? and table_name = ?",
            [this.schema, this.identifier],
        ).fetchone()
        return self.local.table(f"{this.schema}.{this.identifier}") if found else None

    def rows_fingerprint(self, columns: Sequence[str]) -> str:
        """See `Engine`."""
        # A sum, not an exclusive or, so that a row that occurs twice does not cancel itself.
        return f"count(*) || '-' || sum(hash({', '.join(columns)}))"

    def row_of_each(self, structs: Sequence[Mapping[str, str]]) -> str:
        """See `Engine`."""
        fields = (", ".join(f"{name} := {sql}" for name, sql in one.items()) for one in structs)
        return f"unnest([{', '.join(f'struct_pack({one})' for one in fields)}], recursive := true)"

    def rows_of_list(self, column: str) -> str:
        """See `Engine`."""
        return f"unnest({column}, recursive := true)"

    def weekday_name(self, time: str) -> str:
        """See `Engine`."""
        return f"dayname({time})"

    def json_text(self, column: str, field: str) -> str:
        """See `Engine`."""
        return f"{column} ->> '$.{field}'"
