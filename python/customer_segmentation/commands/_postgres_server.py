"""A PostgreSQL server: connection strings, never shown; locks, where readers go first; who is in the way is named."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from customer_segmentation.publishing import CommandError

if TYPE_CHECKING:
    import psycopg

# Without a connection string, one of these must say where.
PLACES = ("PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE")

CONNECT_SECONDS = 10


SECRET_PARAMETERS = ("password", "sslpassword", "oauth_client_secret")
APPLICATION = "customer_segmentation"


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
    CommandError
        It never repeats the string, which may hold a password.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    dsn = dsn.strip()
    if not dsn and not any(os.environ.get(name) for name in PLACES):
        raise CommandError(
            "say where: make postgres DSN=postgresql://user@host/database, or set PGHOST and"
            " PGDATABASE (or PGSERVICE); the password may be in PGPASSWORD or PGPASSFILE."
        )
    try:
        parameters = conninfo_to_dict(dsn)
    except psycopg.Error:
        parameters = None
    if parameters is None or is_cut_wrongly(dsn, parameters):
        raise CommandError(
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


# Longer than any publication takes that makes progress.
OTHER_RUN_SECONDS = 600
# Shorter than PostgreSQL's deadlock_timeout (1 s), so that no reader is ever stopped for us; and who
# comes after us waits no longer than the second for all tables.
ONE_LOCK_SECONDS = 0.5
ALL_LOCKS_SECONDS = 2.0
# Between two attempts readers go on.
PAUSES_SECONDS = (0.5, 1, 2, 4, 8, 15)
SHOWN_QUERY_LETTERS = 120


HOW_TO_END = (
    "Have them commit, roll back or disconnect, or end one with `select pg_terminate_backend(pid)`;"
    " then run `make postgres` again."
)


def wait_for_other_runs(target: psycopg.Connection, schema: str) -> None:
    """Let one publication end before the next begins; the lock dies with its transaction."""
    import psycopg

    key = f"{APPLICATION}.{schema}"
    free = target.execute("select pg_try_advisory_xact_lock(hashtext(%s))", [key]).fetchone()
    if free and free[0]:
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
        raise CommandError(
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
    CommandError
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
            raise CommandError(
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


def table_names(target: psycopg.Connection, schema: str) -> list[str]:
    """Return the tables of a schema, in the order in which they are locked."""
    found = target.execute(
        "select tablename from pg_tables where schemaname = %s order by tablename", [schema]
    )
    return [name for (name,) in found.fetchall()]
