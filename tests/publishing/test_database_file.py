"""Which file is published over, who holds it, and what becomes of a log beside it."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import stat
from pathlib import Path

import duckdb
import pytest

from customer_segmentation.publishing import CommandError
from customer_segmentation.publishing.database_file import (
    database_path,
    held_against_writers,
    keep_mode,
    logs_beside,
    previous_folder,
    refuse_unusable,
    set_log_aside,
    writer_of,
)
from databases import execute, holder, leave_log, make_database, number_in


@pytest.mark.parametrize("text", [":memory:", ":memory:name", " ", "md:olist", "s3://a/b.duckdb"])
def test_a_setting_that_names_no_file_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="names no file"):
        database_path(text)


@pytest.mark.parametrize(
    "name",
    ["o?x=1.duckdb", "a?b/o.duckdb", "a\nb.duckdb", "o'b.duckdb", 'o"b.duckdb', "a;b.duckdb"],
)
def test_a_name_that_duckdb_reads_otherwise_is_refused(name: str) -> None:
    with pytest.raises(CommandError, match="leave it out"):
        database_path(name)


@pytest.mark.parametrize(
    "name", ["marts", "information_schema", "Temp", "main", "segmentation_work"]
)
def test_a_name_of_a_schema_is_refused(name: str) -> None:
    with pytest.raises(CommandError, match="is also the name of a schema"):
        database_path(f"warehouse/{name}.duckdb")


def test_the_home_folder_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert database_path("~/o.duckdb") == Path("/somewhere/o.duckdb")


def test_a_name_that_is_too_long_is_refused_in_bytes() -> None:
    # 120 letters of two bytes each.
    with pytest.raises(CommandError, match="too long: 247 bytes"):
        database_path(f"warehouse/{'é' * 120}.duckdb")
    assert database_path(f"{'é' * 110}.duckdb").suffix == ".duckdb"


def test_a_link_is_followed_and_a_loop_is_refused(tmp_path: Path) -> None:
    real = tmp_path / "disk" / "olist.duckdb"
    link = tmp_path / "link.duckdb"
    link.symlink_to(real)
    assert database_path(str(link)) == real
    loop = tmp_path / "loop.duckdb"
    loop.symlink_to(loop)
    with pytest.raises(CommandError, match="cannot be"):
        refuse_unusable(database_path(str(loop)))


def foreign_file(path: Path, kind: str) -> None:
    if kind == "text":
        path.write_text("customer,orders\n1,2\n")
    elif kind == "empty":
        path.touch()
    elif kind == "sqlite":
        with sqlite3.connect(path) as connection:
            connection.execute("create table a (b)")
        connection.close()
    elif kind == "foreign":
        with duckdb.connect(str(path)) as connection:
            connection.execute("create table their_work as select 1 as a")
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind in ("truncated", "newer"):
        make_database(path, 1)
        content = bytearray(path.read_bytes())
        if kind == "truncated":
            content = content[:20_000]
        else:
            content[12] = 200
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("text", "is no DuckDB database"),
        ("empty", r"is empty \(0 bytes\)"),
        ("sqlite", "is an SQLite database"),
        ("foreign", r"not one of this project \(it holds main.their_work\)"),
        ("folder", "is a folder"),
        ("pipe", "is no regular file"),
        ("truncated", "cannot be read"),
        ("newer", "cannot be read"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_left(
    tmp_path: Path, kind: str, sentence: str
) -> None:
    path = tmp_path / "olist.duckdb"
    foreign_file(path, kind)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(CommandError, match=sentence):
        refuse_unusable(path)
    assert before is None or path.read_bytes() == before
    assert [name.name for name in tmp_path.iterdir()] == ["olist.duckdb"]


def test_ours_an_empty_one_and_a_missing_one_can_be_published_over(tmp_path: Path) -> None:
    refuse_unusable(make_database(tmp_path / "ours.duckdb", 1))
    duckdb.connect(str(tmp_path / "empty.duckdb")).close()
    refuse_unusable(tmp_path / "empty.duckdb")
    refuse_unusable(tmp_path / "folder" / "missing.duckdb")
    assert (tmp_path / "folder").is_dir()


@pytest.mark.parametrize("name", [".olist.lock", ".olist.building", ".olist.previous", "warehouse"])
def test_what_is_in_the_way_is_named(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "warehouse"
    if name == "warehouse":
        folder.write_text("a file where a folder is needed")
        sentence = "cannot be written to"
    else:
        folder.mkdir()
        if name.endswith("lock"):
            (folder / name).mkdir()
        else:
            (folder / name).touch()
        sentence = f"{name} is in the way"
    with pytest.raises(CommandError, match=sentence):
        refuse_unusable(folder / "olist.duckdb")


def test_a_writer_is_named_and_a_reader_is_none(tmp_path: Path) -> None:
    path = make_database(tmp_path / "olist.duckdb", 1)
    assert writer_of(path) is None
    with holder(path, kind="reader"):
        assert writer_of(path) is None
        with held_against_writers(path):
            pass
    with holder(path) as process:
        assert f"Process {process.pid} (" in writer_of(path)
        with (
            pytest.raises(CommandError, match=rf"Process {process.pid} .* open for writing"),
            held_against_writers(path),
        ):
            pytest.fail("a writer was not seen")
        with pytest.raises(CommandError, match="Close it there"):
            refuse_unusable(path)


def test_while_a_file_is_held_others_read_and_nobody_writes(tmp_path: Path) -> None:
    path = make_database(tmp_path / "olist.duckdb", 1)
    with held_against_writers(path):
        with holder(path, kind="reader") as reader:
            execute(reader, "from marts.sellers")
        with pytest.raises((AssertionError, BrokenPipeError)), holder(path):
            pytest.fail("a writer came in")
    with holder(path) as writer:
        execute(writer, "create table marts.more as select 1 as a")


@pytest.mark.skipif(
    not hasattr(fcntl, "F_OFD_SETLK"), reason="this system has no locks of a descriptor"
)
def test_what_reads_a_held_file_does_not_let_go_of_it(tmp_path: Path) -> None:
    path = make_database(tmp_path / "olist.duckdb", 1)
    with held_against_writers(path):
        assert number_in(path) == 1
        path.read_bytes()
        with pytest.raises((AssertionError, BrokenPipeError)), holder(path):
            pytest.fail("a writer came in")
    with holder(path):
        pass


def test_a_file_is_held_where_there_are_no_locks_of_a_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_database(tmp_path / "olist.duckdb", 1)
    ask = fcntl.fcntl

    def does_not_know(descriptor: int, command: int, *others: bytes) -> bytes:
        if command == getattr(fcntl, "F_OFD_SETLK", None):
            raise OSError(errno.EINVAL, "Invalid argument")
        return ask(descriptor, command, *others)

    monkeypatch.setattr(fcntl, "fcntl", does_not_know)
    with (
        held_against_writers(path),
        pytest.raises((AssertionError, BrokenPipeError)),
        holder(path),
    ):
        pytest.fail("a writer came in")
    with holder(path), pytest.raises(CommandError, match="open for writing"):
        held_against_writers(path).__enter__()


CHANGES = {
    "update": "update marts.sellers set number = 99",
    "drop": "drop table marts.sellers",
    "like dbt": "create table marts.new as select 99 as number; alter table marts.sellers rename to old;"
    " alter table marts.new rename to sellers; drop table marts.old",
    "another table": "create schema mine; create table mine.targets as select 99 as number",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_log_leaves_the_published_name_and_is_lost_for_nobody(
    tmp_path: Path, change: str
) -> None:
    path = make_database(tmp_path / "olist.duckdb", 1)
    leave_log(path, CHANGES[change])
    with held_against_writers(path):
        said = set_log_aside(path, previous_folder(path))
        # The lock is still ours.
        with pytest.raises((AssertionError, BrokenPipeError)), holder(path):
            pytest.fail("a writer came in")
    assert logs_beside(path) == []
    assert number_in(path) == 1
    (aside,) = previous_folder(path).iterdir()
    assert str(aside) in said
    kept = aside / "olist.duckdb"
    with duckdb.connect(str(kept), read_only=True) as connection:
        tables = {
            name
            for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()
        }
        if change == "drop":
            assert "sellers" not in tables
        else:
            table = "mine.targets" if change == "another table" else "marts.sellers"
            assert connection.execute(f"from {table}").fetchall() == [(99,)]
    assert logs_beside(kept) == []


def test_a_log_that_cannot_be_read_is_kept_as_it_is(tmp_path: Path) -> None:
    path = make_database(tmp_path / "olist.duckdb", 1)
    for suffix in (".wal", ".wal.checkpoint"):
        Path(f"{path}{suffix}").write_bytes(b"no log of DuckDB, but of somebody")
    with held_against_writers(path):
        said = set_log_aside(path, previous_folder(path))
    assert "What is published lacks it" in said or "what is published lacks it" in said
    assert logs_beside(path) == []
    assert number_in(path) == 1
    (aside,) = previous_folder(path).iterdir()
    for suffix in (".wal", ".wal.checkpoint"):
        original = aside / f"olist.duckdb{suffix}.original"
        assert original.read_bytes() == b"no log of DuckDB, but of somebody"


def test_a_log_stays_when_there_is_no_room_for_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_database(tmp_path / "olist.duckdb", 1)
    leave_log(path, CHANGES["update"])
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "cp").write_text("#!/bin/sh\necho no space left >&2\nexit 1\n")
    (broken / "cp").chmod(0o755)
    monkeypatch.setenv("PATH", str(broken), prepend=os.pathsep)
    assert shutil.which("cp") == str(broken / "cp")
    with pytest.raises(CommandError, match="cannot be set aside: no space left"):
        set_log_aside(path, previous_folder(path))
    assert [log.name for log in logs_beside(path)] == ["olist.duckdb.wal"]
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("from marts.sellers").fetchall() == [(99,)]


def test_the_mode_of_the_published_file_is_kept(tmp_path: Path) -> None:
    old = make_database(tmp_path / "old.duckdb", 1)
    new = make_database(tmp_path / "new.duckdb", 2)
    old.chmod(0o640)
    keep_mode(old, new)
    assert stat.S_IMODE(new.stat().st_mode) == 0o640
    shutil.copy(new, tmp_path / "third.duckdb")
    keep_mode(tmp_path / "missing.duckdb", new)
    assert stat.S_IMODE(new.stat().st_mode) == 0o640
