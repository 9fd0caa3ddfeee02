"""The file that a build makes has smaller row groups, so that tables are written while they are made."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from customer_segmentation.intake import open_with_row_groups
from customer_segmentation.intake.raw_plugin import Plugin

GROUPS = "select count(distinct row_group_id) from pragma_storage_info('made.rows')"


def make_rows(connection: duckdb.DuckDBPyConnection) -> int:
    """Make a table of 100,000 rows and return its row groups."""
    connection.execute("create schema made; create table made.rows as from range(100000)")
    return connection.execute(GROUPS).fetchone()[0]


@pytest.mark.parametrize(("rows", "groups"), [(30_720, 4), (61_440, 2), (122_880, 1)])
def test_tables_have_the_row_groups_that_are_asked_for(
    tmp_path: Path, rows: int, groups: int
) -> None:
    path = tmp_path / "the shop's.duckdb"
    with duckdb.connect(str(path), config={"temp_directory": str(tmp_path / "spill")}) as opened:
        names = opened.sql("select current_database(), current_schema()").fetchall()
        open_with_row_groups(opened, rows=rows)
        # Cursors, which dbt works on, see the same database, and none besides.
        with opened.cursor() as cursor:
            found = cursor.sql("select current_database(), current_schema()").fetchall()
            assert found == names == [("the shop's", "main")]
            files = "select path from duckdb_databases() where path is not null"
            assert cursor.sql(files).fetchall() == [(str(path),)]
            assert make_rows(cursor) == groups
            spill = cursor.sql("select current_setting('temp_directory')").fetchall()
            assert spill == [(str(tmp_path / "spill"),)]
    with duckdb.connect(str(path), read_only=True) as reader:
        assert reader.sql("select count(*), sum(range) from made.rows").fetchall() == [
            (100_000, 4_999_950_000)
        ]


def test_tables_that_are_there_stay(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as opened:
        make_rows(opened)
        open_with_row_groups(opened, rows=30_720)
        assert opened.execute(GROUPS).fetchone() == (1,)
        opened.execute("create table made.others as from made.rows")
        assert opened.sql("select count(*) from made.others").fetchall() == [(100_000,)]
        others = GROUPS.replace("made.rows", "made.others")
        assert opened.execute(others).fetchone() == (4,)


def test_a_database_in_memory_is_left_as_it_is() -> None:
    with duckdb.connect() as connection:
        open_with_row_groups(connection, rows=30_720)
        assert make_rows(connection) == 1


@pytest.mark.parametrize(("given", "groups"), [("30720", 4), ("", 1)])
def test_the_plugin_asks_for_what_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, groups: int
) -> None:
    monkeypatch.setenv("SEGMENTATION_ROW_GROUP_ROWS", given)
    plugin = Plugin.__new__(Plugin)
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        plugin.configure_connection(connection)
        assert make_rows(connection) == groups
