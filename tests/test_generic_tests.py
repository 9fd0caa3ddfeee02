"""The generic dbt tests find what they are for: asked without dbt."""

from __future__ import annotations

import types

import duckdb
import pytest

from rendering import Rows, rendered


def found(rows: str, *, of_file: bool = False, **arguments: object) -> list[str]:
    """Return the sentences of test grain about rows of SQL values with columns a and b."""
    given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    sql = rendered(
        "tests/generic/grain.sql",
        select="{{ grain(rows, " + given + ") }}",
        known={
            "rows": Rows(identifier="places"),
            "staged_files": lambda: {"places_file": ("places", ["a"])} if of_file else {},
        },
    )
    with duckdb.connect() as connection:
        second = "reject_reason" if of_file else "b"
        connection.execute(f"create table places (a int, {second} varchar)")
        if rows:
            connection.execute(f"insert into places values {rows}")
        return sorted(sentence for (sentence,) in connection.execute(sql).fetchall())


@pytest.mark.parametrize(
    ("rows", "arguments", "sentences"),
    [
        ("(1, 'x'), (2, 'x')", {"key": ["a"]}, []),
        ("(1, 'x'), (2, 'x')", {"key": ["a", "b"], "not_null": ["b"], "has_rows": True}, []),
        ("(1, 'x'), (2, 'x'), (3, 'x')", {"key": ["b"]}, ["places: 3 rows have b x"]),
        ("(1, 'x'), (1, 'y'), (1, 'y')", {"key": ["a", "b"]}, ["places: 2 rows have a, b 1, y"]),
        (
            "(1, 'x'), (1, 'y'), (2, 'y')",
            {"key": ["a"], "other_keys": [["b"]]},
            ["places: 2 rows have a 1", "places: 2 rows have b y"],
        ),
        ("(null, 'x'), (2, 'y')", {"key": ["a"]}, ["places: a is null in 1 of 2 rows"]),
        (
            "(null, 'x'), (null, 'x')",
            {"key": ["a", "b"]},
            ["places: 2 rows have a, b null, x", "places: a is null in 2 of 2 rows"],
        ),
        ("(1, null), (2, null)", {"not_null": ["b"]}, ["places: b is null in 2 of 2 rows"]),
        ("", {"key": ["a"], "not_null": ["b"]}, []),
        ("(1, 'x'), (1, 'refused')", {"key": ["a"], "among": "b = 'x'"}, []),
        ("(null, 'refused')", {"not_null": ["a"], "among": "b = 'x'"}, []),
    ],
)
def test_grain(rows: str, arguments: dict, sentences: list[str]) -> None:
    assert found(rows, **arguments) == sentences


@pytest.mark.parametrize("rows", ["", "(1, 'refused')"])
def test_grain_of_no_rows(rows: str) -> None:
    (sentence,) = found(rows, key=["a"], has_rows=True, among="b = 'x'")
    assert sentence.startswith("places has no row: see staging.raw_loads")


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("", " (places_file is empty)"),
        (
            "(1, 'a is no place'), (2, 'a is no place')",
            " (2 rows of places_file are refused: a is no place)",
        ),
    ],
)
def test_of_a_raw_file_it_is_said_why_no_row_is_accepted(rows: str, why: str) -> None:
    among = "reject_reason is null"
    (sentence,) = found(rows, of_file=True, key=["a"], has_rows=True, among=among)
    assert sentence.startswith(f"places has no row{why}: see staging.raw_loads")


@pytest.mark.parametrize(
    ("command", "is_run"), [("build", True), ("test", True), ("docs", True), ("build", False)]
)
@pytest.mark.parametrize(
    ("condition", "days"),
    [("is_latest", ["2018-02-01"]), ("not is_latest", ["2018-01-01", "2017-12-01"]), ("false", [])],
)
def test_dates_of_a_test_are_those_of_the_periods(
    command: str, is_run: bool, condition: str, days: list[str]
) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create table periods as select * from (values (date '2017-12-01', false), (date '2018-01-01', false),"
            " (date '2018-02-01', true)) as rows (as_of_date, is_latest)"
        )
        dates = rendered(
            "macros/as_of.sql",
            select="{{ as_of_dates('periods', condition) }}",
            known={
                "execute": is_run,
                "flags": types.SimpleNamespace(WHICH=command),
                "condition": condition,
                "first_values": lambda query: [
                    row[0] for row in connection.execute(query).fetchall()
                ],
            },
        )
        is_asked = is_run and command != "docs"
        assert ("select" in dates) != is_asked
        assert all((f"date '{day}'" in dates) == is_asked for day in days)
        found = f"select cast(as_of_date as varchar) from periods where as_of_date in {dates}"
        assert sorted(day for (day,) in connection.execute(found).fetchall()) == sorted(days)
