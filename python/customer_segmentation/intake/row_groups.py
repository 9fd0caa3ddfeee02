"""The row groups of the file that a build makes."""

from __future__ import annotations

from duckdb import DuckDBPyConnection

from customer_segmentation._sql import quoted, sql_text

# Half of DuckDB's own: tables of more rows are written while they are made, not all when the file is sealed.
ROW_GROUP_ROWS = 61_440


def open_with_row_groups(connection: DuckDBPyConnection, *, rows: int = ROW_GROUP_ROWS) -> None:
    """Open the file of a connection again, with other row groups for the tables that are made in it.

    A table of more rows than a group is compressed and written while it is made, by the thread
    that makes it; a smaller one goes to the log, and is written by a single thread when all ends.
    DuckDB takes the number when it attaches a file, and in no setting; a checkpoint with another
    number writes the tables again.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The only one to its database.
    rows : int
        A multiple of 2,048; DuckDB's own is 122,880.
    """
    found = connection.execute(
        "select database_name, path from duckdb_databases()"
        " where database_name = current_database() and type = 'duckdb' and path is not null"
    ).fetchone()
    if found is None:
        # A database in memory, or a lake.
        return
    name, aside = quoted(found[0]), quoted(f"{found[0]}_aside")
    connection.execute(f"attach ':memory:' as {aside}; use {aside}; detach {name}")
    connection.execute(
        f"attach {sql_text(found[1])} as {name} (row_group_size {rows}); use {name}; detach {aside}"
    )
