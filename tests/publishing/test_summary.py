"""What is told of a database that was built."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from customer_segmentation.publishing.summary import _segment_lines


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
