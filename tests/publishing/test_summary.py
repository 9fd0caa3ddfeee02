"""What is told of a database that was built."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from customer_segmentation.publishing.summary import _customer_lines, _segment_lines, _shop_lines


@pytest.mark.parametrize(
    ("share", "line"),
    [
        ("0.25", "    Best customers                   3 customers   50.0%    25.0% of revenue"),
        ("-0.5", "    Best customers                   3 customers   50.0%   -50.0% of revenue"),
        # A shop that gives everything away.
        ("null", "    Best customers                   3 customers   50.0%"),
    ],
)
def test_the_share_of_money_of_a_segment_is_told_where_there_is_money(
    tmp_path: Path, share: str, line: str
) -> None:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute(
            f"""
            create schema segmentation;
            create table segmentation.period_models as
            select date '2023-01-01' as as_of_date, 'm' as model_id, false as is_fallback, 'Segmented.' as note;
            create table segmentation.segment_profiles as
            select date '2023-01-01' as as_of_date, 'Best customers' as segment_name, 3 as customers,
                0.5 as customer_share, {share} as revenue_share, 1 as cluster
            """
        )
        assert _segment_lines(connection)[-1] == line


@pytest.mark.parametrize(
    ("customers", "lines"),
    [
        (1, ["  1 customer, 1 order, 10.50 BRL"]),
        (2, ["  2 customers, 2 orders, 21.00 BRL"]),
        (0, ["  0 customers, 0 orders, 0.00 BRL"]),
    ],
)
def test_what_there_is_one_of_is_told_in_the_singular(customers: int, lines: list[str]) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "create schema marts; create table marts.customers as"
            f" select 1 as order_count, 10.5 as total_spent from range({customers})"
        )
        assert _customer_lines(connection) == lines


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (
            1,
            "  In no segment: 1 order of guests (5.00 GBP) and 1 person with refunds only; 1 refund (5.00 GBP)",
        ),
        (
            2,
            "  In no segment: 2 orders of guests (5.00 GBP) and 2 people with refunds only; 2 refunds (5.00 GBP)",
        ),
    ],
)
def test_what_became_of_somebody_s_own_orders_is_told(rows: int, line: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            create schema marts;
            create schema input_work;
            create table input_work.shop_lines (order_id text, trait_city text);
            create table marts.data_origin as
            select 'gifts' as data_name, {rows} as raw_rows, 0 as rejected_rows, 'GBP' as currency;
            create table marts.data_quality as
            select name as check_name, {rows} as found_rows, 5.0 as found_amount
            from (values ('guests'), ('refunds'), ('refunds only')) as checks (name)
            """
        )
        first, second, third = _shop_lines(connection)
    counted = "1 row" if rows == 1 else "2 rows"
    assert first == f"  from gifts: {counted}, 0 without a time or an amount"
    assert second == line
    assert "Left out, as the orders do not have them: reviews" in third
