"""What a build made, put before readers: in one transaction, which is one snapshot of the lake."""

from __future__ import annotations

import graphlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from customer_segmentation._sql import quoted, sql_text
from customer_segmentation.commands.ducklake.lake import BUILT, PUBLISHED
from customer_segmentation.publishing import CommandError

# What was published before stays readable for so long.
KEPT_DAYS = 7


@dataclass(frozen=True)
class Published:
    """What was published.

    Attributes
    ----------
    snapshot : int
        Its number in the lake: `at (version => …)` reads it also later.
    tables, rows, views : int
        How much it holds.
    lost : tuple of str
        What was there before and is not any more.
    """

    snapshot: int
    tables: int
    rows: int
    views: int
    lost: tuple[str, ...]


def publish(connection: duckdb.DuckDBPyConnection, message: str) -> Published:
    """Replace all tables and views of the published lake by those of the built one.

    Readers see what was there until the transaction ends, and a reader in a transaction of their
    own until that ends. When this process dies, nothing has happened.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With both lakes attached.
    message : str
        Stands beside the snapshot in ``snapshots()`` of the lake.

    Returns
    -------
    Published

    Raises
    ------
    CommandError
        When the lake refuses; it is as it was.
    """
    try:
        before = relations_of(connection, PUBLISHED)
        built = relations_of(connection, BUILT)
        # What a view reads is looked for here.
        connection.execute(f"use {PUBLISHED}")
        connection.execute("begin")
        for name in sorted(set(before) & set(built)):
            if before[name] != built[name]:
                connection.execute(f"drop {before[name]} {_of(PUBLISHED, name)}")
        rows = sum(_copy_table(connection, name) for name, kind in built.items() if kind == "table")
        _replace_views(connection, [name for name, kind in built.items() if kind == "view"])
        lost = sorted(set(before) - set(built))
        for name in lost:
            connection.execute(f"drop {before[name]} {_of(PUBLISHED, name)}")
        connection.execute(
            f"call {PUBLISHED}.set_commit_message('customer_segmentation', ?)", [message]
        )
        connection.execute("commit")
    except duckdb.Error as error:
        raise CommandError(
            f"what was built could not be published: {error} Readers have what they had."
        ) from error
    connection.execute("use memory")
    row = connection.execute(f"select max(snapshot_id) from {PUBLISHED}.snapshots()").fetchone()
    kinds = list(built.values())
    return Published(
        snapshot=row[0] if row else 0,
        tables=kinds.count("table"),
        rows=rows,
        views=kinds.count("view"),
        lost=tuple(lost),
    )


def refuse_without_segments(connection: duckdb.DuckDBPyConnection) -> None:
    """Stop when readers have segments and would lose them all.

    Raises
    ------
    CommandError
    """
    if _models(connection, PUBLISHED) and not _models(connection, BUILT):
        raise CommandError(
            "not published, because no as-of date could be segmented: readers have segments, and would lose them all."
            " Column note of segmentation.period_models in a build by `make build` says why."
        )


def forget_old(connection: duckdb.DuckDBPyConnection, *, kept_days: int = KEPT_DAYS) -> None:
    """Let go of builds that were replaced long ago, and delete the files that nothing reads any more.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the published lake attached.
    kept_days : int
        What readers saw within so many days stays readable; the last build stays in any case.
    """
    long_ago = f"now() - interval {kept_days} day"
    connection.execute(f"call ducklake_expire_snapshots('{PUBLISHED}', older_than => {long_ago})")
    connection.execute(f"call ducklake_cleanup_old_files('{PUBLISHED}', older_than => {long_ago})")


def _models(connection: duckdb.DuckDBPyConnection, database: str) -> int:
    """Count the as-of dates that a lake has segments for."""
    if "segmentation.period_models" not in relations_of(connection, database):
        return 0
    row = connection.execute(
        f"select count(model_id) from {database}.segmentation.period_models"
    ).fetchone()
    return int(row[0]) if row else 0


def relations_of(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, str]:
    """Return the kind, table or view, of each ``schema.name`` of a database."""
    rows = connection.execute(
        "select schema_name || '.' || table_name as name, 'table' from duckdb_tables()"
        " where database_name = $1 and not internal"
        " union all select schema_name || '.' || view_name, 'view' from duckdb_views()"
        " where database_name = $1 and not internal order by name",
        [database],
    ).fetchall()
    return dict(rows)


def _copy_table(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Copy one table with its comments, and return how many rows it has."""
    columns = connection.execute(
        "select column_name, data_type, is_nullable, comment from duckdb_columns()"
        " where database_name = ? and schema_name || '.' || table_name = ? order by column_index",
        [BUILT, name],
    ).fetchall()
    target = _of(PUBLISHED, name)
    connection.execute(f"create schema if not exists {PUBLISHED}.{quoted(name.split('.')[0])}")
    stated = ", ".join(
        f"{quoted(column)} {kind}{'' if is_nullable else ' not null'}"
        for column, kind, is_nullable, _ in columns
    )
    connection.execute(f"create or replace table {target} ({stated})")
    connection.execute(f"insert into {target} from {_of(BUILT, name)}")
    for column, _, _, comment in columns:
        if comment:
            connection.execute(
                f"comment on column {target}.{quoted(column)} is {sql_text(comment)}"
            )
    comments = connection.execute(
        "select comment from duckdb_tables()"
        " where database_name = ? and schema_name || '.' || table_name = ? and comment is not null",
        [BUILT, name],
    ).fetchall()
    for (comment,) in comments:
        connection.execute(f"comment on table {target} is {sql_text(comment)}")
    row = connection.execute(f"select count(*) from {target}").fetchone()
    return int(row[0]) if row else 0


def _replace_views(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    """Make views anew, each after those that it reads; they name no database, so they mean that of theirs."""
    stated = {
        name: (sql, comment)
        for name, sql, comment in connection.execute(
            "select schema_name || '.' || view_name, sql, comment from duckdb_views()"
            " where database_name = ? and not internal",
            [BUILT],
        ).fetchall()
        if name in names
    }
    reads = {
        name: {other for other in stated if other != name and _reads(sql, other)}
        for name, (sql, _) in stated.items()
    }
    for name in graphlib.TopologicalSorter(reads).static_order():
        sql, comment = stated[name]
        connection.execute(f"create schema if not exists {PUBLISHED}.{quoted(name.split('.')[0])}")
        body = re.sub(r'^create view (?:"[^"]+"|\S+)', "", sql, count=1, flags=re.I)
        connection.execute(f"create or replace view {_of(PUBLISHED, name)}{body}")
        if comment:
            connection.execute(f"comment on view {_of(PUBLISHED, name)} is {sql_text(comment)}")


def _reads(sql: str, name: str) -> bool:
    """Say whether a statement names ``schema.relation``, with or without quotes."""
    schema, relation = name.split(".")
    return bool(re.search(rf'(?<![\w"])"?{schema}"?\."?{relation}"?(?![\w"])', sql))


def _of(database: str, name: str) -> str:
    """Return the full name of a relation ``schema.name``."""
    schema, relation = name.split(".")
    return f"{database}.{quoted(schema)}.{quoted(relation)}"
