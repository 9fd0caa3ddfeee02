"""What the raw files held at an earlier date, and whether two databases hold the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

from olist.files import SYNTHETIC_MARKER

# What a build measures of itself is another figure each time.
MEASURED_TABLES = (
    "maintenance_work.run_history",
    "maintenance.run_costs",
    "maintenance.run_totals",
)


def truncate_raw_data(folder: Path, as_of_date: str, to: Path) -> Path:
    """Write what the nine files held at midnight of a date: later rows and later facts are not there.

    Parameters
    ----------
    folder : Path
        Of the raw files, CSV or Parquet.
    as_of_date : str
        ISO date.
    to : Path
        Folder to make.

    Returns
    -------
    Path
        ``to``.

    Notes
    -----
    The final status of an order is not known at the date; every order is "created". Files that
    hold no times are copied as they are, and so is the mark of synthetic data.
    """
    to.mkdir()
    with duckdb.connect() as connection:
        connection.execute(f"set variable midnight = timestamp '{as_of_date}'")

        def load(name: str) -> None:
            path = folder / f"{name}.csv"
            if path.exists():
                options = (
                    "all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"'"
                )
                read = f"read_csv('{path}', {options})"
            else:
                read = f"(select cast(columns(*) as varchar) from '{path.with_suffix('.parquet')}')"
            connection.execute(f"create view {name} as from {read}")

        def save(name: str, select: str) -> None:
            connection.execute(f"copy ({select}) to '{to / name}.csv' (header, delimiter ',')")

        for name in ("customers", "orders", "order_items", "order_payments", "order_reviews"):
            load(f"olist_{name}_dataset")
        later = "{0} is null or try_cast({0} as timestamp) >= getvariable('midnight')"
        facts = [
            "order_approved_at",
            "order_delivered_carrier_date",
            "order_delivered_customer_date",
        ]
        known = ", ".join(
            f"case when {later.format(f)} then null else {f} end as {f}" for f in facts
        )
        connection.execute(
            "create table known_orders as select order_id, customer_id, 'created' as order_status,"
            f" order_purchase_timestamp, {known}, order_estimated_delivery_date from olist_orders_dataset"
            " where order_purchase_timestamp::timestamp < getvariable('midnight')"
        )
        save("olist_orders_dataset", "from known_orders")
        save(
            "olist_customers_dataset",
            "from olist_customers_dataset where customer_id in (select customer_id from known_orders)",
        )
        for name in ("order_items", "order_payments"):
            save(
                f"olist_{name}_dataset",
                f"from olist_{name}_dataset where order_id in (select order_id from known_orders)",
            )
        save(
            "olist_order_reviews_dataset",
            "from olist_order_reviews_dataset where order_id in (select order_id from known_orders)"
            f" and not ({later.format('review_answer_timestamp')})",
        )
    for name in (
        "olist_products_dataset",
        "olist_sellers_dataset",
        "olist_geolocation_dataset",
        "product_category_name_translation",
    ):
        shutil.copy(next(folder.glob(f"{name}.*")), to)
    if (folder / SYNTHETIC_MARKER).exists():
        shutil.copy(folder / SYNTHETIC_MARKER, to)
    return to


def table_fingerprints(database: Path) -> dict[str, tuple[int, int]]:
    """Return count and sum of row hashes of every table and view, whatever the order of the rows.

    Parameters
    ----------
    database : Path

    Returns
    -------
    dict of str to (int, int)
        By schema and table; without those of `MEASURED_TABLES`.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
        ).fetchall()
        return {
            name: connection.execute(
                f"select count(*), sum(hash(row_of_table)) from {name} as row_of_table"
            ).fetchone()
            for (name,) in sorted(names)
            if name not in MEASURED_TABLES
        }
