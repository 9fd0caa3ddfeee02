"""Copy the public tables of marts, segmentation, maintenance and bi into PostgreSQL, all of them or none.

The schema is replaced as a whole, in one transaction: readers see the old tables until it ends. A
schema that this command did not make is left alone. Connection string DSN, or --dsn, may leave out
what PostgreSQL's own variables say (PGHOST, PGDATABASE, PGUSER, PGPASSWORD, PGPASSFILE,
PGSERVICE …). A password is better in PGPASSWORD or PGPASSFILE: other users of this machine see a
command line.

Examples
--------
  python -m customer_segmentation postgres --dsn postgresql://user@host/database --schema olist
"""

from __future__ import annotations

import argparse
import io
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.csv
from tqdm import tqdm

from customer_segmentation.commands._postgres_server import (
    APPLICATION,
    connection_parameters,
    table_names,
    wait_for_other_runs,
    with_locks,
    without_secrets,
)
from customer_segmentation.publishing import CommandError, Stopped, reading, vars_of

if TYPE_CHECKING:
    import psycopg

DEFAULT_SCHEMA = "olist"
LAYERS = ("marts", "segmentation", "maintenance", "bi")
BATCH_ROWS = 100_000
LONGEST_NAME_BYTES = 63
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
MARK = "Published by customer_segmentation; replaced as a whole by `make postgres`."


@dataclass(frozen=True)
class Table:
    """A table or view of the published database."""

    schema: str
    name: str
    comment: str | None
    columns: tuple[tuple[str, str, str | None], ...]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--dsn",
        help="postgresql://user@host/database (default: variable DSN, and what that leaves out from PostgreSQL's own)",
    )
    parser.add_argument(
        "--schema", help=f"(default: {DEFAULT_SCHEMA}; of a shop's own orders, its name)"
    )


def run(options: argparse.Namespace) -> int:
    """Publish, and say how much."""
    dsn = os.environ.get("DSN", "") if options.dsn is None else options.dsn
    schema = options.schema or default_schema(options.database)
    try:
        rows = publish(options.database, dsn, schema=schema)
    except Stopped:
        raise Stopped("The tables are as they were.") from None
    total = sum(rows.values())
    print(f"Published {len(rows)} tables, {total:,} rows, in schema {schema}.")
    return 0


def default_schema(database: Path) -> str:
    """Return the schema that is made when none is named: the name of the shop, in letters that need no quotes."""
    with reading(database) as source:
        shop = vars_of(source).get("shop")
    if not shop:
        return DEFAULT_SCHEMA
    name = re.sub("[^a-z0-9]+", "_", str(shop["name"]).casefold()).strip("_")
    # Names that begin with pg_ are PostgreSQL's own.
    return name if re.match("[a-z]", name) and not name.startswith("pg_") else f"shop_{name}"


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

    Raises
    ------
    CommandError
        When something is in the way; the tables on the server are as they were.
    """
    try:
        import psycopg
    except ImportError:
        raise CommandError("psycopg is not installed; run `make postgres`, which does.") from None
    parameters = connection_parameters(dsn)
    if len(schema.encode()) > LONGEST_NAME_BYTES:
        raise CommandError(
            f"the schema's name is longer than PostgreSQL's {LONGEST_NAME_BYTES} bytes; give a"
            " shorter one: SCHEMA=name."
        )
    with reading(database) as source:
        tables = public_tables(source)
        if not tables:
            raise CommandError(
                f"{database} has no public tables in {', '.join(LAYERS)}; run `make build`."
            )
        try:
            with psycopg.connect(**parameters) as target:
                return copy_all(source, target, tables, schema=schema)
        except psycopg.Error as error:
            said = without_secrets(" ".join(str(error).split()), dsn, parameters)
            raise CommandError(f"PostgreSQL refused, its tables are as they were: {said}") from None


def public_tables(source: duckdb.DuckDBPyConnection) -> list[Table]:
    """Return the tables and views of the public layers, all of which are public, with columns and comments.

    Parameters
    ----------
    source : duckdb.DuckDBPyConnection

    Returns
    -------
    list of Table
        In the order of their layers and names.
    """
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


def target_names(tables: Sequence[Table]) -> dict[Table, str]:
    """Name the tables in the one schema of the server.

    Parameters
    ----------
    tables : sequence of Table

    Returns
    -------
    dict of Table to str
        The table's own name; of those that two layers have, the layer and an underscore before it.
    """
    count = Counter(table.name for table in tables)
    return {
        table: f"{table.schema}_{table.name}" if count[table.name] > 1 else table.name
        for table in tables
    }


def copy_all(
    source: duckdb.DuckDBPyConnection,
    target: psycopg.Connection,
    tables: Sequence[Table],
    *,
    schema: str,
) -> dict[str, int]:
    """Copy the tables under names of passage, then put them in place of the old ones, in one transaction.

    To put them in place locks readers out until the transaction ends, so that is left to the end.
    """
    from psycopg import sql

    claim_schema(target, schema)
    names = target_names(tables)
    rows = {}
    with tqdm(names.items(), unit=" tables", disable=None, leave=False) as bar:
        for number, (table, name) in enumerate(bar):
            bar.set_description(name)
            # In the schema itself, so that its default privileges hold.
            relation = sql.Identifier(schema, passage_name(number))
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(postgres_type(kind)))
                for column, kind, _ in table.columns
            ]
            target.execute(
                sql.SQL("create table {} ({})").format(relation, sql.SQL(", ").join(columns))
            )
            rows[name] = copy_rows(source, target, table, relation)
            comment(target, relation, table)
    passages = {passage_name(number): name for number, name in enumerate(rows)}
    gone = with_locks(target, schema, passages, lambda: put_in_place(target, schema, passages))
    if gone:
        print(
            f"Removed from schema {schema}, since {'it is' if len(gone) == 1 else 'they are'} not"
            f" published any more: {', '.join(gone)}."
        )
    return rows


def passage_name(number: int) -> str:
    """Return what a table is called before it takes the place of an old one."""
    return f"{APPLICATION} {number}"


def claim_schema(target: psycopg.Connection, schema: str) -> None:
    """Make the schema when it is missing; refuse one that is not ours."""
    from psycopg import sql

    wait_for_other_runs(target, schema)
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


def put_in_place(target: psycopg.Connection, schema: str, passages: Mapping[str, str]) -> list[str]:
    """Drop the tables of the last run, give the others their names and the old privileges.

    No cascade: a view that somebody built on them must not vanish unseen.

    Parameters
    ----------
    target : psycopg.Connection
    schema : str
    passages : mapping of str to str
        Names by names of passage.

    Returns
    -------
    list of str
        Tables that are no longer there.
    """
    from psycopg import sql

    grants = table_grants(target, schema)
    old = [name for name in table_names(target, schema) if name not in passages]
    for name in old:
        target.execute(sql.SQL("drop table {}").format(sql.Identifier(schema, name)))
    for passage, name in passages.items():
        target.execute(
            sql.SQL("alter table {} rename to {}").format(
                sql.Identifier(schema, passage), sql.Identifier(name)
            )
        )
    for name, role, privilege in grants:
        if name in passages.values():
            target.execute(
                sql.SQL("grant {} on {} to {}").format(
                    sql.SQL(privilege),
                    sql.Identifier(schema, name),
                    sql.Identifier(role) if role else sql.SQL("public"),
                )
            )
    return [name for name in old if name not in passages.values()]


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


def copy_rows(
    source: duckdb.DuckDBPyConnection, target: psycopg.Connection, table: Table, relation: Any
) -> int:
    """Stream the rows of a table and return how many there were."""
    from psycopg import sql

    rows = 0
    reader = source.execute(f'select * from "{table.schema}"."{table.name}"').to_arrow_reader(
        BATCH_ROWS
    )
    # Quotes tell an empty text from a null.
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="all_valid")
    statement = sql.SQL("copy {} from stdin (format csv)").format(relation)
    with target.cursor().copy(statement) as copy:
        for batch in reader:
            rows += batch.num_rows
            text = io.BytesIO()
            pyarrow.csv.write_csv(batch, text, options)
            copy.write(text.getbuffer())
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
