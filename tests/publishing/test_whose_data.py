"""A database of one shop is not replaced by another's orders."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from customer_segmentation.publishing import CommandError
from customer_segmentation.publishing.build import data_of_another, refuse_data_of_another

OLIST = {"adapter": "olist", "shop": {}}
GIFTS = {"adapter": "orders", "shop": {"name": "gifts"}}
NAMELESS = {"adapter": "orders", "shop": {}}


def made_by(path: Path, *statements: str) -> Path:
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def says(name: str) -> tuple[str, str]:
    return (
        "create schema marts",
        f"create table marts.data_origin as select '{name}' as data_name",
    )


@pytest.mark.parametrize(
    ("statements", "settings", "other"),
    [
        (says("Olist"), OLIST, None),
        (says("Olist"), GIFTS, "Olist"),
        (says("gifts"), GIFTS, None),
        (says("gifts"), OLIST, "gifts"),
        (says("gifts"), {"adapter": "orders", "shop": {"name": "books"}}, "gifts"),
        (says("own orders"), NAMELESS, None),
        # A run that ended early.
        (("create schema staging", "create table staging.stg_orders (x int)"), OLIST, None),
        (("create schema staging", "create table staging.stg_orders (x int)"), GIFTS, "Olist"),
        (("create schema input_work", "create table input_work.shop_lines (x int)"), GIFTS, None),
        (
            ("create schema input_work", "create table input_work.shop_lines (x int)"),
            OLIST,
            "own orders",
        ),
        # Of before it said whose data they are.
        (("create schema marts", "create table marts.data_origin (notice text)"), GIFTS, None),
        ((), GIFTS, None),
    ],
)
def test_a_build_says_whose_database_it_would_replace(
    tmp_path: Path, statements: tuple[str, ...], settings: dict, other: str | None
) -> None:
    path = made_by(tmp_path / "shop.duckdb", *statements)
    if other is None:
        refuse_data_of_another(path, settings)
        return
    with pytest.raises(CommandError, match=f"is made from the orders of {other}, and this build"):
        refuse_data_of_another(path, settings)


def test_no_database_is_nobodys(tmp_path: Path) -> None:
    refuse_data_of_another(tmp_path / "none.duckdb", GIFTS)
    (tmp_path / "text.duckdb").write_text("text")
    assert data_of_another(tmp_path / "text.duckdb", "gifts", is_own=True) is None
