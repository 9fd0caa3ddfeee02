"""Two databases are equal when every public table has the same columns and rows; what differs is named."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from customer_segmentation.__main__ import main
from customer_segmentation.commands.parity.comparison import EXCEPTIONS, LAYERS

SAME = """
    create schema marts;
    create table marts.customers as
    select * from (values
        ('a', 1, 0.1::double, null, date '2018-01-01'),
        ('b', 2, 'nan'::double, 1.10, null),
        ('b', 2, 'nan'::double, 1.10, null)
    ) as rows (customer, orders, share, money, day);
    create schema bi;
    create view bi.clients as select customer as client from marts.customers;
    create schema staging;
    create table staging.work as select random() as noise;
    create schema maintenance;
    create table maintenance.run_costs as select random() as seconds;
"""
# What is done to the second database, and what is said of it.
DIFFERENCES = {
    "a value in the last digit": (
        "update marts.customers set share = 0.1 + 2e-17 where orders = 1; update marts.customers"
        " set share = 0.1000000000000000194 where orders = 1",
        ["marts.customers: 1 rows are only in one, 1 only in other", "differ share"],
    ),
    "a row that occurs once more": (
        "insert into marts.customers from marts.customers where orders = 2 limit 1",
        ["marts.customers: 0 rows are only in one, 1 only in other", "bi.clients: 0 rows"],
    ),
    "a row less": (
        "delete from marts.customers where orders = 1",
        ["marts.customers: 1 rows are only in one, 0 only in other"],
    ),
    "nothing and null": (
        "update marts.customers set money = 0 where money is null",
        ["marts.customers: 1 rows are only in one, 1 only in other", "differ money"],
    ),
    "values that changed places": (
        "update marts.customers set orders = 3 - orders",
        ["marts.customers", "differ orders"],
    ),
    "another type": (
        "alter table marts.customers alter orders type bigint",
        ["marts.customers: orders is INTEGER in one and BIGINT in other"],
    ),
    "a column more": (
        "alter table marts.customers add column extra int",
        ["marts.customers: columns only in other: extra"],
    ),
    "a column less": (
        "alter table marts.customers drop column day",
        ["marts.customers: columns only in one: day"],
    ),
    "another order of columns": (
        "create or replace table marts.customers as select orders, * exclude (orders)"
        " from marts.customers",
        ["marts.customers: has its columns in another order"],
    ),
    "a table more": (
        "create table bi.more as select 1 as one",
        ["bi.more: is only in other"],
    ),
    "a view less": ("drop view bi.clients", ["bi.clients: is only in one"]),
    "an exception that is missing": (
        "drop table maintenance.run_costs",
        ["maintenance.run_costs: is only in one"],
    ),
}  # fmt: skip


def database(path: Path, *statements: str) -> str:
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return str(path)


def test_equal_databases_are_equal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = database(tmp_path / "one.duckdb", SAME)
    other = database(
        tmp_path / "other.duckdb",
        SAME,
        # Nobody promises an order of rows, nor what is private.
        "create or replace table marts.customers as from marts.customers order by orders desc",
        "drop table staging.work",
    )
    assert main(["parity", one, other]) == 0
    said = capsys.readouterr().out
    assert "2 public tables equal (6 rows), 0 different, 1 not compared." in said
    assert f"not compared  maintenance.run_costs: {EXCEPTIONS['maintenance.run_costs']}" in said


@pytest.mark.parametrize("kind", DIFFERENCES)
def test_what_differs_is_named(
    tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change, sentences = DIFFERENCES[kind]
    one = database(tmp_path / "one.duckdb", SAME)
    other = database(tmp_path / "other.duckdb", SAME, change)
    assert main(["parity", one, other]) == 1
    said = capsys.readouterr().out
    for sentence in sentences:
        assert sentence in said


def test_nothing_to_compare_is_no_success(tmp_path: Path) -> None:
    paths = [database(tmp_path / name, "create table t (i int)") for name in ("a.db", "b.db")]
    assert main(["parity", *paths]) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["one.duckdb"], "name two databases"),
        (["--options", "--vars x", "one.duckdb", "other.duckdb"], "these two databases are there"),
        (["--options", "--vars '"], "cannot be read: No closing quotation. Close what is open."),
        (["no such file", "other"], "there is no DuckDB file no such file."),
        (["{text}", "{text}"], "cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_said(
    tmp_path: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.duckdb"
    text.write_text("no database", encoding="utf-8")
    assert main(["parity", *(word.format(text=text) for word in words)]) == 1
    assert sentence in capsys.readouterr().err


def test_an_exception_has_a_reason_and_is_public() -> None:
    for name, reason in EXCEPTIONS.items():
        assert name.split(".")[0] in LAYERS
        assert len(reason.split()) > 3
