"""Orders in databases: SQLite, DuckDB and PostgreSQL give the events of the same orders in a file."""

from __future__ import annotations

import csv
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from conftest import PROJECT
from customer_segmentation.shop import ShopError, events_sql, look_at
from customer_segmentation.shop.look import read_lines
from postgres_server import postgres_server

SHOP = {"customer_id": "who", "ordered_at": "when", "amount": "what", "order_id": "order"}
# Larger than a double holds exactly, with a guest in between; cents that a double has not; quotes and line breaks.
LARGE = 9007199254740993
ROWS = [
    (LARGE, "2020-01-01 10:00:00", "19.99", 'first, "big"\norder'),
    (LARGE + 1, "2020-01-02 23:30:00", "0.10", "b"),
    (None, "2020-01-03 00:00:00", "7", "c"),
    (LARGE, "2020-02-01 09:15:00", "-4.50", "d"),
]
NEEDS = {"project": PROJECT, "minimum_customers": 1, "minimum_history_days": 1}


def events(orders: object, **changes: object) -> list[tuple]:
    with duckdb.connect() as connection:
        read_lines(connection, {**SHOP, "orders": orders, **changes})
        return connection.execute(
            "select order_id, customer_unique_id, cast(event_at as varchar), kind, cast(amount as varchar)"
            f" from ({events_sql(PROJECT)}) order by all"
        ).fetchall()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[tuple]:
    """Return the events of the rows in a file."""
    path = tmp_path_factory.mktemp("file") / "orders.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("who", "when", "what", "order"), *ROWS])
    found = events(str(path))
    assert [row[1] for row in found if row[1]] == [str(LARGE + 1), str(LARGE), str(LARGE)]
    return found


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """Return the address of a server with the orders in three tables and a view."""
    with postgres_server() as place:
        import psycopg

        address = f"postgresql://analyst@/postgres?host={place}"
        with psycopg.connect(address) as connection:
            for name, time in (
                ("orders", "timestamp"),
                ("sales.orders", "timestamp"),
                ('"Order lines"', "timestamptz"),
            ):
                connection.execute("create schema if not exists sales")
                connection.execute(
                    f'create table {name} (who bigint, "when" {time}, what numeric(10, 2), "order" text)'
                )
                connection.execute("set local time zone 'America/New_York'")
                for who, when, what, order in ROWS:
                    said = f"{when}+00" if time == "timestamptz" else when
                    connection.execute(
                        f"insert into {name} values (%s, %s, %s, %s)", (who, said, what, order)
                    )
            connection.execute("create view todays as select * from sales.orders")
        yield address


@pytest.mark.parametrize(
    "table", ["orders", "public.orders", "sales.orders", "Order lines", "todays"]
)
def test_a_table_of_postgresql_is_read_as_it_is(
    postgres: str, expected: list[tuple], table: str
) -> None:
    assert events({"database": postgres, "table": table}) == expected


def test_a_table_that_postgresql_does_not_have_is_told_with_those_that_there_are(
    postgres: str,
) -> None:
    with pytest.raises(ShopError, match=r"has no table orderz; it has .*sales\.orders"):
        events({"database": postgres, "table": "orderz"})
    with pytest.raises(ShopError, match="cannot be read") as refused:
        events({"database": "postgresql://analyst:secret@/none?host=/nowhere", "table": "orders"})
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("affinity", ["", "text", "numeric"])
def test_a_table_of_sqlite_is_read_whatever_its_columns_are_declared_as(
    tmp_path: Path, expected: list[tuple], affinity: str
) -> None:
    """SQLite keeps values of any type in a column: numbers and texts of numbers are the same."""
    path = tmp_path / "a shop?.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(
            f'create table "Lines" (who {affinity}, "when" text, what {affinity}, "order" text)'
        )
        connection.executemany("insert into Lines values (?, ?, ?, ?)", ROWS)
    assert events({"database": str(path), "table": "lines"}) == expected
    with pytest.raises(ShopError, match=r"has no table line; it has Lines"):
        events({"database": str(path), "table": "line"})


def test_a_table_of_duckdb_is_read_as_it_is(tmp_path: Path, expected: list[tuple]) -> None:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema sales")
        connection.execute(
            'create table sales.lines (who bigint, "when" timestamp, what decimal(10, 2), "order" varchar)'
        )
        connection.executemany("insert into sales.lines values (?, ?, ?, ?)", ROWS)
    assert events({"database": str(path), "table": "sales.lines"}) == expected
    look = look_at({**SHOP, "orders": {"database": str(path), "table": "sales.lines"}}, **NEEDS)
    assert (look.customers, look.guests, look.refunds) == (2, 1, 1)


def test_what_is_no_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "orders.db"
    path.write_text("who,when\n")
    with pytest.raises(ShopError, match=re.escape(f"{path} is no database of DuckDB or SQLite")):
        events({"database": str(path), "table": "orders"})
    with pytest.raises(ShopError, match="there is no database"):
        events({"database": str(tmp_path / "none.db"), "table": "orders"})
