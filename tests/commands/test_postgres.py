"""The public tables in PostgreSQL, on a real server of Debian's packages that listens on a socket file only."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from conftest import PROJECT, query
from customer_segmentation.__main__ import main
from customer_segmentation.commands import _postgres_server, postgres
from customer_segmentation.publishing import CommandError
from postgres_server import postgres_server

pytestmark = pytest.mark.build


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Return the connection string of a new, empty server."""
    with postgres_server() as place:
        yield f"host={place} user=analyst dbname=postgres"


def rows_of(dsn: str, statement: str) -> list[tuple]:
    import psycopg

    with psycopg.connect(dsn) as connection:
        return connection.execute(statement).fetchall()


def run_on(dsn: str, *statements: str) -> None:
    import psycopg

    with psycopg.connect(dsn) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture(scope="module")
def small_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with a table or two in each layer, three rows each, and a private one."""
    database = tmp_path_factory.mktemp("small") / "olist.duckdb"
    with duckdb.connect(str(database)) as connection:
        for name in SMALL_TABLES:
            connection.execute(f"create schema if not exists {name.split('.')[0]}")
            connection.execute(
                f"create table {name} as select unnest(range(3)) as number, 'São Paulo' as city"
            )
        connection.execute("comment on table marts.customers is 'One row per person.'")
    return database


SMALL_TABLES = (
    "marts.customers", "marts.orders", "marts.rfm", "segmentation.segment_profiles", "segmentation_work.kmeans_fits",
    "maintenance.decisions", "bi.clients",
)  # fmt: skip
SMALL_NAMES = {"customers", "orders", "rfm", "segment_profiles", "decisions", "clients"}


@pytest.fixture
def psycopg_connect(server: str) -> Iterator[Callable[..., Any]]:
    """Return a function that opens a session, which ends with the test."""
    import psycopg

    opened = []

    def connect(dsn: str = server, **options: Any) -> Any:
        opened.append(psycopg.connect(dsn, **options))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture(scope="module")
def written(server: str, sample_database: Path) -> dict[str, int]:
    """Return the rows by table of the sample, published into schema whole."""
    return postgres.publish(sample_database, server, schema="whole")


def test_every_table_arrives_whole(
    server: str, sample_database: Path, written: dict[str, int]
) -> None:
    with duckdb.connect(str(sample_database), read_only=True) as connection:
        tables = postgres.public_tables(connection)
    assert {table.schema for table in tables} == {"marts", "segmentation", "maintenance", "bi"}
    assert set(written) == {table.name for table in tables}
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


@pytest.mark.usefixtures("written")
def test_types_and_descriptions_come_along(server: str) -> None:
    types = dict(
        rows_of(
            server,
            "select column_name, data_type || coalesce(' ' || numeric_scale, '')"
            " from information_schema.columns"
            " where table_schema = 'whole' and table_name = 'customer_360'",
        )
    )
    assert types["monetary"] == "numeric 2"
    assert types["as_of_date"] == "date"
    assert types["customer_zip_code_prefix"] == "text"
    assert types["first_order_at"] == "timestamp without time zone"
    assert types["is_fallback"] == "boolean"
    ((table, column),) = rows_of(
        server,
        "select obj_description('whole.customer_360'::regclass),"
        " col_description('whole.customer_360'::regclass, (select attnum from pg_attribute"
        " where attrelid = 'whole.customer_360'::regclass and attname = 'confidence'))",
    )
    assert table.startswith("One row per person")
    assert "halfway between two segments" in column


def test_a_name_that_two_layers_have_is_kept_apart() -> None:
    tables = [
        postgres.Table(schema=layer, name=name, comment=None, columns=())
        for layer, name in (("marts", "x"), ("bi", "x"), ("bi", "y"))
    ]
    assert list(postgres.target_names(tables).values()) == ["marts_x", "bi_x", "y"]


def test_a_second_run_replaces_and_keeps_who_may_read(
    server: str, small_database: Path, capsys
) -> None:
    assert set(postgres.publish(small_database, server, schema="again")) == SMALL_NAMES
    run_on(
        server,
        "create role reader",
        "grant usage on schema again to reader",
        "grant select on again.customers to reader",
        "grant select on again.rfm to public",
        "delete from again.customers",
        "create table again.left_over as select 1",
    )
    capsys.readouterr()
    written = postgres.publish(small_database, server, schema="again")
    assert rows_of(server, "select count(*) from again.customers") == [(written["customers"],)]
    assert "Removed from schema again" in (said := capsys.readouterr().out)
    assert "left_over" in said
    assert rows_of(
        server,
        "select has_schema_privilege('reader', 'again', 'usage'),"
        " has_table_privilege('reader', 'again.customers', 'select'),"
        " has_table_privilege('reader', 'again.rfm', 'select'),"
        " has_table_privilege('reader', 'again.orders', 'select')",
    ) == [(True, True, True, False)]
    assert {
        name for (name,) in rows_of(server, "select tablename from pg_tables where schemaname = 'again'")
    } == SMALL_NAMES  # fmt: skip


def test_default_privileges_of_the_schema_hold_for_tables_that_come(
    server: str, small_database: Path
) -> None:
    postgres.publish(small_database, server, schema="open")
    run_on(
        server,
        "create role newcomer",
        "alter default privileges in schema open grant select on tables to newcomer",
    )
    postgres.publish(small_database, server, schema="open")
    assert rows_of(
        server, "select has_table_privilege('newcomer', 'open.segment_profiles', 'select')"
    ) == [(True,)]


def test_a_failure_leaves_the_old_tables(server: str, small_database: Path, tmp_path: Path) -> None:
    postgres.publish(small_database, server, schema="kept")
    before = rows_of(server, "select count(*), sum(number) from kept.customers")
    database = tmp_path / "olist.duckdb"
    shutil.copy(small_database, database)
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from marts.customers")
        # The last table in the order of copying cannot be held by PostgreSQL: a text with NUL.
        connection.execute("update segmentation.segment_profiles set city = 'a' || chr(0)")
    with pytest.raises(CommandError, match="its tables are as they were"):
        postgres.publish(database, server, schema="kept")
    assert rows_of(server, "select count(*), sum(number) from kept.customers") == before
    assert len(rows_of(server, "select * from pg_tables where schemaname = 'kept'")) == 6


def test_a_reader_is_not_stopped_while_rows_are_copied(
    server: str, small_database: Path, monkeypatch
) -> None:
    written = postgres.publish(small_database, server, schema="busy")
    seen = []
    copy_rows = postgres.copy_rows

    def copy_and_read(*arguments: object) -> int:
        import psycopg

        with psycopg.connect(server, options="-c lock_timeout=2s") as reader:
            seen.append(reader.execute("select count(*) from busy.customers").fetchone()[0])
        return copy_rows(*arguments)

    monkeypatch.setattr(postgres, "copy_rows", copy_and_read)
    postgres.publish(small_database, server, schema="busy")
    assert seen == [written["customers"]] * len(written)


class Publication(threading.Thread):
    """A publication beside what the test does."""

    def __init__(self, database: Path, dsn: str, schema: str) -> None:
        super().__init__()
        self.arguments = (database, dsn, schema)
        self.result: object = None
        self.start()

    def run(self) -> None:
        database, dsn, schema = self.arguments
        try:
            self.result = postgres.publish(database, dsn, schema=schema)
        except CommandError as error:
            self.result = error

    def outcome(self) -> object:
        self.join(60)
        assert not self.is_alive()
        return self.result


def test_a_reader_idle_in_a_transaction_stops_neither_other_readers_nor_is_stopped(
    server: str, small_database: Path, psycopg_connect, monkeypatch, capfd
) -> None:
    monkeypatch.setattr(_postgres_server, "PAUSES_SECONDS", (0.2, 0.2, 0.2))
    postgres.publish(small_database, server, schema="idle")
    run_on(server, "update idle.customers set city = 'old'")
    idle = psycopg_connect(application_name="spreadsheet")
    # The last one in the order of the locks: those before it are locked when the attempt is given up.
    idle.execute("select  *\nfrom idle.segment_profiles")
    other = psycopg_connect(autocommit=True)
    publication = Publication(small_database, server, "idle")
    waits = []
    while publication.is_alive():
        begin = time.monotonic()
        assert other.execute("select min(city) from idle.customers").fetchone() == ("old",)
        waits.append(time.monotonic() - begin)
        time.sleep(0.02)
    message = str(publication.outcome())
    assert "none was replaced; they are as they were" in message
    assert re.search(
        # The other reader may be named as well, when its query and the last look coincide.
        rf"In the way: .*pid {idle.info.backend_pid}, analyst, application spreadsheet, idle in transaction, "
        r"in its transaction since 2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d UTC, "
        r"last query: select \* from idle.segment_profiles\b.*\. Have them commit",
        message,
    )
    assert "select pg_terminate_backend(pid)" in message
    assert "\n" not in message
    assert re.search(
        rf"trying again for 1 s\. In the way: .*pid {idle.info.backend_pid}", capfd.readouterr().err
    )
    # They did wait, and no longer than an attempt takes.
    assert 0.2 < max(waits) < _postgres_server.ALL_LOCKS_SECONDS + 3
    assert idle.execute("select count(*) from idle.customers").fetchone() == (3,)


def test_a_reader_who_goes_on_reading_is_waited_for(
    server: str, small_database: Path, psycopg_connect, capfd
) -> None:
    postgres.publish(small_database, server, schema="patient")
    run_on(server, "update patient.customers set city = 'old'")
    reader = psycopg_connect()
    reader.execute("select * from patient.segment_profiles")
    publication = Publication(small_database, server, "patient")
    said = ""
    while "trying again" not in said and publication.is_alive():
        # It locks customers and waits for us; we then wait for customers: a deadlock, if it did not give up.
        assert reader.execute("select min(city) from patient.customers").fetchone() == ("old",)
        time.sleep(0.02)
        said += capfd.readouterr().err
    for _ in range(20):
        assert reader.execute("select min(city) from patient.customers").fetchone() == ("old",)
        time.sleep(0.05)
    reader.commit()
    assert set(publication.outcome()) == SMALL_NAMES
    assert rows_of(server, "select distinct city from patient.customers") == [("São Paulo",)]


def test_a_prepared_transaction_in_the_way_is_named(
    server: str, small_database: Path, psycopg_connect, monkeypatch
) -> None:
    monkeypatch.setattr(_postgres_server, "PAUSES_SECONDS", ())
    postgres.publish(small_database, server, schema="prepared")
    session = psycopg_connect(autocommit=True)
    session.execute("begin")
    session.execute("delete from prepared.rfm")
    session.execute("prepare transaction 'forgotten'")
    try:
        with pytest.raises(CommandError, match="prepared transaction 'forgotten' of analyst"):
            postgres.publish(small_database, server, schema="prepared")
    finally:
        session.execute("rollback prepared 'forgotten'")


def test_a_role_that_may_not_see_others_still_gets_the_pid(
    server: str, small_database: Path, psycopg_connect, monkeypatch
) -> None:
    monkeypatch.setattr(_postgres_server, "PAUSES_SECONDS", ())
    run_on(server, "create role plain login", "grant create on database postgres to plain")
    plain = server.replace("user=analyst", "user=plain")
    postgres.publish(small_database, plain, schema="of_plain")
    reader = psycopg_connect()
    reader.execute("select 'private matter' from of_plain.rfm")
    with pytest.raises(CommandError) as refused:
        postgres.publish(small_database, plain, schema="of_plain")
    assert f"In the way: pid {reader.info.backend_pid}, analyst" in str(refused.value)
    assert "the rest is for roles with pg_read_all_stats" in str(refused.value)
    assert "private matter" not in str(refused.value)


def test_who_is_in_the_way_is_looked_up_each_time(server: str, psycopg_connect) -> None:
    run_on(server, "create table public.looked_at as select 1 as one")
    waiting = psycopg_connect()
    locks = "relation = {}::regclass"
    assert _postgres_server.sessions(waiting, locks, ["looked_at"]).startswith(
        "Who used them has ended"
    )
    readers = [psycopg_connect(), psycopg_connect()]
    for reader in readers:
        reader.execute("select * from looked_at")
        said = _postgres_server.sessions(waiting, locks, ["looked_at"])
        assert f"pid {reader.info.backend_pid}, analyst, idle in transaction" in said


def test_of_two_publications_the_second_waits_and_names_the_first(
    server: str, small_database: Path, psycopg_connect, monkeypatch, capfd
) -> None:
    first = psycopg_connect(application_name="customer_segmentation")
    first.execute("select pg_advisory_xact_lock(hashtext('customer_segmentation.twice'))")
    publication = Publication(small_database, server, "twice")
    said = ""
    while "waiting for it" not in said and publication.is_alive():
        time.sleep(0.02)
        said += capfd.readouterr().err
    assert f"waiting for it. In the way: pid {first.info.backend_pid}, analyst" in said
    assert publication.is_alive()
    first.rollback()
    assert set(publication.outcome()) == SMALL_NAMES
    first.execute("select pg_advisory_xact_lock(hashtext('customer_segmentation.twice'))")
    monkeypatch.setattr(_postgres_server, "OTHER_RUN_SECONDS", 0.2)
    with pytest.raises(CommandError, match=f"does not end.* pid {first.info.backend_pid}, analyst"):
        postgres.publish(small_database, server, schema="twice")


def test_a_view_of_somebody_is_not_dropped(server: str, small_database: Path) -> None:
    postgres.publish(small_database, server, schema="viewed")
    run_on(server, "create view public.mine as select count(*) from viewed.customers")
    with pytest.raises(CommandError, match=r"view mine depends on table viewed\.customers"):
        postgres.publish(small_database, server, schema="viewed")
    assert rows_of(server, "select * from public.mine")[0][0] > 0


def test_a_schema_of_somebody_else_is_left_alone(server: str, small_database: Path) -> None:
    run_on(server, "create schema theirs", "create table theirs.customers as select 1 as one")
    with pytest.raises(CommandError, match="was not made by this command"):
        postgres.publish(small_database, server, schema="theirs")
    assert rows_of(server, "select * from theirs.customers") == [(1,)]


def test_no_server_no_dsn_no_database(small_database: Path, tmp_path: Path, capsys) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed; `make postgres` installs it")
    found = ["--database", str(small_database)]
    assert main(["postgres", "--dsn", f"host={tmp_path} user=nobody", *found]) == 1
    assert "PostgreSQL refused" in capsys.readouterr().err
    assert main(["postgres", "--dsn", "", *found]) == 1
    assert "make postgres DSN=" in capsys.readouterr().err
    missing = tmp_path / "none"
    assert main(["postgres", "--dsn", "dbname=x", "--database", str(missing)]) == 1
    assert "run `make build`" in capsys.readouterr().err
    missing.write_text("no database")
    assert main(["postgres", "--dsn", "dbname=x", "--database", str(missing)]) == 1
    assert "cannot be read" in capsys.readouterr().err
    assert main(["postgres", "--dsn", "dbname=x", "--schema", "é" * 32, *found]) == 1
    assert "63 bytes" in capsys.readouterr().err


SECRET = "S3cret"


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take PostgreSQL's own variables away."""
    for name in [name for name in os.environ if name.startswith("PG") or name == "DSN"]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_variables")
@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://u:S3c@ret@localhost/db",
        "postgresql://u:S3c/ret@localhost/db",
        "postgresql://u:S3c%ret@localhost/db",
        "postgresql://u:S3c ret@localhost/db",
        "postgresql://u:S3cret@localhost:54x2/db",
        "postgresql://u:12/S3cret@localhost/db",
        "postgresql://u:S3cret@local@host/db",
        "postgresql://u:S3c?S3/ret@localhost/db",
        "postgresql://localhost/db?passwort=S3cret",
        "postgresql://localhost/db?password=%zzS3cret",
        "postgresql:/u:S3cret@localhost/db",
        "PostgreSQL://u:S3cret@localhost/db",
        "postgresql+psycopg://u:S3cret@localhost/db",
        "u:S3cret@localhost/db",
        "host=localhost password=S3 cret dbname=db",
        "host=localhost password='S3cret",
        "host=localhost pasword=S3cret",
        "host=u:S3cret@localhost dbname=db",
        "dbname=postgresql://u:S3cret@localhost/db",
        "S3cret",
    ],
)
def test_a_connection_string_that_is_wrong_is_not_shown(
    small_database: Path, monkeypatch, capfd, dsn: str
) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed; `make postgres` installs it")
    monkeypatch.setenv("DSN", dsn)
    assert main(["postgres", "--database", str(small_database)]) == 1
    said = capfd.readouterr()
    assert "DSN is no connection string that PostgreSQL understands" in said.err
    assert not re.search("S3|cret|ret@", said.out + said.err)
    assert said.err.count("\n") == 1


@pytest.mark.usefixtures("no_variables")
def test_neither_help_nor_errors_show_a_password(server: str, monkeypatch, capfd) -> None:
    dsn = f"postgresql://secretive:{SECRET}@/postgres?host={server.split()[0][5:]}"
    monkeypatch.setenv("DSN", dsn)
    with pytest.raises(SystemExit):
        main(["postgres", "--help"])
    with pytest.raises(SystemExit):
        main(["postgres", dsn])
    with pytest.raises(SystemExit):
        main(["postgres", "--dns", dsn])
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err
    assert "PGPASSFILE" in said.out


def test_a_password_comes_from_the_environment_and_is_never_shown(
    server: str, small_database: Path, tmp_path: Path, monkeypatch, capfd, no_variables
) -> None:
    place = server.split()[0][5:]
    run_on(
        server,
        f"create role secretive login password '{SECRET}'",
        "grant create on database postgres to secretive",
    )
    found = ["--database", str(small_database), "--schema"]
    ways: dict[str, dict[str, str]] = {
        "in_dsn": {"DSN": f"postgresql://secretive:{SECRET}@/postgres?host={place}"},
        "in_variable": {"DSN": f"postgresql://secretive@/postgres?host={place}", "PGPASSWORD": SECRET},
        "variables_alone": {
            "PGHOST": place, "PGDATABASE": "postgres", "PGUSER": "secretive", "PGPASSWORD": SECRET,
        },
        "in_file": {"DSN": f"host={place} user=secretive dbname=postgres", "PGPASSFILE": "passwords"},
        "in_service": {"PGSERVICE": "shop", "PGSERVICEFILE": "services", "PGPASSWORD": SECRET},
        "dsn_with_service": {"DSN": "service=shop", "PGSERVICEFILE": "services", "PGPASSWORD": SECRET},
    }  # fmt: skip
    monkeypatch.setenv("DBT_PROJECT_DIR", str(PROJECT))
    monkeypatch.chdir(tmp_path)
    Path("passwords").write_text(f"*:*:*:secretive:{SECRET}\n", encoding="utf-8")
    Path("passwords").chmod(0o600)
    Path("services").write_text(f"[shop]\nhost={place}\nuser=secretive\ndbname=postgres\n")
    for schema, variables in ways.items():
        with monkeypatch.context() as given:
            for name, value in variables.items():
                given.setenv(name, value)
            assert main(["postgres", *found, schema]) == 0, capfd.readouterr().err
            if schema not in ("in_dsn", "variables_alone"):
                continue
            # The same with a password that is wrong, and a database that is not there.
            given.setenv("PGPASSWORD", f"wrong{SECRET}")
            given.setenv("PGPASSFILE", "none")
            given.setenv("DSN", variables.get("DSN", "").replace(SECRET, f"{SECRET}wrong"))
            assert main(["postgres", *found, schema]) == 1
            given.setenv("PGPASSWORD", SECRET)
            given.setenv("DSN", f"dbname={SECRET} host={place} user=secretive password={SECRET}")
            assert main(["postgres", *found, schema]) == 1
    said = capfd.readouterr()
    for schema in ways:
        assert f"in schema {schema}." in said.out
    assert said.err.count("password authentication failed") == 2
    assert said.err.count("does not exist") == 2
    assert SECRET not in said.out + said.err


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(CommandError, match="no PostgreSQL type is known for BLOB"):
        postgres.postgres_type("BLOB")
