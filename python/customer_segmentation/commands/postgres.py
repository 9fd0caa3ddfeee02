"""Copy the public tables of marts and bi into PostgreSQL, all of them or none.

The schema is replaced as a whole, in one transaction: readers see the old tables until it ends. A
schema that this command did not make is left alone.

Examples
--------
  python -m customer_segmentation postgres --dsn postgresql://user@host/database --schema olist
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from tqdm import tqdm

from customer_segmentation.publishing import CommandError, reading

if TYPE_CHECKING:
    import psycopg

DEFAULT_SCHEMA = "olist"
LAYERS = ("marts", "bi")
BATCH_ROWS = 10_000
TYPES = {
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "numeric(38)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
}
# Says that a schema is ours, and may be replaced.
MARK = "Published by olist_segmentation; replaced as a whole by `make postgres`."


@dataclass(frozen=True)
class Table:
    """A table or view of the published database."""

    schema: str
    name: str
    comment: str | None
    columns: tuple[tuple[str, str, str | None], ...]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("--dsn", required=True, help="postgresql://user:password@host/database")
    parser.add_argument("--schema", default=DEFAULT_SCHEMA, help="(default: %(default)s)")


def run(options: argparse.Namespace) -> int:
    """Publish, and say how much."""
    rows = publish(options.database, options.dsn, schema=options.schema)
    total = sum(rows.values())
    print(f"Published {len(rows)} tables, {total:,} rows, in schema {options.schema}.")
    return 0


def publish(database: Path, dsn: str, *, schema: str = DEFAULT_SCHEMA) -> dict[str, int]:
    """Copy the tables in one transaction; readers see the old ones until it ends.

    Parameters
    ----------
    database : Path
        Published DuckDB database.
    dsn : str
        Connection string of PostgreSQL; what it leaves out comes from the usual PG* variables.
    schema : str
        Made anew; one that somebody else made is left alone.

    Returns
    -------
    dict of str to int
        Rows by table.
    """
    try:
        import psycopg
    except ImportError:
        raise CommandError("psycopg is not installed; run `make postgres`, which does.") from None
    if not dsn:
        raise CommandError("say where: make postgres DSN=postgresql://user@host/database")
    with reading(database) as source:
        tables = public_tables(source)
        if not tables:
            raise CommandError(f"{database} has no tables in {' and '.join(LAYERS)}.")
        try:
            with psycopg.connect(dsn, application_name="olist_segmentation") as target:
                return copy_all(source, target, tables, schema=schema)
        except psycopg.Error as error:
            raise CommandError(
                f"PostgreSQL refused, its tables are as they were: {str(error).strip()}"
            ) from None


def public_tables(source: duckdb.DuckDBPyConnection) -> list[Table]:
    """Return tables and views of the public layers with their columns and comments."""
    rows = source.execute(
        """
        with relations as (
            select schema_name, table_name, comment from duckdb_tables() where not internal
            union all
            select schema_name, view_name, comment from duckdb_views() where not internal
        )
        select schema_name, table_name, relations.comment, columns.column_name, columns.data_type, columns.comment
        from relations
        inner join duckdb_columns() as columns using (schema_name, table_name)
        where list_contains(?, schema_name)
        order by schema_name, table_name, columns.column_index
        """,
        [list(LAYERS)],
    ).fetchall()
    tables: dict[tuple[str, str], list[Any]] = {}
    for layer, name, comment, *column in rows:
        tables.setdefault((layer, name), [comment, []])[1].append(tuple(column))
    return [
        Table(schema=layer, name=name, comment=comment, columns=tuple(columns))
        for (layer, name), (comment, columns) in tables.items()
    ]


def postgres_type(duckdb_type: str) -> str:
    """Return the PostgreSQL type for one of DuckDB."""
    if duckdb_type.startswith("DECIMAL"):
        return duckdb_type.replace("DECIMAL", "numeric")
    try:
        return TYPES[duckdb_type]
    except KeyError:
        raise CommandError(
            f"no PostgreSQL type is known for {duckdb_type}; add it to TYPES in"
            " python/customer_segmentation/commands/postgres.py."
        ) from None


def copy_all(
    source: duckdb.DuckDBPyConnection,
    target: psycopg.Connection,
    tables: Sequence[Table],
    *,
    schema: str,
) -> dict[str, int]:
    """Copy the tables aside, then put them in place of the old ones; all in the caller's transaction.

    Dropping a table locks readers out until the transaction ends, so that is left to the end.
    """
    from psycopg import sql

    claim_schema(target, schema)
    aside = f"{schema}_new"
    target.execute(sql.SQL("create schema {}").format(sql.Identifier(aside)))
    rows = {}
    names = [table.name for table in tables]
    with tqdm(tables, unit=" tables", disable=None, leave=False) as bar:
        for table in bar:
            # Both layers in one schema: a name that both have keeps its layer before it.
            name = f"{table.schema}_{table.name}" if names.count(table.name) > 1 else table.name
            bar.set_description(name)
            relation = sql.Identifier(aside, name)
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(postgres_type(kind)))
                for column, kind, _ in table.columns
            ]
            target.execute(
                sql.SQL("create table {} ({})").format(relation, sql.SQL(", ").join(columns))
            )
            rows[name] = copy_rows(source, target, table, relation)
            comment(target, relation, table)
    grants = table_grants(target, schema)
    drop_tables(target, schema)
    for name in rows:
        target.execute(
            sql.SQL("alter table {} set schema {}").format(
                sql.Identifier(aside, name), sql.Identifier(schema)
            )
        )
    target.execute(sql.SQL("drop schema {}").format(sql.Identifier(aside)))
    for name, role, privilege in grants:
        if name in rows:
            target.execute(
                sql.SQL("grant {} on {} to {}").format(
                    sql.SQL(privilege),
                    sql.Identifier(schema, name),
                    sql.Identifier(role) if role else sql.SQL("public"),
                )
            )
    return rows


def claim_schema(target: psycopg.Connection, schema: str) -> None:
    """Make the schema when it is missing; refuse one that is not ours."""
    from psycopg import sql

    # Two runs at once: the second waits here, not in the middle.
    target.execute("select pg_advisory_xact_lock(hashtext(%s))", [f"olist_segmentation.{schema}"])
    found = target.execute(
        "select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = %s", [schema]
    ).fetchone()
    if found and found[0] != MARK:
        raise CommandError(
            f"schema {schema} exists and was not made by this command, so it is not replaced;"
            " name another one: SCHEMA=name."
        )
    if not found:
        name = sql.Identifier(schema)
        target.execute(sql.SQL("create schema {}").format(name))
        target.execute(sql.SQL("comment on schema {} is {}").format(name, sql.Literal(MARK)))


def table_grants(target: psycopg.Connection, schema: str) -> list[tuple[str, str | None, str]]:
    """Return who may do what with the tables of the last run; no role is everybody."""
    return target.execute(
        """
        select pg_class.relname, pg_roles.rolname, acl.privilege_type
        from pg_class
        cross join lateral aclexplode(pg_class.relacl) as acl
        left join pg_roles on acl.grantee = pg_roles.oid
        where pg_class.relnamespace = (select oid from pg_namespace where nspname = %s)
            and pg_class.relkind = 'r' and acl.grantee != pg_class.relowner
        order by 1, 2, 3
        """,
        [schema],
    ).fetchall()


def drop_tables(target: psycopg.Connection, schema: str) -> None:
    """Drop the tables of the last run, and keep the schema with its privileges.

    No cascade: a view that somebody built on them must not vanish unseen.
    """
    from psycopg import sql

    names = target.execute("select tablename from pg_tables where schemaname = %s", [schema])
    for (name,) in names.fetchall():
        target.execute(sql.SQL("drop table {}").format(sql.Identifier(schema, name)))


def copy_rows(
    source: duckdb.DuckDBPyConnection, target: psycopg.Connection, table: Table, relation: Any
) -> int:
    """Stream the rows of a table and return how many there were."""
    from psycopg import sql

    rows = 0
    source.execute(f'select * from "{table.schema}"."{table.name}"')
    with target.cursor().copy(sql.SQL("copy {} from stdin").format(relation)) as copy:
        while batch := source.fetchmany(BATCH_ROWS):
            rows += len(batch)
            for row in batch:
                copy.write_row(row)
    return rows


def comment(target: psycopg.Connection, relation: Any, table: Table) -> None:
    """Carry the descriptions over."""
    from psycopg import sql

    if table.comment:
        target.execute(
            sql.SQL("comment on table {} is {}").format(relation, sql.Literal(table.comment))
        )
    for column, _, text in table.columns:
        if text:
            target.execute(
                sql.SQL("comment on column {}.{} is {}").format(
                    relation, sql.Identifier(column), sql.Literal(text)
                )
            )
