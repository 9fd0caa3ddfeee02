"""Copy the public tables of marts, segmentation, maintenance and bi into PostgreSQL, all of them or none.

Run as ``DSN=postgresql://... python -m olist_segmentation.postgres``; what DSN leaves out comes from
PostgreSQL's own variables (PGHOST, PGDATABASE, PGUSER, PGPASSWORD, PGPASSFILE, PGSERVICE …).
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow.csv
from tqdm import tqdm

from olist_segmentation.reading import ReadingError, open_to_read

if TYPE_CHECKING:
    import psycopg

DEFAULT_DATABASE = "warehouse/olist.duckdb"
DEFAULT_SCHEMA = "olist"
LAYERS = ("marts", "segmentation", "maintenance", "bi")
BATCH_ROWS = 100_000
# Without a connection string, one of these must say where.
PLACES = ("PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE")
LONGEST_NAME_BYTES = 63
CONNECT_SECONDS = 10
# Longer than any publication takes that makes progress.
OTHER_RUN_SECONDS = 600
# Shorter than PostgreSQL's deadlock_timeout (1 s), so that no reader is ever stopped for us; and who
# comes after us waits no longer than the second for all tables.
ONE_LOCK_SECONDS = 0.5
ALL_LOCKS_SECONDS = 2.0
# Between two attempts readers go on.
PAUSES_SECONDS = (0.5, 1, 2, 4, 8, 15)
SHOWN_QUERY_LETTERS = 120
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
SECRET_PARAMETERS = ("password", "sslpassword", "oauth_client_secret")
APPLICATION = "olist_segmentation"
# Says that a schema is ours, and may be replaced.
MARK = "Published by olist_segmentation; replaced as a whole by `make postgres`."


HOW_TO_END = (
    "Have them commit, roll back or disconnect, or end one with `select pg_terminate_backend(pid)`;"
    " then run `make postgres` again."
)


class PostgresError(Exception):
    """The tables cannot be published; the message says why and how to mend it."""


@dataclass(frozen=True)
class Table:
    """A table or view of the published database."""

    schema: str
    name: str
    comment: str | None
    columns: tuple[tuple[str, str, str | None], ...]


def main(arguments: list[str] | None = None) -> int:
    """Publish to the server that the command line names.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the command line by default.

    Returns
    -------
    int
        0 when every table was published; otherwise the server is as it was.
    """
    parser = argparse.ArgumentParser(
        prog="python -m olist_segmentation.postgres",
        description="Copy the public tables into a schema of a PostgreSQL database.",
    )
    parser.add_argument(
        "--dsn",
        help="postgresql://user@host/database; default: variable DSN. The password is better in "
        "PGPASSWORD or PGPASSFILE: other users of this machine see a command line",
    )
    parser.add_argument("--schema", default=DEFAULT_SCHEMA, help="(default: %(default)s)")
    parser.add_argument(
        "--database",
        default=os.environ.get("OLIST_DATABASE") or DEFAULT_DATABASE,
        help="published database (default: OLIST_DATABASE or %(default)s)",
    )
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        # Not shown: a connection string may be among them.
        parser.error(f"{len(unknown)} arguments are not known")
    dsn = os.environ.get("DSN", "") if options.dsn is None else options.dsn
    try:
        rows = publish(Path(options.database), dsn, schema=options.schema)
    except (PostgresError, ReadingError) as error:
        print(f"make postgres: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make postgres: stopped; the tables are as they were.", file=sys.stderr)
        return 130
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

    Raises
    ------
    PostgresError
        When something is in the way; the tables on the server are as they were.
    ReadingError
        When the database cannot be read.
    """
    try:
        import psycopg
    except ImportError:
        raise PostgresError("psycopg is not installed; run `make postgres`, which does.") from None
    parameters = connection_parameters(dsn)
    if len(schema.encode()) > LONGEST_NAME_BYTES:
        raise PostgresError(
            f"the schema's name is longer than PostgreSQL's {LONGEST_NAME_BYTES} bytes; give a"
            " shorter one: SCHEMA=name."
        )
    with open_to_read(database) as source:
        tables = public_tables(source)
        if not tables:
            raise PostgresError(
                f"{database} has no public tables in {', '.join(LAYERS)}; run `make build`."
            )
        try:
            with psycopg.connect(**parameters) as target:
                return copy_all(source, target, tables, schema=schema)
        except psycopg.Error as error:
            said = without_secrets(" ".join(str(error).split()), dsn, parameters)
            raise PostgresError(
                f"PostgreSQL refused, its tables are as they were: {said}"
            ) from None


def connection_parameters(dsn: str) -> dict[str, Any]:
    """Take a connection string apart, and refuse one that libpq would read wrongly.

    Parameters
    ----------
    dsn : str
        URI or ``key=value`` pairs; empty when PostgreSQL's own variables say everything.

    Returns
    -------
    dict of str
        Arguments of ``psycopg.connect``.

    Raises
    ------
    PostgresError
        It never repeats the string, which may hold a password.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    dsn = dsn.strip()
    if not dsn and not any(os.environ.get(name) for name in PLACES):
        raise PostgresError(
            "say where: make postgres DSN=postgresql://user@host/database, or set PGHOST and"
            " PGDATABASE (or PGSERVICE); the password may be in PGPASSWORD or PGPASSFILE."
        )
    try:
        parameters = conninfo_to_dict(dsn)
    except psycopg.Error:
        parameters = None
    if parameters is None or is_cut_wrongly(dsn, parameters):
        raise PostgresError(
            "DSN is no connection string that PostgreSQL understands (it is not shown, since it may"
            " hold a password); it looks like postgresql://user@host:5432/database. In a password,"
            " write @ as %40, / as %2F, : as %3A and % as %25, or leave it out and set PGPASSWORD or"
            " PGPASSFILE."
        )
    if not parameters.get("connect_timeout") and not os.environ.get("PGCONNECT_TIMEOUT"):
        parameters["connect_timeout"] = CONNECT_SECONDS
    return {**parameters, "application_name": APPLICATION}


def is_cut_wrongly(dsn: str, parameters: Mapping[str, Any]) -> bool:
    """Tell whether an unescaped @ or / of a password, or all of an address, has become something else.

    libpq takes ``user:pa/ss@host/db`` for host ``user`` with port ``pa``, and an error names both.
    """
    ports = str(parameters.get("port", "")).replace(",", "")
    if ports and not ports.isdecimal():
        return True
    if "://" not in dsn or "=" in dsn.split("://", 1)[0]:
        return "@" in parameters.get("host", "") or "://" in parameters.get("dbname", "")
    rest = dsn.split("://", 1)[1].split("?", 1)[0]
    authority, _, path = rest.partition("/")
    return authority.count("@") > 1 or "@" in path


def without_secrets(text: str, dsn: str, parameters: Mapping[str, Any]) -> str:
    """Return a message of PostgreSQL without connection string and passwords."""
    secrets = {dsn.strip(), *(str(parameters.get(name) or "") for name in SECRET_PARAMETERS)}
    secrets |= {os.environ.get("PGPASSWORD", "")}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


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
        raise PostgresError(
            f"no PostgreSQL type is known for {duckdb_type}; add it to TYPES in"
            " python/olist_segmentation/postgres.py."
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
        raise PostgresError(
            f"schema {schema} exists and was not made by this command, so it is not replaced;"
            " name another one: SCHEMA=name."
        )
    if not found:
        name = sql.Identifier(schema)
        target.execute(sql.SQL("create schema {}").format(name))
        target.execute(sql.SQL("comment on schema {} is {}").format(name, sql.Literal(MARK)))


def wait_for_other_runs(target: psycopg.Connection, schema: str) -> None:
    """Let one publication end before the next begins; the lock dies with its transaction."""
    import psycopg

    key = f"{APPLICATION}.{schema}"
    if target.execute("select pg_try_advisory_xact_lock(hashtext(%s))", [key]).fetchone()[0]:
        return
    held = "locktype = 'advisory' and objid = hashtext({})::oid and objsubid = 1"
    blockers = sessions(target, held, [key])
    print(
        f"Another publication into schema {schema} is running; waiting for it. {blockers}",
        file=sys.stderr,
        flush=True,
    )
    try:
        with target.transaction():
            set_timeouts(target, one_lock=OTHER_RUN_SECONDS, all_locks=0)
            target.execute("select pg_advisory_xact_lock(hashtext(%s))", [key])
            set_timeouts(target, one_lock=0, all_locks=0)
    except psycopg.errors.LockNotAvailable:
        raise PostgresError(
            f"another publication into schema {schema} does not end, so this one has not begun."
            f" {sessions(target, held, [key])} {HOW_TO_END}"
        ) from None


def with_locks(
    target: psycopg.Connection,
    schema: str,
    passages: Mapping[str, str],
    work: Callable[[], list[str]],
) -> list[str]:
    """Do something with the tables of the last run while nobody else uses them.

    All locks are asked for at once and in one order. Who reads them goes first: after a moment the
    attempt is given up, so that nobody waits behind it, and made again later.

    Parameters
    ----------
    target : psycopg.Connection
    schema : str
    passages : mapping of str to str
        Names of passage; these tables are ours alone.
    work : callable
        Its locks end with the caller's transaction.

    Returns
    -------
    list of str
        Result of the work.

    Raises
    ------
    PostgresError
        When a table stays in use; it names the sessions that use it.
    """
    import psycopg
    from psycopg import sql

    for attempt, pause in enumerate((*PAUSES_SECONDS, None)):
        try:
            with target.transaction():
                set_timeouts(target, one_lock=ONE_LOCK_SECONDS, all_locks=ALL_LOCKS_SECONDS)
                old = [name for name in table_names(target, schema) if name not in passages]
                if old:
                    relations = [sql.Identifier(schema, name) for name in old]
                    target.execute(
                        sql.SQL("lock table {} in access exclusive mode").format(
                            sql.SQL(", ").join(relations)
                        )
                    )
                set_timeouts(target, one_lock=ONE_LOCK_SECONDS, all_locks=0)
                return work()
        except (
            psycopg.errors.LockNotAvailable,
            psycopg.errors.QueryCanceled,
            psycopg.errors.DeadlockDetected,
        ):
            blockers = sessions(
                target,
                "relation in (select oid from pg_class where relnamespace ="
                " (select oid from pg_namespace where nspname = {}))",
                [schema],
            )
        if pause is None:
            raise PostgresError(
                f"tables of schema {schema} stay in use, so none was replaced; they are as they"
                f" were. {blockers} {HOW_TO_END}"
            )
        if attempt == 0:
            print(
                f"Tables of schema {schema} are in use; trying again for {sum(PAUSES_SECONDS):.0f} s."
                f" {blockers}",
                file=sys.stderr,
                flush=True,
            )
        time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def set_timeouts(target: psycopg.Connection, *, one_lock: float, all_locks: float) -> None:
    """Limit how long statements of this transaction wait for a lock and take in all; 0: no limit."""
    target.execute(
        "select set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)",
        [f"{one_lock * 1000:.0f}", f"{all_locks * 1000:.0f}"],
    )


def sessions(target: psycopg.Connection, locks: str, values: Sequence[str]) -> str:
    """Name the other sessions that hold locks, as far as our role may see them.

    Parameters
    ----------
    target : psycopg.Connection
    locks : str
        Condition on ``pg_locks``, with {} for each value.
    values : sequence of str

    Returns
    -------
    str
        A sentence.
    """
    from psycopg import sql

    condition = sql.SQL(locks).format(*map(sql.Literal, values))
    # A transaction keeps what it has seen of other sessions.
    target.execute("select pg_stat_clear_snapshot()")
    rows = target.execute(
        sql.SQL(
            """
            select distinct locks.pid, activity.usename, activity.application_name, activity.state,
                to_char(activity.xact_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') as since,
                activity.query, prepared.gid, prepared.owner
            from (select * from pg_locks where granted and {condition}) as locks
            left join pg_stat_activity as activity on locks.pid = activity.pid
            left join pg_locks as own on locks.pid is null and own.pid is null
                and own.locktype = 'transactionid' and own.virtualtransaction = locks.virtualtransaction
            left join pg_prepared_xacts as prepared on own.transactionid = prepared.transaction
            where locks.pid is distinct from pg_backend_pid()
                and locks.database = (select oid from pg_database where datname = current_database())
            order by since, locks.pid
            """
        ).format(condition=condition)
    ).fetchall()
    if not rows:
        return "Who used them has ended meanwhile."
    return f"In the way: {'; '.join(described(*row) for row in rows)}."


def described(
    pid: int | None,
    user: str | None,
    application: str | None,
    state: str | None,
    since: str | None,
    query: str | None,
    prepared: str | None,
    owner: str | None,
) -> str:
    """Describe a session, or a transaction that was prepared and not ended."""
    if pid is None:
        return f"prepared transaction {prepared!r} of {owner} (rollback prepared ends it)"
    words = [f"pid {pid}", user or "a user that your role may not see"]
    if application:
        words.append(f"application {application}")
    if state:
        words.append(f"{state}, in its transaction since {since}")
    if query and state:
        query = " ".join(query.split())
        shown = query[:SHOWN_QUERY_LETTERS] + ("…" if len(query) > SHOWN_QUERY_LETTERS else "")
        words.append(f"last query: {shown}")
    elif user:
        words.append("the rest is for roles with pg_read_all_stats")
    return ", ".join(words)


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


def table_names(target: psycopg.Connection, schema: str) -> list[str]:
    """Return the tables of a schema, in the order in which they are locked."""
    found = target.execute(
        "select tablename from pg_tables where schemaname = %s order by tablename", [schema]
    )
    return [name for (name,) in found.fetchall()]


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


if __name__ == "__main__":
    sys.exit(main())
