"""What a build cost, as far as only its parent process and the finished file can tell."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import duckdb

from customer_segmentation._sql import sql_text
from customer_segmentation.intake import open_with_row_groups

BLOCK_BYTES = 262_144


def peak_memory_of_children() -> int:
    """Return the largest resident memory that a finished child process had, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    # Kilobytes on Linux, bytes on macOS.
    return peak if sys.platform == "darwin" else peak * 1024


def complete_last_run(database: Path, *, peak_memory_bytes: int) -> None:
    """Add bytes and peak memory to the last run in maintenance_work.run_history.

    Parameters
    ----------
    database : Path
        Written and checkpointed, so that its tables lie in blocks of the file.
    peak_memory_bytes : int

    Notes
    -----
    A table's bytes are its distinct blocks of 256 KiB; a block that several tables share counts
    for each of them.
    """
    with duckdb.connect(str(database)) as connection:
        if not _has_history(connection):
            return
        open_with_row_groups(connection)
        connection.execute("force checkpoint")
        last = "(select arg_max(run_id, started_at) from maintenance_work.run_history)"
        connection.execute(
            f"update maintenance_work.run_history set peak_memory_bytes = {peak_memory_bytes:d} where run_id = {last}"
        )
        tables = connection.execute(
            "select distinct schema_name, table_name, node_id from maintenance_work.run_history"
            " inner join duckdb_tables() on node_name = table_name"
            f" where database_name = current_database() and run_id = {last}"
            " and node_type in ('model', 'seed')"
        ).fetchall()
        if not tables:
            return
        # One query for all tables takes a fifth of the time of one for each.
        sizes = " union all ".join(
            f"select {sql_text(node_id)} as node_id, count(distinct block_id) * {BLOCK_BYTES} as bytes"
            f" from pragma_storage_info({sql_text(f'{schema}.{table}')}) where block_id >= 0"
            for schema, table, node_id in tables
        )
        connection.execute(
            f"update maintenance_work.run_history set byte_count = sizes.bytes from ({sizes}) as sizes"
            f" where run_id = {last} and run_history.node_id = sizes.node_id"
        )


def _has_history(connection: duckdb.DuckDBPyConnection) -> bool:
    return bool(
        connection.execute(
            "select 1 from duckdb_tables() where database_name = current_database()"
            " and schema_name = 'maintenance_work' and table_name = 'run_history'"
        ).fetchone()
    )
