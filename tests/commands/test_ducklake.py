"""A lake: built beside the published one, put before readers as one snapshot, and unharmed by what is killed.

`make ducklake-test` runs these; elsewhere they are skipped, because DuckDB's extensions fit one version of DuckDB.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from conftest import PROJECT, SMALL_STUDY, Run
from customer_segmentation.commands import ducklake
from customer_segmentation.commands.ducklake import lake, publication, server
from customer_segmentation.commands.parity.comparison import compare
from customer_segmentation.publishing import CommandError, InUseError

TABLES = """
    create schema lake.marts; create schema lake.bi; create schema lake.input;
    create table lake.marts.customers (customer varchar not null, spent decimal(14, 2), number int);
    insert into lake.marts.customers
    select 'c' || i, i / 100, {number} from range({rows}) as numbers (i);
    comment on table lake.marts.customers is 'One row per person, isn''t it.';
    comment on column lake.marts.customers.spent is 'In BRL.';
    use lake;
    create view lake.input.people as from marts.customers;
    create view lake.bi.clients as select customer as client, number from input.people;
    create view lake.bi.all_clients as select * from bi.clients;
    use memory
"""
# Publishes, and stops for ever when everything is copied and nothing committed.
PUBLISHER = """
import sys, time
import duckdb
from customer_segmentation.commands import ducklake
from customer_segmentation.commands.ducklake import lake, publication
from pathlib import Path
connection = lake.open_duckdb(Path(sys.argv[1]), Path(sys.argv[2]))
for name in (lake.BUILT, lake.PUBLISHED):
    connection.execute(f"attach 'ducklake:{name}' as {name}")
def wait(*_):
    print("copied", flush=True)
    time.sleep(600)
publication._replace_views = wait
publication.publish(connection, "killed")
"""


@pytest.fixture(scope="module", autouse=True)
def _has_what_it_needs() -> None:
    pytest.importorskip(
        "psycopg", reason="psycopg is not installed; `make ducklake-test` runs this"
    )
    try:
        for name in lake.EXTENSIONS:
            lake.extension_file(name)
        server.programs_folder()
        # Nothing here outlives the machine.
        server.SETTINGS += " -c fsync=off"
    except CommandError as error:
        pytest.skip(f"{error} `make ducklake-test` runs this.")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return a folder that PostgreSQL's own user can enter."""
    place = Path(tempfile.mkdtemp(prefix="lake", dir="/tmp"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        server.stopped(place / "ducklake" / "postgres")
        subprocess.run(["rm", "-rf", str(place)], check=False)


@pytest.fixture(scope="module")
def place(folder: Path) -> lake.Place:
    return lake.find_place(folder / "olist.duckdb", {})


@contextlib.contextmanager
def a_build(place: lake.Place, *, number: int, rows: int = 1000) -> Iterator[tuple[Path, Path]]:
    """Give extensions and secrets of a lake that a build has filled."""
    extensions = lake.install_extensions(place.folder)
    with lake.secrets(place, extensions, build=lake.new_build()) as secrets:
        with lake.open_duckdb(extensions, secrets) as connection:
            for name in (lake.BUILT, lake.PUBLISHED):
                connection.execute(f"attach 'ducklake:{name}' as {name}")
            for statement in TABLES.format(number=number, rows=rows).split(";\n"):
                connection.execute(statement)
        yield extensions, secrets


@contextlib.contextmanager
def both(extensions: Path, secrets: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with lake.open_duckdb(extensions, secrets) as connection:
        for name in (lake.BUILT, lake.PUBLISHED):
            connection.execute(f"attach 'ducklake:{name}' as {name}")
        yield connection


@contextlib.contextmanager
def published_to_write(place: lake.Place) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published lake, as a build does at its end."""
    extensions = lake.install_extensions(place.folder)
    with (
        lake.secrets(place, extensions, build=None) as secrets,
        lake.open_duckdb(extensions, secrets) as connection,
    ):
        connection.execute(f"attach 'ducklake:{lake.PUBLISHED}' as {lake.PUBLISHED}")
        yield connection


@contextlib.contextmanager
def published(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published lake beside a database, as a reader does."""
    with (
        lake.with_published(database) as (extensions, secrets),
        lake.open_duckdb(extensions, secrets) as connection,
    ):
        connection.execute(f"attach 'ducklake:{lake.PUBLISHED}' as {lake.PUBLISHED} (read_only)")
        yield connection


def snapshot_of(database: Path) -> int:
    """Return the last snapshot of the published lake beside a database."""
    with published(database) as connection:
        row = connection.execute(
            f"select max(snapshot_id) from {lake.PUBLISHED}.snapshots()"
        ).fetchone()
    assert row
    return row[0]


def number_in(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """Return the number of the published lake, as two tables tell it."""
    rows = connection.execute(
        f"select number from {lake.PUBLISHED}.marts.customers"
        f" union all select number from {lake.PUBLISHED}.bi.all_clients"
    ).fetchall()
    return {number for (number,) in rows}


def test_a_server_is_started_once_and_reached_by_its_socket(folder: Path) -> None:
    import psycopg

    place = folder / "other" / "postgres"
    address = server.started(place)
    try:
        assert server.started(place) == address
        assert server.is_running(place)
        with psycopg.connect(address) as connection:
            assert connection.execute("show listen_addresses").fetchone() == ("",)
    finally:
        assert server.stopped(place)
    assert not server.is_running(place)
    assert not server.stopped(place)
    # What it holds is there when it is started again.
    assert server.started(place) == address
    server.stopped(place)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives the server to another user")
def test_a_folder_that_the_server_cannot_enter_is_named(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(CommandError, match=r"cannot enter .*closed/postgres: open the folders"):
        server.started(closed / "postgres")


def test_a_folder_with_a_long_name_has_its_socket_elsewhere(folder: Path) -> None:
    place = (
        folder / ("a folder with a name as long as people's names of folders may be " * 2) / "pg"
    )
    address = server.started(place)
    try:
        assert str(folder) not in address
    finally:
        server.stopped(place)


def test_what_was_built_is_published_whole_and_as_one_snapshot(place: lake.Place) -> None:
    with a_build(place, number=1) as lakes, both(*lakes) as connection:
        first = publication.publish(connection, "first build")
        found = compare(connection, lake.BUILT, lake.PUBLISHED)
        assert [table.problem for table in found] == [""] * 3
        assert (first.tables, first.rows, first.views) == (1, 1000, 3)
        described = connection.execute(
            "select column_name, data_type, is_nullable, comment from duckdb_columns()"
            f" where database_name = '{lake.PUBLISHED}' and table_name = 'customers' order by 1"
        ).fetchall()
        assert described == [
            ("customer", "VARCHAR", False, None),
            ("number", "INTEGER", True, None),
            ("spent", "DECIMAL(14,2)", True, "In BRL."),
        ]
        comments = connection.execute(
            f"select comment from duckdb_tables() where database_name = '{lake.PUBLISHED}'"
        ).fetchall()
        assert comments == [("One row per person, isn't it.",)]
    with a_build(place, number=2) as lakes, both(*lakes) as connection:
        second = publication.publish(connection, "second build")
        assert second.snapshot == first.snapshot + 1
        said = connection.execute(
            f"select commit_message from {lake.PUBLISHED}.snapshots() order by snapshot_id desc"
        ).fetchone()
        assert said == ("second build",)
        # The build before can still be read.
        before = connection.execute(
            f"select distinct number from {lake.PUBLISHED}.marts.customers"
            f" at (version => {first.snapshot})"
        ).fetchall()
        assert before == [(1,)]


def test_a_reader_sees_one_build_until_the_end_of_what_they_do(place: lake.Place) -> None:
    with a_build(place, number=3) as lakes, both(*lakes) as connection:
        publication.publish(connection, "three")
    with a_build(place, number=4) as lakes, both(*lakes) as connection, both(*lakes) as reader:
        reader.execute("begin")
        assert number_in(reader) == {3}
        publication.publish(connection, "four")
        assert number_in(reader) == {3}
        reader.execute("commit")
        assert number_in(reader) == {4}


def test_what_a_build_does_not_make_any_more_is_dropped_and_named(place: lake.Place) -> None:
    with a_build(place, number=5) as lakes, both(*lakes) as connection:
        connection.execute(f"create schema if not exists {lake.BUILT}.old")
        connection.execute(f"create table {lake.BUILT}.old.gone as select 1 as one")
        publication.publish(connection, "with")
    with a_build(place, number=6) as lakes, both(*lakes) as connection:
        done = publication.publish(connection, "without")
        assert done.lost == ("old.gone",)
        assert publication.relations_of(connection, lake.PUBLISHED) == (
            publication.relations_of(connection, lake.BUILT)
        )


def test_a_publication_that_is_killed_leaves_what_was_there(place: lake.Place) -> None:
    with a_build(place, number=7) as lakes, both(*lakes) as connection:
        publication.publish(connection, "seven")
    with a_build(place, number=8, rows=5000) as (extensions, secrets):
        process = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(extensions), str(secrets)],
            env={**os.environ, "PYTHONPATH": str(PROJECT / "python")},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "copied\n"
        with both(extensions, secrets) as reader:
            assert number_in(reader) == {7}
            process.kill()
            process.wait()
            assert number_in(reader) == {7}
            # The next publication is not in its way.
            publication.publish(reader, "eight")
            assert number_in(reader) == {8}


def test_two_builds_do_not_meet(place: lake.Place) -> None:
    with lake.connected(place) as first, lake.connected(place) as second:
        with lake.lake_lock(first), pytest.raises(InUseError), lake.lake_lock(second):
            pass
        assert lake.new_build() != lake.new_build()
    # The lock has gone with its connection.
    with lake.connected(place) as third, lake.lake_lock(third):
        pass


def test_what_killed_builds_left_is_removed_and_nothing_else(place: lake.Place) -> None:
    with a_build(place, number=9) as lakes, both(*lakes) as connection:
        publication.publish(connection, "nine")
    with lake.connected(place) as catalogue:
        assert lake.forget_builds(catalogue, place)
        assert not lake.forget_builds(catalogue, place)
    assert [path.name for path in Path(place.data).iterdir()] == ["published"]
    with published(place.folder.parent / "olist.duckdb") as connection:
        assert number_in(connection) == {9}


def test_what_was_replaced_long_ago_goes_with_its_files(place: lake.Place) -> None:
    for number in (10, 11):
        with a_build(place, number=number) as lakes, both(*lakes) as connection:
            publication.publish(connection, str(number))
    files = set(Path(place.data, "published").rglob("*.parquet"))
    with published_to_write(place) as connection:
        before = connection.execute(f"select count(*) from {lake.PUBLISHED}.snapshots()").fetchone()
        # Nothing is that old.
        publication.forget_old(connection)
        after = connection.execute(f"select count(*) from {lake.PUBLISHED}.snapshots()").fetchone()
        assert after == before
        publication.forget_old(connection, kept_days=0)
        assert connection.execute(
            f"select count(*) from {lake.PUBLISHED}.snapshots()"
        ).fetchone() == (1,)
        assert number_in(connection) == {11}
    left = set(Path(place.data, "published").rglob("*.parquet"))
    assert left < files


def test_segments_that_readers_have_are_not_taken_from_them(place: lake.Place) -> None:
    models = "create or replace table {}.segmentation.period_models as select {} as model_id"
    with a_build(place, number=12) as lakes, both(*lakes) as connection:
        connection.execute(f"create schema {lake.BUILT}.segmentation")
        connection.execute(models.format(lake.BUILT, "null::varchar"))
        # Nobody has any yet.
        publication.refuse_without_segments(connection)
        connection.execute(f"create schema if not exists {lake.PUBLISHED}.segmentation")
        connection.execute(models.format(lake.PUBLISHED, "'2018-01-01'"))
        with pytest.raises(CommandError, match="would lose them all"):
            publication.refuse_without_segments(connection)
        connection.execute(models.format(lake.BUILT, "'2018-02-01'"))
        publication.refuse_without_segments(connection)


def test_a_catalogue_that_is_named_is_used_and_its_string_not_shown(
    place: lake.Place, folder: Path
) -> None:
    named = {
        "SEGMENTATION_DUCKLAKE_CATALOGUE": f" {place.catalogue} ",
        "SEGMENTATION_DUCKLAKE_DATA": str(folder / "elsewhere"),
    }
    found = lake.find_place(folder / "another" / "olist.duckdb", named)
    assert (found.catalogue, found.data, found.is_ours) == (
        place.catalogue,
        str(folder / "elsewhere"),
        False,
    )
    assert not (folder / "another" / "ducklake" / "postgres").exists()
    done = publication.Published(snapshot=1, tables=2, rows=3, views=4, lost=())
    assert place.catalogue not in ducklake._said(done, found)
    assert place.catalogue in ducklake._said(done, place)


def test_a_catalogue_that_cannot_be_reached_is_said_without_its_password(folder: Path) -> None:
    place = lake.Place(
        folder, "host=127.0.0.1 port=1 password=secret dbname=x", "/x", is_ours=False
    )
    with pytest.raises(CommandError, match="PostgreSQL cannot be reached") as raised:
        lake.connected(place)
    assert "secret" not in str(raised.value)


@pytest.mark.thorough
@pytest.mark.build
def test_the_whole_project_is_equal_in_a_lake_and_a_killed_build_harms_nobody(
    run: Run, small_folder: Path, folder: Path
) -> None:
    database = folder / "whole" / "olist.duckdb"
    options = shlex.join(["--vars", json.dumps({"study": SMALL_STUDY})])
    done = run(
        "customer_segmentation", "parity", f"--options={options}",
        raw_dir=small_folder, database=database,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert ", 0 different, " in done.stdout
    place = lake.folder_beside(database.parent / "parity" / database.name)
    try:
        before = snapshot_of(place.parent / database.name)
        kill_a_build(small_folder, place.parent / database.name)
        done = run(
            "customer_segmentation", "parity",
            str(place.parent / database.name), "ducklake",
            raw_dir=small_folder, database=place.parent / database.name, in_project=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert snapshot_of(place.parent / database.name) == before
    finally:
        server.stopped(place / "postgres")


def kill_a_build(raw_dir: Path, database: Path) -> None:
    """Begin a build of a lake, and kill it when it has written tables."""
    process = subprocess.Popen(
        [sys.executable, "-m", "customer_segmentation", "ducklake", "--full-refresh"],
        cwd=PROJECT,
        env={
            **os.environ,
            "PYTHONPATH": str(PROJECT / "python"),
            "DBT_PROFILES_DIR": str(PROJECT),
            "DBT_PROJECT_DIR": str(PROJECT),
            "DBT_TARGET_PATH": str(database.parent / "target"),
            "DBT_LOG_PATH": str(database.parent / "logs"),
            "OLIST_RAW_DIR": str(raw_dir),
            "SEGMENTATION_DATABASE": str(database),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    data = lake.folder_beside(database) / "data"
    until = time.monotonic() + 300
    while len(list(data.glob(f"{lake.BUILD_PREFIX}*/*/*/*.parquet"))) < 10:
        assert process.poll() is None, "the build ended before it was killed"
        assert time.monotonic() < until
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
