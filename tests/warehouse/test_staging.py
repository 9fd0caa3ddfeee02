"""What becomes of bad input: a message, or a row in the quarantine; never silence."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.history import table_fingerprints
from conftest import query
from databases import make_database

pytestmark = [pytest.mark.build, pytest.mark.thorough]

# What reads the raw files and looks at what they hold.
RAW_FILES = ("--indirect-selection=buildable", "--select", "+raw_loads", "stg_order_reviews")
# As in test_raw_values, so that dbt parses the project once for both.
BAD_ROWS_ALLOWED = json.dumps(
    {"max_rejected_share": 0.5, "largest_missing_shares": {"customers_without_order": 0.05}}
)
NAMES = {
    "customers": "olist_customers_dataset",
    "orders": "olist_orders_dataset",
    "order_items": "olist_order_items_dataset",
    "order_payments": "olist_order_payments_dataset",
    "order_reviews": "olist_order_reviews_dataset",
    "products": "olist_products_dataset",
    "sellers": "olist_sellers_dataset",
    "geolocation": "olist_geolocation_dataset",
    "categories": "product_category_name_translation",
}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return a published database, before something goes wrong."""
    return make_database(tmp_path / "warehouse" / "olist.duckdb", 1)


@pytest.fixture
def folder(small_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_folder, tmp_path / "raw"))


def file(folder: Path, table: str) -> Path:
    return folder / f"{NAMES[table]}.csv"


def records(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.reader(lines))


def append(path: Path, *lines: bytes) -> None:
    ends_in_a_line = path.read_bytes().endswith(b"\n")
    with path.open("ab") as raw:
        if not ends_in_a_line:
            raw.write(b"\r\n")
        for line in lines:
            raw.write(line + b"\n")


def rewrite(path: Path, change: Callable[[list[list[str]]], list[list[str]]]) -> None:
    changed = change(records(path))
    with path.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines, lineterminator="\n").writerows(changed)


def test_every_bad_row_is_in_the_quarantine_with_its_reason(
    folder: Path, publish, tmp_path: Path
) -> None:
    orders = records(file(folder, "orders"))[1:]
    order, customer = orders[0][0], orders[0][1]
    times = "2018-01-01 10:00:00,,,,2018-02-01 00:00:00"
    append(
        file(folder, "customers"),
        b"bad_zip,person,979,sao paulo,SP",
        b"ok_1,person_1,01001,sao paulo,SP",
        b"ok_2,person_2,01001,sao paulo,SP",
        b"ok_3,person_3,01001,sao paulo,SP",
        customer.encode() + b",somebody else,01001,sao paulo,SP",
        b",nobody,01001,sao paulo,SP",
        b"latin1,person_4,01001,s\xe3o paulo,SP",
        b'unclosed,person_5,01001,"sao paulo,SP',
        b"swallowed,person_6,01001,sao paulo,SP",
        b'after,person_7,01001,"sao paulo",SP',
        b"short,person_8,01001",
        b"long,person_9,01001,sao paulo,SP,and more",
    )
    append(
        file(folder, "orders"),
        b"bad_time,ok_1,delivered,2018-02-30 10:00:00,,,,",
        b"no_time,ok_2,delivered,,,,,",
        b"bad_delivery,ok_3,delivered,2018-01-01 10:00:00,,,yesterday,",
        f"no_customer,nowhere,delivered,{times}".encode(),
        f"customer_refused,bad_zip,delivered,{times}".encode(),
        f"{order},{customer},delivered,{times}".encode(),
    )
    append(
        file(folder, "order_items"),
        b"nowhere,1,product,seller,2018-01-01 10:00:00,10.00,1.00",
        b"no_customer,1,product,seller,2018-01-01 10:00:00,10.00,1.00",
        f"{order},98,product,seller,2018-01-01 10:00:00,-10.00,1.00".encode(),
        f"{order},99,product,seller,2018-01-01 10:00:00,ten,1.00".encode(),
        f"{order},1.5,product,seller,2018-01-01 10:00:00,10.00,1.00".encode(),
    )
    append(
        file(folder, "order_payments"),
        f"{order},97,credit_card,1,-0.01".encode(),
        f"{order},98,credit_card,1,nan".encode(),
        f"{order},99,credit_card,1,12.345".encode(),
        f"{order},01,credit_card,1,5.00".encode(),
    )
    append(
        file(folder, "order_reviews"),
        f"r1,{order},6,,,2018-01-01 00:00:00,2018-01-02 00:00:00".encode(),
        f"r2,{order},4.5,,,2018-01-01 00:00:00,2018-01-02 00:00:00".encode(),
        f"r3,{order},4,,,2018-01-01 00:00:00,soon".encode(),
        # The one that was known first stays, not the lower score.
        f"r4,{order},1,,,2018-01-01 00:00:00,2018-06-02 00:00:00".encode(),
        f"r4,{order},5,,,2018-01-01 00:00:00,2018-01-02 00:00:00".encode(),
    )
    append(file(folder, "products"), b"p1,artes,x,1,1,1,1,1,1")
    append(file(folder, "sellers"), b"s1,130231,campinas,SP")
    append(file(folder, "geolocation"), b"01037,inf,-46.6,sao paulo,SP", b"01037,91,-46.6,x,SP")
    append(file(folder, "categories"), b"only_portuguese,\r")

    database = tmp_path / "olist.duckdb"
    publish(*RAW_FILES, "--vars", BAD_ROWS_ALLOWED, raw_dir=folder, database=database)
    found = {
        (name, key or text): reason
        for name, key, reason, text in query(
            database, "select file_name, row_key, reason, raw_text from staging.rejected_rows"
        )
    }
    customers, items, payments = (NAMES[t] for t in ("customers", "order_items", "order_payments"))
    reviews, geolocation = NAMES["order_reviews"], NAMES["geolocation"]
    orphan = "orphan: order_id is not an accepted row of olist_orders_dataset"
    expected = {
        (customers, "bad_zip"): "customer_zip_code_prefix is not five digits",
        (customers, customer): "duplicate key: customer_id",
        # DuckDB keeps a question mark for each byte that it cannot decode.
        (customers, "latin1,person_4,01001,s?? paulo,SP"): "csv: invalid encoding",
        (customers, 'unclosed,person_5,01001,"sao paulo,SP'): "csv: ",
        (customers, "swallowed,person_6,01001,sao paulo,SP"): "csv: ",
        (customers, 'after,person_7,01001,"sao paulo",SP'): "csv: ",
        (customers, "short,person_8,01001"): "csv: missing columns",
        (customers, "long,person_9,01001,sao paulo,SP,and more"): "csv: too many columns",
        (NAMES["orders"], "bad_time"): "order_purchase_timestamp is not a time",
        (NAMES["orders"], "no_time"): "order_purchase_timestamp is not a time",
        (NAMES["orders"], "bad_delivery"): "order_delivered_customer_date is not a time",
        (NAMES["orders"], "no_customer"): "orphan: customer_id is not an accepted row of "
        "olist_customers_dataset",
        (NAMES["orders"], "customer_refused"): "orphan: customer_id is not an accepted row of "
        "olist_customers_dataset",
        (NAMES["orders"], order): "duplicate key: order_id",
        (items, "nowhere + 1"): orphan,
        (items, "no_customer + 1"): orphan,
        (items, f"{order} + 98"): "price is negative",
        (items, f"{order} + 99"): "price is not an amount",
        (items, order): "order_item_id is not a whole number",
        (payments, f"{order} + 97"): "payment_value is negative",
        (payments, f"{order} + 98"): "payment_value is not an amount",
        (payments, f"{order} + 99"): "payment_value is not an amount",
        (payments, f"{order} + 1"): "duplicate key: order_id + payment_sequential",
        (reviews, f"r1 + {order}"): "review_score is not between 1 and 5",
        (reviews, f"r2 + {order}"): "review_score is not a whole number",
        (reviews, f"r3 + {order}"): "review_answer_timestamp is not a time",
        (reviews, f"r4 + {order}"): "duplicate key: review_id + order_id",
        (NAMES["products"], "p1"): "product_name_lenght is not a whole number",
        (NAMES["sellers"], "s1"): "seller_zip_code_prefix is not five digits",
        (NAMES["categories"], "only_portuguese"): "product_category_name_english is empty",
    }
    for row, reason in expected.items():
        assert found.get(row, "not in the quarantine").startswith(reason), row
    assert (
        sorted(
            query(
                database,
                f"select reason from staging.rejected_rows where file_name = '{geolocation}'",
            )
        )
        == [("geolocation_lat is not a latitude",)] * 2
    )
    kept = query(
        database,
        "select review_score from staging.stg_order_reviews"
        " where reject_reason is null and review_id = 'r4'",
    )
    assert kept == [(5,)]
    # One more: the customer without a customer_id has neither key nor line.
    assert len(query(database, "from staging.rejected_rows")) == len(expected) + 2 + 1

    # A refused record has the number of its line, as long as no record before it spans several.
    lines = file(folder, "customers").read_bytes().split(b"\n")
    line_of = {line.split(b",")[0].decode(): number for number, line in enumerate(lines, start=1)}
    opened = line_of["unclosed"]
    numbers = {
        text.split(",")[0]: number
        for number, text in query(
            database,
            "select record_number, raw_text from staging.rejected_rows"
            f" where file_name = '{customers}' and record_number is not null",
        )
    }
    assert numbers["latin1"] == line_of["latin1"]
    assert {numbers[name] for name in ("unclosed", "swallowed", "after")} == {opened}
    assert numbers["short"] == line_of["short"] - 2
    assert query(
        database,
        "select json_extract_string(raw_text, 'payment_value') from staging.rejected_rows"
        f" where row_key = '{order} + 99' and file_name = '{payments}'",
    ) == [("12.345",)]

    # raw = staged + rejected, against a count of our own.
    for table in ("customers", "order_items", "order_payments", "order_reviews", "orders"):
        raw, staged, rejected = query(
            database,
            "select raw_rows, staged_rows, rejected_rows from staging.raw_loads"
            f" where file_name = '{NAMES[table]}'",
        )[0]
        assert raw == staged + rejected
        if table == "customers":
            # The csv module reads on inside the unclosed quote; physical lines are what counts.
            assert raw == len([line for line in lines if line.strip()]) - 1
        else:
            assert raw == len(records(file(folder, table))) - 1


@pytest.mark.parametrize("table", ["orders", "categories"])
def test_a_missing_file_stops_the_build_before_anything_is_replaced(
    folder: Path, publish, database: Path, table: str
) -> None:
    before = table_fingerprints(database)
    file(folder, table).unlink()
    done = publish(raw_dir=folder, database=database, may_fail=True)
    assert done.returncode == 1
    assert f"{NAMES[table]}.csv: the file is missing" in done.stderr
    assert "make sample" in done.stderr
    assert "make data" in done.stderr
    assert "nothing was replaced" in done.stderr
    assert "Running with dbt" not in done.stdout
    assert table_fingerprints(database) == before


def test_missing_columns_are_all_named(folder: Path, publish, tmp_path: Path) -> None:
    rewrite(
        file(folder, "orders"),
        lambda rows: [
            ["renamed" if v == "order_purchase_timestamp" else v for v in rows[0]],
            *rows[1:],
        ],
    )
    rewrite(file(folder, "order_payments"), lambda rows: [row[:-1] for row in rows])
    done = publish(raw_dir=folder, database=tmp_path / "olist.duckdb", may_fail=True)
    assert done.returncode == 1
    assert re.search(r"olist_orders_dataset\.csv: no column order_purchase_timestamp;", done.stderr)
    assert re.search(r"olist_order_payments_dataset\.csv: no column payment_value;", done.stderr)
    assert "Running with dbt" not in done.stdout


@pytest.mark.parametrize("table", ["orders", "sellers"])
def test_an_empty_table_is_an_error(folder: Path, publish, database: Path, table: str) -> None:
    before = table_fingerprints(database)
    rewrite(file(folder, table), lambda rows: rows[:1])
    done = publish(raw_dir=folder, database=database, may_fail=True)
    assert done.returncode == 1
    assert f"{NAMES[table]}.csv: the file has a header and no rows" in done.stderr
    assert "Running with dbt" not in done.stdout
    assert table_fingerprints(database) == before


def test_a_quote_that_swallows_much_stops_the_build(folder: Path, publish, tmp_path: Path) -> None:
    path = file(folder, "orders")
    lines = path.read_bytes().replace(b'"', b"").split(b"\n")
    lines[9] = lines[9].replace(b",", b',"', 1)
    path.write_bytes(b"\n".join(lines))
    done = publish(*RAW_FILES, raw_dir=folder, database=tmp_path / "olist.duckdb", may_fail=True)
    assert done.returncode == 1
    assert "olist_orders_dataset.csv record 10: a quote is opened and not closed" in done.stdout


@pytest.mark.real
def test_the_real_rows_are_all_accounted_for(real_folder: Path, real_database: Path) -> None:
    loads = {
        name: (raw, staged, rejected)
        for name, raw, staged, rejected in query(
            real_database,
            "select file_name, raw_rows, staged_rows, rejected_rows from staging.raw_loads",
        )
    }
    for name in NAMES.values():
        rows = len(records(real_folder / f"{name}.csv")) - 1
        assert loads[name] == (rows, rows, 0)
