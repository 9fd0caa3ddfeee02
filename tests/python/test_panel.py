"""The same customers at several dates, read from the database."""

from __future__ import annotations

import hashlib

import duckdb
import numpy as np
import pandas as pd
import pytest

from olist_segmentation.panel import read_panel


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
    panel = read_panel(session, session.table("customers"), ["recency_days"])
    assert [str(date.date()) for date in panel.crosses] == [
        "2018-01-01",
        "2018-02-01",
        "2018-03-01",
    ]
    last = panel.at("2018-03-01")
    numbers = sorted(range(400), key=lambda number: f"c{number}")
    assert last.X[:, 0].tolist() == [10 * number + 2 for number in numbers]
    assert last.is_in_fit.tolist() == [number % 7 != 0 for number in numbers]
    earlier, later = panel.shared("2018-01-01", "2018-03-01")
    np.testing.assert_array_equal(panel.at("2018-01-01").X[earlier] + 2, last.X[later])


@pytest.mark.parametrize("digest_below", ["80000000", "10000000", "00000000"])
def test_a_share_is_the_same_customers_at_every_date(session, digest_below: str) -> None:
    panel = read_panel(
        session, session.table("customers"), ["recency_days"], digest_below=digest_below
    )
    drawn = {
        number
        for number in range(400)
        if hashlib.md5(f"c{number}".encode()).hexdigest() < digest_below
    }
    found = {
        str(date.date()): {int(x) // 10 for x in cross.X[:, 0]}
        for date, cross in panel.crosses.items()
    }
    expected = {
        str(date.date()): {number for number in drawn if number % 3 <= month}
        for month, date in enumerate(pd.date_range("2018-01-01", periods=3, freq="MS"))
    }
    assert found == {date: customers for date, customers in expected.items() if customers}
