"""The same customers at several dates, read from the database."""

from __future__ import annotations

import hashlib

import duckdb
import numpy as np
import pytest

from customer_segmentation.steps.engines import engine_of
from customer_segmentation.steps.panel import read_panel


@pytest.fixture
def session():
    with duckdb.connect() as connection:
        connection.execute(
            "create table customers as select date '2018-01-01' + to_months(month::int) as as_of_date,"
            " 'c' || number as customer_unique_id, 10 * number + month as recency_days,"
            " number % 7 != 0 as is_in_fit"
            " from range(3) as months(month) cross join range(400) as numbers(number)"
            " where number % 3 <= month"
        )
        yield connection


def test_every_customer_is_read_in_the_order_of_the_numbers(session) -> None:
    panel = read_panel(engine_of(session), session.table("customers"), ["recency_days"])
    assert [str(date.date()) for date in panel.crosses] == [
        "2018-01-01",
        "2018-02-01",
        "2018-03-01",
    ]
    last = panel.at("2018-03-01")
    numbers = sorted(range(400), key=lambda number: f"c{number}")
    assert last.X[:, 0].tolist() == [10 * number + 2 for number in numbers]
    assert last.is_in_fit.tolist() == [number % 7 != 0 for number in numbers]
    for date, month in (("2018-03-01", 2), ("2018-02-01", 1), ("2018-03-01", 2)):
        earlier, later = panel.shared("2018-01-01", date)
        np.testing.assert_array_equal(
            panel.at("2018-01-01").X[earlier] + month, panel.at(date).X[later]
        )


def test_matrices_laid_out_by_column_hold_the_same(session) -> None:
    session.execute("alter table customers add column month_number int default 3")
    features = ["recency_days", "month_number"]
    by_row, by_column = (
        read_panel(engine_of(session), session.table("customers"), features, by_column=layout)
        for layout in (False, True)
    )
    for date, cross in by_row.crosses.items():
        assert cross.X.flags.c_contiguous
        assert by_column.at(date).X[:, 1].flags.c_contiguous
        np.testing.assert_array_equal(cross.X, by_column.at(date).X)


def test_a_share_of_a_date_is_drawn_by_the_digest_of_the_number(session) -> None:
    session.execute(
        "create table shares as from (values (date '2018-01-01', 0, 'g'), (date '2018-02-01', 1, '80000000'),"
        " (date '2018-03-01', 4, '10000000')) as shares(as_of_date, halvings, digest_below)"
    )
    panel = read_panel(
        engine_of(session),
        session.table("customers"),
        ["recency_days"],
        shares=session.table("shares"),
    )
    drawn = {
        str(date.date()): {int(x) // 10 for x in cross.X[:, 0]}
        for date, cross in panel.crosses.items()
    }
    below = {"2018-01-01": "g", "2018-02-01": "80000000", "2018-03-01": "10000000"}
    expected = {
        date: {
            number
            for number in range(400)
            if number % 3 <= month and hashlib.md5(f"c{number}".encode()).hexdigest() < digest
        }
        for month, (date, digest) in enumerate(below.items())
    }
    assert drawn == expected
    assert 0 < len(drawn["2018-03-01"]) < len(drawn["2018-02-01"]) < 270
