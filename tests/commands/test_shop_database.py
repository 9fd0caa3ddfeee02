"""What commands know of a shop from its database alone: its name, its currency, and the vars that dbt needs."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from customer_segmentation.commands.postgres import default_schema
from customer_segmentation.publishing import reading, vars_of


def database_of(folder: Path, name: str, *, is_own: bool) -> Path:
    path = folder / "some.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts; create schema input_work")
        connection.execute(
            "create table marts.data_origin as select ? as data_name, 'GBP' as currency, 'Ours' as notice",
            [name],
        )
        if is_own:
            connection.execute("create table input_work.shop_lines (x int)")
    return path


@pytest.mark.parametrize(
    ("name", "is_own", "schema"),
    [
        ("Olist", False, "olist"),
        ("retail", True, "retail"),
        ("Gift shop, 2nd", True, "gift_shop_2nd"),
        ("2nd shop", True, "shop_2nd_shop"),
        ("pg_catalog", True, "shop_pg_catalog"),
        ("Käse", True, "k_se"),
    ],
)
def test_postgresql_gets_a_schema_of_the_shops_name(
    tmp_path: Path, name: str, is_own: bool, schema: str
) -> None:
    assert default_schema(database_of(tmp_path, name, is_own=is_own)) == schema


@pytest.mark.parametrize("is_own", [True, False])
def test_dbt_is_told_whose_database_it_reads(tmp_path: Path, is_own: bool) -> None:
    with reading(database_of(tmp_path, "gifts", is_own=is_own)) as connection:
        found = vars_of(connection)
    shop = {"name": "gifts", "currency": "GBP", "notice": "Ours"}
    assert found == ({"adapter": "orders", "shop": shop} if is_own else {})
