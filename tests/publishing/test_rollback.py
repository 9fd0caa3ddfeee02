"""Going back to the database before, whatever happened to the files."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from customer_segmentation.__main__ import main
from customer_segmentation.publishing import CommandError
from customer_segmentation.publishing.build import swap
from customer_segmentation.publishing.database_file import (
    logs_beside,
    previous_folder,
)
from customer_segmentation.publishing.rollback import (
    forget_old,
    keep_previous,
    kept_databases,
    previous_databases,
    roll_back,
)
from databases import execute, holder, leave_log, make_database, number_in


def published(folder: Path, count: int) -> Path:
    """Publish databases 1 to `count`, one after the other."""
    database = folder / "olist.duckdb"
    for number in range(1, count + 1):
        side = make_database(folder / "side" / "olist.duckdb", number)
        swap(side, database)
        forget_old(database)
    return database


def test_rollback_publishes_the_database_before(tmp_path: Path) -> None:
    database = published(tmp_path, 4)
    assert [number_in(path) for path in previous_databases(database)] == [3, 2]
    with duckdb.connect(str(database), read_only=True) as reader:
        roll_back(database)
        assert reader.execute("from marts.sellers").fetchall() == [(4,)]
    assert number_in(database) == 3
    roll_back(database)
    assert number_in(database) == 2
    with pytest.raises(CommandError, match="no earlier database is kept"):
        roll_back(database)
    assert number_in(database) == 2


def test_a_rollback_can_be_undone_by_the_name_it_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = published(tmp_path, 2)
    monkeypatch.setenv("SEGMENTATION_DATABASE", str(database))
    assert main(["rollback"]) == 0
    said = capsys.readouterr().out
    assert "is the database that was published until 2" in said
    name = said.split("make rollback TO=")[1].strip()
    assert main(["rollback", "--list"]) == 0
    assert capsys.readouterr().out == f"{name}\n"
    assert number_in(database) == 1
    assert main(["rollback", "--to", name]) == 0
    assert number_in(database) == 2
    assert main(["rollback", "--to", "../olist.duckdb"]) == 1
    assert "is no kept database; there are: 2" in capsys.readouterr().err


@pytest.mark.parametrize("name", [".", "..", "", "/", "folder.duckdb", "none.duckdb", "*"])
def test_a_name_that_is_no_kept_database_changes_nothing(tmp_path: Path, name: str) -> None:
    database = published(tmp_path, 3)
    roll_back(database)
    (previous_folder(database) / "folder.duckdb").mkdir()
    before = sorted(path.name for path in previous_folder(database).iterdir())
    assert any(path.startswith("withdrawn-") for path in before)
    with pytest.raises(CommandError, match="is no kept database"):
        roll_back(database, name=name)
    assert sorted(path.name for path in previous_folder(database).iterdir()) == before
    assert number_in(database) == 2


def test_the_published_file_under_another_name_is_no_step_back(tmp_path: Path) -> None:
    database = published(tmp_path, 3)
    # A swap was cut off after it had kept the published file.
    keep_previous(database)
    roll_back(database)
    assert number_in(database) == 2


@pytest.mark.parametrize("damage", ["garbage", "empty", "foreign", "truncated", "without tables"])
def test_a_kept_file_that_is_no_database_of_ours_is_passed_over(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    database = published(tmp_path, 3)
    newest = previous_databases(database)[0]
    if damage == "foreign":
        newest.unlink()
        with duckdb.connect(str(newest)) as connection:
            connection.execute("create table theirs as select 1 as a")
    elif damage == "without tables":
        newest.unlink()
        duckdb.connect(str(newest)).close()
    else:
        content = {"garbage": b"x" * 5000, "empty": b"", "truncated": newest.read_bytes()[:20_000]}
        newest.write_bytes(content[damage])
    if damage != "without tables":
        with pytest.raises(CommandError, match=newest.name):
            roll_back(database, name=newest.name)
    assert number_in(database) == 3
    roll_back(database)
    assert number_in(database) == 1
    assert f"Passed over: {newest}" in capsys.readouterr().err


def test_a_damaged_published_file_can_be_rolled_back(tmp_path: Path) -> None:
    database = published(tmp_path, 2)
    database.write_bytes(b"damaged")
    Path(f"{database}.wal").write_bytes(b"damaged too")
    roll_back(database)
    assert number_in(database) == 1
    assert logs_beside(database) == []
    database.unlink()
    shutil.rmtree(previous_folder(database))
    with pytest.raises(CommandError, match="no earlier database"):
        roll_back(database)


def test_a_log_does_not_reach_the_database_that_comes_back(tmp_path: Path) -> None:
    database = published(tmp_path, 2)
    leave_log(database, "update marts.sellers set number = 99")
    roll_back(database)
    assert number_in(database) == 1
    assert logs_beside(database) == []


def test_a_log_does_not_reach_the_next_published_database(tmp_path: Path) -> None:
    database = published(tmp_path, 1)
    leave_log(database, "drop table marts.sellers")
    side = make_database(tmp_path / "side" / "olist.duckdb", 2)
    swap(side, database)
    assert number_in(database) == 2
    assert logs_beside(database) == []
    # The kept one is what was published, and what the log adds lies beside it.
    assert number_in(previous_databases(database)[0]) == 1
    assert len(list(previous_folder(database).glob("log-*/olist.duckdb"))) == 1
    forget_old(database)
    assert len(list(previous_folder(database).glob("log-*/olist.duckdb"))) == 1


def test_a_kept_file_with_a_log_of_its_own_is_refused(tmp_path: Path) -> None:
    database = published(tmp_path, 2)
    kept = previous_databases(database)[0]
    leave_log(kept, "update marts.sellers set number = 99")
    with pytest.raises(CommandError, match=r"\.wal is the log of a program"):
        roll_back(database)
    assert number_in(database) == 2


def test_a_writer_of_either_file_stops_a_rollback(tmp_path: Path) -> None:
    database = published(tmp_path, 2)
    for path in (database, previous_databases(database)[0]):
        with holder(path) as process, pytest.raises(CommandError, match=str(process.pid)):
            roll_back(database)
        assert number_in(database) == 2
        assert len(previous_databases(database)) == 1


def test_a_reader_does_not_stop_a_rollback(tmp_path: Path) -> None:
    database = published(tmp_path, 2)
    with holder(database, kind="reader") as reader:
        roll_back(database)
        execute(reader, "from marts.sellers")
    assert number_in(database) == 1


def test_what_was_published_last_is_the_step_back_whatever_its_age(tmp_path: Path) -> None:
    database = published(tmp_path, 3)
    oldest = previous_databases(database)[-1]
    assert number_in(oldest) == 1
    roll_back(database, name=oldest.name)
    swap(make_database(tmp_path / "side" / "olist.duckdb", 4), database)
    roll_back(database)
    assert number_in(database) == 1


def test_undoing_a_rollback_loses_no_step(tmp_path: Path) -> None:
    database = published(tmp_path, 3)
    _, withdrawn = roll_back(database)
    roll_back(database, name=withdrawn.name)
    assert number_in(database) == 3
    assert [number_in(path) for path in previous_databases(database)] == [2, 1]


def test_databases_of_one_stem_have_kept_ones_of_their_own(tmp_path: Path) -> None:
    database = published(tmp_path, 2)
    other = tmp_path / "olist.db"
    for number in (101, 102):
        swap(make_database(tmp_path / "side" / "olist.db", number), other)
    roll_back(database)
    assert number_in(database) == 1
    roll_back(other)
    assert number_in(other) == 101


def test_the_order_of_kept_databases_does_not_hang_on_the_clock(tmp_path: Path) -> None:
    database = published(tmp_path, 2)
    kept = previous_databases(database)[0]
    kept.rename(kept.with_name("2999-01-01T00-00-00.000000Z.duckdb"))
    swap(make_database(tmp_path / "side" / "olist.duckdb", 3), database)
    assert [number_in(path) for path in previous_databases(database)] == [2, 1]


@pytest.mark.parametrize("text", ["many", "-1", "2.5", "²", "99999999999"])
def test_a_bad_number_of_kept_databases_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("SEGMENTATION_KEEP_DATABASES", text)
    with pytest.raises(CommandError, match="whole number from 0 to 999"):
        kept_databases()


def test_none_is_kept_when_the_setting_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGMENTATION_KEEP_DATABASES", "0")
    assert previous_databases(published(tmp_path, 2)) == []


def test_the_command_says_when_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEGMENTATION_DATABASE", str(tmp_path / "new" / "olist.duckdb"))
    assert main(["rollback", "--list"]) == 0
    assert "There is no earlier database of" in capsys.readouterr().err
    assert main(["rollback"]) == 1
    assert "no earlier database of" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
