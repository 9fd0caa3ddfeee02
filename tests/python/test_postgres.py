"""Marts and bi in PostgreSQL, on a real server of Debian's packages that listens on a socket file only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from conftest import query
from customer_segmentation.__main__ import main
from customer_segmentation.commands import postgres
from customer_segmentation.publishing import CommandError

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
AS_SERVER = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

pytestmark = pytest.mark.build


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Return the connection string of a new, empty server."""
    pytest.importorskip("psycopg", reason="psycopg is not installed; `make postgres` installs it")
    if not SERVERS:
        pytest.skip("there is no PostgreSQL server; on Debian: apt install postgresql")
    programs = SERVERS[-1].parent
    # Short, because the name of a socket file may have 107 characters.
    place = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    data = place / "data"
    if AS_SERVER:
        shutil.chown(place, "postgres")

    def call(*command: str) -> None:
        subprocess.run(
            [*AS_SERVER, *command], cwd=place, check=True, capture_output=True, timeout=60
        )

    try:
        call(
            str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "analyst", "-E", "UTF8"
        )
        options = f"-k {place} -c listen_addresses='' -c fsync=off"
        log = str(place / "log")
        call(str(programs / "pg_ctl"), "-D", str(data), "-o", options, "-l", log, "-w", "start")
        try:
            yield f"host={place} user=analyst dbname=postgres"
        finally:
            call(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)


def rows_of(dsn: str, statement: str) -> list[tuple]:
    import psycopg

    with psycopg.connect(dsn) as connection:
        return connection.execute(statement).fetchall()


def run_on(dsn: str, *statements: str) -> None:
    import psycopg

    with psycopg.connect(dsn) as connection:
        for statement in statements:
            connection.execute(statement)


def test_every_table_arrives_whole(server: str, sample_database: Path) -> None:
    written = postgres.publish(sample_database, server, schema="whole")
    with duckdb.connect(str(sample_database), read_only=True) as connection:
        tables = postgres.public_tables(connection)
    assert {"customers", "rfm", "clients", "customer_360", "audience_members"} <= set(written)
    assert len(written) == len(tables)
    for table in tables:
        # Exact types only: the sum of doubles depends on the order of the rows.
        measures = ["count(*)"]
        for name, kind, _ in table.columns:
            measures.append(f'count("{name}")')
            if kind == "VARCHAR":
                measures.append(f'sum(length("{name}"))')
            elif kind == "BOOLEAN":
                measures.append(f'sum(cast("{name}" as int))')
            elif kind.startswith(("DECIMAL", "INT", "BIGINT")):
                measures.append(f'sum(cast("{name}" as numeric(30, 2)))')
            else:
                measures.append(f'min("{name}"), max("{name}")')
        statement = f"select {', '.join(measures)} from "
        assert query(sample_database, f'{statement}"{table.schema}"."{table.name}"') == rows_of(
            server, f'{statement}whole."{table.name}"'
        ), table.name


def test_types_and_descriptions_come_along(server: str, sample_database: Path) -> None:
    postgres.publish(sample_database, server, schema="described")
    types = dict(
        rows_of(
            server,
            "select column_name, data_type || coalesce(' ' || numeric_scale, '')"
            " from information_schema.columns"
            " where table_schema = 'described' and table_name = 'customer_360'",
        )
    )
    assert types["monetary"] == "numeric 2"
    assert types["as_of_date"] == "date"
    assert types["customer_zip_code_prefix"] == "text"
    assert types["first_order_at"] == "timestamp without time zone"
    assert types["is_fallback"] == "boolean"
    ((table, column),) = rows_of(
        server,
        "select obj_description('described.customer_360'::regclass),"
        " col_description('described.customer_360'::regclass, (select attnum from pg_attribute"
        " where attrelid = 'described.customer_360'::regclass and attname = 'confidence'))",
    )
    assert table.startswith("One row per person")
    assert "halfway between two segments" in column


def test_a_second_run_replaces_and_keeps_who_may_read(server: str, sample_database: Path) -> None:
    postgres.publish(sample_database, server, schema="again")
    run_on(
        server,
        "create role reader",
        "grant usage on schema again to reader",
        "grant select on again.customers to reader",
        "grant select on again.rfm to public",
        "delete from again.customers",
        "create table again.left_over as select 1",
    )
    written = postgres.publish(sample_database, server, schema="again")
    assert rows_of(server, "select count(*) from again.customers") == [(written["customers"],)]
    assert rows_of(server, "select to_regclass('again.left_over')") == [(None,)]
    assert rows_of(
        server,
        "select has_schema_privilege('reader', 'again', 'usage'),"
        " has_table_privilege('reader', 'again.customers', 'select'),"
        " has_table_privilege('reader', 'again.rfm', 'select'),"
        " has_table_privilege('reader', 'again.orders', 'select')",
    ) == [(True, True, True, False)]
    assert rows_of(server, "select count(*) from pg_namespace where nspname = 'again_new'") == [
        (0,)
    ]


def test_a_failure_leaves_the_old_tables(
    server: str, sample_database: Path, tmp_path: Path, monkeypatch
) -> None:
    postgres.publish(sample_database, server, schema="kept")
    before = rows_of(server, "select count(*), sum(total_spent) from kept.customers")
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from marts.customers")
        # The last table in the order of copying cannot be held by PostgreSQL: a text with NUL.
        connection.execute("create table marts.zzz as select 'a' || chr(0) as broken")
    with pytest.raises(CommandError, match="its tables are as they were"):
        postgres.publish(database, server, schema="kept")
    assert rows_of(server, "select count(*), sum(total_spent) from kept.customers") == before


def test_a_reader_is_not_stopped_while_rows_are_copied(
    server: str, sample_database: Path, monkeypatch
) -> None:
    written = postgres.publish(sample_database, server, schema="busy")
    seen = []
    copy_rows = postgres.copy_rows

    def copy_and_read(*arguments: object) -> int:
        import psycopg

        with psycopg.connect(server, options="-c lock_timeout=2s") as reader:
            seen.append(reader.execute("select count(*) from busy.customers").fetchone()[0])
        return copy_rows(*arguments)

    monkeypatch.setattr(postgres, "copy_rows", copy_and_read)
    postgres.publish(sample_database, server, schema="busy")
    assert seen == [written["customers"]] * len(written)


def test_a_view_of_somebody_is_not_dropped(server: str, sample_database: Path) -> None:
    postgres.publish(sample_database, server, schema="viewed")
    run_on(server, "create view public.mine as select count(*) from viewed.customers")
    with pytest.raises(CommandError, match=r"view mine depends on table viewed\.customers"):
        postgres.publish(sample_database, server, schema="viewed")
    assert rows_of(server, "select * from public.mine")[0][0] > 0


def test_a_schema_of_somebody_else_is_left_alone(server: str, sample_database: Path) -> None:
    run_on(server, "create schema theirs", "create table theirs.customers as select 1 as one")
    with pytest.raises(CommandError, match="was not made by this command"):
        postgres.publish(sample_database, server, schema="theirs")
    assert rows_of(server, "select * from theirs.customers") == [(1,)]


def test_no_server_no_dsn_no_database(sample_database: Path, tmp_path: Path, capsys) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed; `make postgres` installs it")
    found = ["--database", str(sample_database)]
    assert main(["postgres", "--dsn", f"host={tmp_path} user=nobody", *found]) == 1
    assert "PostgreSQL refused" in capsys.readouterr().err
    assert main(["postgres", "--dsn", "", *found]) == 1
    assert "make postgres DSN=" in capsys.readouterr().err
    assert main(["postgres", "--dsn", "x", "--database", str(tmp_path / "none")]) == 1
    assert "run `make build`" in capsys.readouterr().err


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(CommandError, match="no PostgreSQL type is known for BLOB"):
        postgres.postgres_type("BLOB")
