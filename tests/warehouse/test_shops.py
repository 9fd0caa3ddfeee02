"""Two public shops through the whole of a build: the figures that plain SQL gives must come out."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import duckdb
import pytest
import yaml

from conftest import PROJECT, Run, made_once, query
from customer_segmentation.shop import look_at

pytestmark = [pytest.mark.build, pytest.mark.shops]

ONLINE_RETAIL = {
    "name": "retail",
    "customer_id": "CustomerID",
    "ordered_at": "InvoiceDate",
    "amount": "Quantity * UnitPrice",
    "order_id": "InvoiceNo",
    "traits": {"country": "Country"},
    "time_zone": "Europe/London",
    "currency": "GBP",
    "notice": "Online Retail (UCI), CC BY 4.0",
}
CDNOW = {
    "name": "cdnow",
    "customer_id": "sample_id",
    "ordered_at": "date",
    "amount": "dollar_value",
    "currency": "USD",
    "notice": "CDNOW",
}
AS_OF = """
    select count(*), sum(frequency)::int, sum(monetary)::varchar
    from marts.rfm where as_of_date = '{}'
"""
# What only Olist's data may say.
FOREIGN = r"(?i)olist|brazil|\bBRL\b|CC BY-NC"


def folder() -> Path:
    return Path(os.environ["SEGMENTATION_SHOPS_DIR"]).resolve()


@pytest.fixture(scope="module", params=["retail", "cdnow"])
def database(request: pytest.FixtureRequest, publish: Run, shared_folder: Path) -> Path:
    """Return the database published from one of the two shops."""
    name = request.param
    path = shared_folder / f"shop_{name}" / f"{name}.duckdb"

    def build() -> None:
        shop = (
            {**ONLINE_RETAIL, "orders": str(folder() / "online_retail" / "*.csv")}
            if name == "retail"
            else {**CDNOW, "orders": str(folder() / "cdnow" / "cdnow_sample.csv")}
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.parent / f"{name}.yml"
        file.write_text(yaml.safe_dump({"adapter": "orders", "shop": shop}), encoding="utf-8")
        # One of them with every test, those included that ask nothing of the data.
        publish(
            "--shop", str(file),
            raw_dir=path.parent, database=path, may_be_partial=name != "retail",
        )  # fmt: skip

    made_once(path.parent, build)
    return path


def test_the_figures_of_plain_sql_come_out(database: Path) -> None:
    if database.stem == "cdnow":
        assert query(database, AS_OF.format("1997-10-01")) == [(2357, 4814, "173115.55")]
        assert query(database, AS_OF.format("1998-07-01")) == [(2357, 6696, "244091.94")]
        assert query(
            database,
            "select count(*), sum(frequency - 1)::int, max(frequency) - 1 from marts.rfm"
            " where as_of_date = '1997-10-01' and frequency > 1",
        ) == [(946, 2457, 29)]
        assert query(
            database,
            "select round(avg(recency_days), 3) from marts.rfm where as_of_date = '1998-07-01'",
        ) == [(372.564,)]
        return
    assert query(database, AS_OF.format("2011-12-01")) == [(4298, 17758, "7967967.72")]
    assert query(database, AS_OF.format("2011-06-01")) == [(2718, 7410, "3125148.11")]
    assert query(
        database,
        "select count(*), sum(order_count)::int, sum(total_spent)::varchar from marts.customers",
    ) == [(4339, 18536, "8310477.05")]
    assert query(
        database,
        "select check_name, checked_rows, found_rows, found_amount::varchar from marts.data_quality"
        " where check_name in ('guests', 'refunds only') order by 1",
    ) == [("guests", 25900, 3710, "1447682.12"), ("refunds only", 4372, 33, "-10411.24")]
    assert query(
        database,
        "select customer_unique_id, monetary::varchar, segment_code like 'best%' from marts.rfm"
        " inner join segmentation.customer_segments using (as_of_date, customer_unique_id)"
        " where as_of_date = '2011-12-10' and customer_unique_id in ('12346', '16446') order by 1",
    ) == [("12346", "0.00", False), ("16446", "2.90", False)]


def test_refunds_are_taken_off_and_countries_are_known(database: Path, run: Run) -> None:
    if database.stem == "cdnow":
        assert query(
            database, "select count(*) from marts.customer_facts where region is not null"
        ) == [(0,)]
        return
    done = run(
        "customer_segmentation", "metrics", "--metrics", "revenue,refunds,net_revenue",
        raw_dir=database.parent, database=database, in_project=True,
    )  # fmt: skip
    # 8,911,407.90 less 611,342.09, those of people who have never bought among them: 8,300,065.81.
    assert done.stdout.split()[-3:] == ["8911407.9000", "611342.0900", "8300065.8100"]
    assert query(
        database,
        "select region, count(*) from bi.customer_360 group by 1 order by 2 desc, 1 limit 2",
    ) == [("United Kingdom", 3921), ("Germany", 94)]
    assert query(
        database,
        "select count(distinct value), sum(cases)::int from segmentation.segment_traits where trait = 'country'",
    ) == [(37, 4339)]


def test_every_cluster_of_every_date_has_a_name_of_its_own(database: Path) -> None:
    dates, unsegmented = query(
        database, "select count(*), count(*) - count(model_id) from segmentation.period_models"
    )[0]
    assert dates
    assert not unsegmented
    assert (
        query(
            database,
            "select as_of_date from segmentation.segment_profiles group by 1"
            " having count(distinct cluster) != count(distinct segment_name) or count(segment_name) != count(*)",
        )
        == []
    )
    # Every customer is in one audience.
    assert (
        query(
            database,
            "select as_of_date, count(*) from bi.audience_members group by 1"
            " except select as_of_date, count(*) from marts.rfm group by 1",
        )
        == []
    )


def test_nothing_speaks_of_another_shop(database: Path) -> None:
    with duckdb.connect(str(database), read_only=True) as connection:
        texts = connection.execute(
            "select table_schema, table_name, column_name from information_schema.columns"
            " where data_type = 'VARCHAR'"
            " and table_schema in ('marts', 'segmentation', 'maintenance', 'bi', 'seeds', 'input')"
        ).fetchall()
        for schema, table, column in texts:
            # Some who buy at the gift shop live in Brazil.
            own = "Brazil" if column in ("region", "value", "other_traits") else ""
            found = connection.execute(
                f'select "{column}" from "{schema}"."{table}"'
                f" where regexp_matches(replace(\"{column}\", '{own}', ''), ?) limit 1",
                [FOREIGN],
            ).fetchone()
            assert found is None, (schema, table, column, found)
        for source in ("duckdb_tables()", "duckdb_views()", "duckdb_columns()"):
            assert not connection.execute(
                f"select comment from {source} where regexp_matches(comment, ?)", [FOREIGN]
            ).fetchall()


def test_what_comes_later_changes_nothing_of_a_date(tmp_path: Path) -> None:
    """The files cut off at midnight give the orders, refunds and guests of the date."""
    path = tmp_path / "until_june.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (from read_csv('{folder()}/online_retail/*.csv', all_varchar = true)"
            f" where InvoiceDate < '2011-06-01') to '{path}'"
        )
    look = look_at(
        {**ONLINE_RETAIL, "orders": str(path)},
        project=PROJECT,
        minimum_customers=500,
        minimum_history_days=90,
    )
    assert (look.customers, look.orders, round(look.net, 2)) == (2718, 7410, 3125148.11)
    assert look.as_of_dates[0] == datetime.date(2011, 3, 1)


def test_the_whole_of_cdnow_is_counted() -> None:
    look = look_at(
        {
            **CDNOW,
            "orders": str(folder() / "cdnow" / "cdnow_master.csv"),
            "customer_id": "customer_id",
        },
        project=PROJECT,
        minimum_customers=500,
        minimum_history_days=90,
    )
    assert (look.lines, look.customers, look.orders) == (69659, 23570, 67591)
    assert round(look.net, 2) == 2500315.63
