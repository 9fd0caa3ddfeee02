"""Values that look right and are not, and files that are not whole: refused, or read rightly; never passed."""

from __future__ import annotations

import csv
import json
import re
import shutil
import types
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import pytest

from benchmarks.history import table_fingerprints
from conftest import WITHOUT_TESTS, WITHOUT_UNIT_TESTS, made_once, query
from olist.files import SYNTHETIC_MARKER
from rendering import rendered

# What reads the raw files and looks at what they hold.
RAW_FILES = ("--indirect-selection=buildable", "--select", "+raw_loads", "+file_completeness")
BAD_VALUES_TESTED = ("--indirect-selection=buildable", *WITHOUT_UNIT_TESTS)
# A dozen orders are left out of the sample, and their customers stay.
ORDERS_LEFT_OUT = {"largest_missing_shares": {"customers_without_order": 0.05}}
# Columns by which the rows of a raw file are told apart; geolocation has none and keeps the file's order.
KEYS = {
    "olist_customers_dataset": ("stg_customers", {"customer_id": "order_customer_id"}),
    "olist_orders_dataset": ("stg_orders", {"order_id": "order_id"}),
    "olist_order_items_dataset": (
        "stg_order_items",
        {"order_id": "order_id", "order_item_id": "order_item_number"},
    ),
    "olist_order_payments_dataset": (
        "stg_order_payments",
        {"order_id": "order_id", "payment_sequential": "payment_sequential"},
    ),
    "olist_order_reviews_dataset": (
        "stg_order_reviews",
        {"review_id": "review_id", "order_id": "order_id"},
    ),
    "olist_products_dataset": ("stg_products", {"product_id": "product_id"}),
    "olist_sellers_dataset": ("stg_sellers", {"seller_id": "seller_id"}),
    "product_category_name_translation": (
        "stg_product_categories",
        {"product_category_name": "product_category_name"},
    ),
    "olist_geolocation_dataset": ("stg_geolocation", {}),
}


@pytest.fixture(scope="module")
def read() -> Callable[[str, str | None], object]:
    """Return what a macro of raw_values.sql makes of a text."""
    connection = duckdb.connect()
    expressions = {}

    def value(macro: str, text: str | None) -> object:
        if macro not in expressions:
            expressions[macro] = rendered(
                "macros/raw_values.sql", select=f"{{{{ {macro}('raw') }}}}"
            ).strip()
        found = connection.execute(
            f"select {expressions[macro]} from (select cast(? as varchar) as raw)", [text]
        ).fetchone()[0]
        if found is None or isinstance(found, str | int):
            return found
        return str(found) if macro == "to_timestamp" else float(found)

    return value


@pytest.mark.parametrize(
    ("macro", "accepted"),
    [
        ("to_zip_prefix", {"01001": "01001", "99999": "99999", "1001": "01001", "9790": "09790"}),
        ("to_integer", {"0": 0, "9": 9, "1": 1, "24": 24, "-3": -3, "4.0": 4, "007": 7}),
        (
            "to_money",
            {
                "5": 5,
                "5.0": 5,
                ".5": 0.5,
                "13664.08": 13664.08,
                "-0.01": -0.01,
                "-12.30": -12.3,
                "12.3": 12.3,
                "012.30": 12.3,
                "99999999999.99": 99999999999.99,
                # A double, and a single-precision number, that went through a program.
                "21.580000000000002": 21.58,
                "21.579999999999998": 21.58,
                "13664.080078125": 13664.08,
                "0.1000000015": 0.1,
            },
        ),
        ("to_coordinate", {"-23.54": -23.54, "-4.367e-05": -4.367e-05, "12": 12}),
        (
            "to_timestamp",
            {
                "2018-01-05 10:56:33": "2018-01-05 10:56:33",
                "2018-1-5": "2018-01-05 00:00:00",
                "2018/01/05 7:05": "2018-01-05 07:05:00",
                # As long as a time without an offset.
                "2018-1-5 1:00:00+03": "2018-01-04 22:00:00",
                "2018-01-05 10:56:3Z": "2018-01-05 10:56:03",
                "2018-01-05T10:56:33": "2018-01-05 10:56:33",
                " 2018-01-05 10:56:3": "2018-01-05 10:56:03",
                "2018-01-05 10:56:33Z": "2018-01-05 10:56:33",
            },
        ),
        (
            "to_key",
            {
                "8d50f5ea": "8d50f5ea",
                "8d50f5ea ": "8d50f5ea",
                "\t8d50f5eadf50201ccdcedfb9e2ac8455\xa0": "8d50f5eadf50201ccdcedfb9e2ac8455",
                "\ufeffx\u200b": "x",
                "Ana Maria": "Ana Maria",
                "Ana Maria da Silva ": "Ana Maria da Silva",
                "nana": "nana",
                "null-7": "null-7",
                "São Paulo": "São Paulo",
                # As short as what is written for a missing value, or made of the same signs.
                "boleto": "boleto",
                "delivered": "delivered",
                "m": "m",
                "undefined-7": "undefined-7",
                "----------": "----------",
                "Customer 12345": "Customer 12345",
                "customer-12345\u200b": "customer-12345",
                "\u2003customer-12345": "customer-12345",
                "customer-é\t7": "customer-é\t7",
                "boleto\x7f": "boleto",
            },
        ),
    ],
)
def test_a_value_of_its_type_is_read(read, macro: str, accepted: dict[str, object]) -> None:
    assert {text: read(macro, text) for text in accepted} == accepted


@pytest.mark.parametrize(
    ("macro", "refused"),
    [
        (
            "to_zip_prefix",
            "12.34|1e003|0x1F2| 1234|1234 |123|123456|1001.0|+1234|-1234|1_234|٣٣٣٣٣|１２３４５|nan|NULL||1234\n|12-34",
        ),
        ("to_integer", "4.5|1e3|1_0|0x1F|0b1|+5|+|-| 5|5 |٣||nan|inf|true|1.|1,0|99999999999"),
        (
            "to_money",
            "12.345|12.3449999|100.0001|100000.005|1_000|1e2|1E2|+5| 5.00|5.00 |5.|٣|1,50|1.234,56|R$ 5|0x1F|nan|inf|-"
            "|.||1234567890123456.00",
        ),
        ("to_coordinate", "1_0|nan|inf|-infinity||0x1|23,5"),
        (
            "to_timestamp",
            "20180105|1515146193|43105|43105.5|05/01/2018|5-1-2018|2018-02-30|2018-13-01|2018-01|2018|"
            "2018-01-05 10:00-03|2018-01-05 10:00:0x|"
            "٢٠١٨-٠١-٠٥|yesterday|nan|",
        ),
        (
            "to_key",
            "| |\t|\xa0|\u200b|NULL|null| Null |None|nan|NaN|NaT|N/A|n/a|NA|#N/A|<NA>|(null)|\\N|nil|undefined|-|?|...",
        ),
    ],
)
def test_a_value_that_only_looks_like_its_type_is_refused(read, macro: str, refused: str) -> None:
    texts = refused.split("|")
    assert {text: read(macro, text) for text in texts} == dict.fromkeys(texts)
    assert read(macro, None) is None


# --- times ----------------------------------------------------------------------------------------------


def first_and_last_day(
    days: Mapping[str, int], **settings: object
) -> tuple[str | None, str | None]:
    """Return the stretch that is kept of so many purchases on each day."""
    with duckdb.connect() as connection:
        connection.execute("create table purchases (purchased_at timestamp)")
        for day, count in days.items():
            connection.execute(
                "insert into purchases select cast(? as timestamp) + interval 13 hour from range(?)",
                [day, count],
            )
        select = rendered(
            "macros/raw_values.sql",
            select="{{ main_stretch('purchases', 'purchased_at') }}",
            **settings,
        )
        first, last = connection.execute(select).fetchone()
    return (first and str(first), last and str(last))


@pytest.mark.parametrize(
    "far", ["1018-01-01", "2014-06-01", "2020-01-01", "2081-07-10", "2108-07-10"]
)
def test_a_day_far_from_the_others_is_left_out(far: str) -> None:
    days = {"2016-09-04": 1, "2016-12-23": 1, "2017-12-23": 50, "2018-10-17": 1}
    assert first_and_last_day({**days, far: 2}) == ("2016-09-04", "2018-10-17")


def test_days_within_a_year_of_each_other_belong_together() -> None:
    assert first_and_last_day({"2015-01-01": 1, "2016-01-02": 9}) == ("2015-01-01", "2016-01-02")
    assert first_and_last_day({"2015-01-01": 1, "2016-01-03": 9}) == ("2016-01-03", "2016-01-03")
    narrow = {"largest_gap_days": 30}
    assert first_and_last_day({"2015-01-01": 2, "2015-02-01": 1}, **narrow)[1] == "2015-01-01"


def test_of_equal_stretches_the_later_is_kept_and_of_none_there_is_none() -> None:
    assert first_and_last_day({"2012-01-01": 2, "2015-01-01": 2}) == ("2015-01-01", "2015-01-01")
    assert first_and_last_day({}) == (None, None)


def test_no_largest_gap_keeps_every_year() -> None:
    days = {"2012-01-01": 1, "2018-01-01": 1}
    assert first_and_last_day(days, largest_gap_days=None) == ("1900-01-01", "2199-12-31")


@pytest.mark.parametrize(
    ("time", "has_happened", "problem"),
    [
        ("2018-01-05 10:00:00", True, None),
        # A day of slack for the time zones of the build and of the data.
        ("2018-10-21 11:59:59", True, None),
        ("2018-10-21 12:00:01", True, "later than the clock of this build"),
        ("2019-02-01", True, "later than the clock of this build"),
        ("2019-02-01", False, None),
        ("2108-01-05", False, None),
        ("infinity", False, "not between the years 1900 and 2199"),
        ("-infinity", False, "not between the years 1900 and 2199"),
        ("9999-12-31", False, "not between the years 1900 and 2199"),
        ("2200-01-01", False, "not between the years 1900 and 2199"),
        ("1018-01-05", True, "not between the years 1900 and 2199"),
        ("18-01-05", True, "not between the years 1900 and 2199"),
        ("2018-01-05 (BC)", True, "not between the years 1900 and 2199"),
        ("soon", True, "not a time"),
        (None, True, None),
    ],
)
def test_a_time_that_cannot_be_right_has_a_reason(
    time: str | None, has_happened: bool, problem: str | None
) -> None:
    branches = rendered(
        "macros/raw_values.sql",
        select=f"{{{{ time_problem('raw', 'read_at', has_happened={has_happened}) }}}}",
    )
    with duckdb.connect() as connection:
        found = connection.execute(
            f"select case {branches} end from (select ? as raw, try_cast(? as timestamp) as read_at)",
            [time, time],
        ).fetchone()[0]
    assert found is None if problem is None else problem in found


def test_future_times_are_accepted_when_a_var_says_so() -> None:
    for allowed in (False, True):
        branches = rendered(
            "macros/raw_values.sql",
            select="{{ time_problem('raw', 'read_at') }}",
            allow_future_times=allowed,
        )
        sql = (
            f"select case {branches} end from (select '' as raw, timestamp '2108-01-01' as read_at)"
        )
        assert (duckdb.sql(sql).fetchone()[0] is None) == allowed


# --- one build with many bad values ---------------------------------------------------------------------


def records(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def write(folder: Path, name: str, rows: list[dict[str, str]]) -> None:
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def spoil(small_folder: Path, *, bad: Path, clean: Path) -> dict[tuple[str, str], str]:
    """Write a folder with one of every bad value, and the same folder without those rows; return the reasons."""
    raw = {name: records(small_folder, name) for name in KEYS}
    orders = [row for row in raw["olist_orders_dataset"] if row["order_delivered_customer_date"]]
    purchase, delivery = "order_purchase_timestamp", "order_delivered_customer_date"
    expected: dict[tuple[str, str], str] = {}

    def with_year(row: dict[str, str], column: str, change: int | str) -> str:
        year = change if isinstance(change, str) else str(int(row[column][:4]) + change)
        return year + row[column][4:]

    # Each takes the next order; the reason begins like this.
    range_of_years = "is not between the years 1900 and 2199"
    spoilt_times = [
        (purchase, "2108", f"{purchase} is later than the clock of this build"),
        (purchase, "9999", f"{purchase} {range_of_years}"),
        (purchase, "1018", f"{purchase} {range_of_years}"),
        (purchase, 1, f"{purchase} is more than 30 days after the approval"),
        (purchase, -1, f"{purchase} is more than 366 days before the approval"),
        (delivery, "9999", f"{delivery} {range_of_years}"),
        (delivery, "2081", f"{delivery} is later than the clock of this build"),
        (
            "order_estimated_delivery_date",
            "9999",
            f"order_estimated_delivery_date {range_of_years}",
        ),
        ("order_approved_at", "2110", "order_approved_at is later than the clock of this build"),
    ]
    taken = iter(orders)
    for column, change, reason in spoilt_times:
        row = next(taken)
        row[column] = with_year(row, column, change)
        expected["olist_orders_dataset", row["order_id"]] = reason
    for text in ("infinity", "-infinity"):
        row = next(taken)
        row[purchase] = text
        expected["olist_orders_dataset", row["order_id"]] = f"{purchase} {range_of_years}"
    # All its times are a consistent forty years early: only the other orders tell.
    row = next(taken)
    for column in (c for c in row if row[c][:2] == "20" and row[c][4:5] == "-"):
        row[column] = with_year(row, column, -40)
    expected["olist_orders_dataset", row["order_id"]] = f"{purchase} is more than 366 days away"
    refused_orders = {key for _, key in expected}

    # Customers: of sound orders.
    customers = {row["customer_id"]: row for row in raw["olist_customers_dataset"]}
    with_payment = {row["order_id"] for row in raw["olist_order_payments_dataset"]}
    sound = (row for row in taken if row["order_id"] in with_payment)
    for column, text, reason in [
        ("customer_unique_id", "NULL", "customer_unique_id is empty"),
        ("customer_unique_id", "nan", "customer_unique_id is empty"),
        ("customer_unique_id", "  ", "customer_unique_id is empty"),
        ("customer_zip_code_prefix", "12.34", "customer_zip_code_prefix is not five digits"),
        ("customer_zip_code_prefix", "1e003", "customer_zip_code_prefix is not five digits"),
    ]:
        order = next(sound)
        customers[order["customer_id"]][column] = text
        expected["olist_customers_dataset", order["customer_id"]] = reason
        refused_orders.add(order["order_id"])
        expected["olist_orders_dataset", order["order_id"]] = (
            "orphan: customer_id is not an accepted"
        )
    left_out_orders = set(refused_orders)

    # Payments.
    payments = {row["order_id"]: row for row in raw["olist_order_payments_dataset"]}
    left_out_payments = set()
    for text, reason in [
        ("1_000", "payment_value is not an amount"),
        ("1e2", "payment_value is not an amount"),
        (" 5.00", "payment_value is not an amount"),
        ("999999999999.99", "payment_value is above 1,000,000 BRL (var largest_amount)"),
    ]:
        row = payments[next(sound)["order_id"]]
        row["payment_value"] = text
        key = f"{row['order_id']} + {row['payment_sequential']}"
        expected["olist_order_payments_dataset", key] = reason
        left_out_payments.add((row["order_id"], row["payment_sequential"]))

    refused_customers = {key for name, key in expected if name == "olist_customers_dataset"}
    for name, rows in raw.items():
        write(
            clean,
            name,
            [
                row
                for row in rows
                if row.get("order_id") not in left_out_orders
                and (
                    name != "olist_customers_dataset" or row["customer_id"] not in refused_customers
                )
                and (row.get("order_id"), row.get("payment_sequential")) not in left_out_payments
            ],
        )
    # What must be read like the clean values.
    person = customers[next(sound)["customer_id"]]
    person["customer_unique_id"] += " "
    noisy = payments[next(sound)["order_id"]]
    noisy["payment_value"] = repr(float(noisy["payment_value"]) + 2e-13)
    for name, column in [
        ("olist_customers_dataset", "customer_zip_code_prefix"),
        ("olist_geolocation_dataset", "geolocation_zip_code_prefix"),
    ]:
        for row in raw[name]:
            if row[column].startswith("0"):
                row[column] = row[column][1:]
    padded = next(
        row for row in raw["olist_order_items_dataset"] if row["order_id"] not in refused_orders
    )
    padded["product_id"] = f"\xa0{padded['product_id']}\t"
    # A customer without a zip code is one without a zip code, in both.
    unplaced = customers[next(sound)["customer_id"]]
    unplaced["customer_zip_code_prefix"] = ""
    cleaned = records(clean, "olist_customers_dataset")
    for row in cleaned:
        if row["customer_id"] == unplaced["customer_id"]:
            row["customer_zip_code_prefix"] = ""
    write(clean, "olist_customers_dataset", cleaned)
    for name, rows in raw.items():
        write(bad, name, rows)

    return expected


@pytest.fixture(scope="module")
def spoilt(run, small_folder: Path, shared_folder: Path) -> types.SimpleNamespace:
    """Return the databases of what `spoil` writes, built once for all workers."""
    work = shared_folder / "spoilt"
    folders = {kind: work / kind / "raw" for kind in ("bad", "clean")}
    databases = {kind: work / kind / "olist.duckdb" for kind in folders}
    said = work / "said.json"

    def build() -> None:
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        expected = spoil(small_folder, **folders)
        output = {}
        for kind, folder in folders.items():
            done = run(
                "dbt",
                "build",
                *(BAD_VALUES_TESTED if kind == "bad" else WITHOUT_TESTS),
                "--select",
                "+path:models/marts",
                "+path:models/adapters/olist/marts",
                "+worst_rated_zip_codes",
                "+file_completeness",
                "--vars",
                json.dumps({"max_rejected_share": 0.5, **ORDERS_LEFT_OUT}),
                raw_dir=folder,
                database=databases[kind],
            )
            assert done.returncode == 0, done.stdout[-6000:]
            output[kind] = done.stdout
        reasons = [[*row, reason] for row, reason in expected.items()]
        said.write_text(json.dumps({"expected": reasons, "output": output}), "utf-8")

    made_once(work, build)
    found = json.loads(said.read_text("utf-8"))
    return types.SimpleNamespace(
        databases=databases,
        expected={(name, key): reason for name, key, reason in found["expected"]},
        output=found["output"],
        clean_folder=folders["clean"],
    )


@pytest.mark.build
@pytest.mark.thorough
def test_every_bad_value_is_in_the_quarantine_with_its_reason(spoilt) -> None:
    found = {
        (name, key): reason
        for name, key, reason in query(
            spoilt.databases["bad"],
            "select file_name, row_key, reason from staging.rejected_rows"
            " where reason not like 'orphan: order_id%'",
        )
    }
    found_reasons = {
        row: found.get(row, "not in the quarantine")[: len(reason)]
        for row, reason in spoilt.expected.items()
    }
    assert found_reasons == spoilt.expected
    # Rows whose customer_unique_id alone is empty keep their key; nothing else was refused.
    assert found.keys() == spoilt.expected.keys()
    assert query(
        spoilt.databases["bad"],
        "select count(*) from staging.raw_loads where raw_rows != staged_rows + rejected_rows",
    ) == [(0,)]


@pytest.mark.build
@pytest.mark.parametrize(
    "table",
    ["periods", "rfm", "orders", "order_items", "order_payments", "order_reviews", "zip_codes"],
)
@pytest.mark.thorough
def test_what_remains_is_as_if_the_bad_rows_had_never_been(spoilt, table: str) -> None:
    select = f"from marts.{table} order by all"
    bad, clean = (query(spoilt.databases[kind], select) for kind in ("bad", "clean"))
    assert len(clean) > 5
    assert bad == clean


@pytest.mark.build
@pytest.mark.thorough
def test_no_mart_holds_an_infinite_time_or_a_nameless_person(spoilt) -> None:
    database = spoilt.databases["bad"]
    times = query(
        database,
        "select table_name, column_name from duckdb_columns() where schema_name = 'marts'"
        " and data_type in ('TIMESTAMP', 'DATE')",
    )
    assert len(times) > 10
    for table, column in times:
        assert query(
            database,
            f"select count(*) from marts.{table} where {column} not between '2015-01-01' and '2020-06-01'",
        ) == [(0,)], (table, column)
    assert query(
        database,
        "select count(*) from marts.customers where length(customer_unique_id) != 32",
    ) == [(0,)]


@pytest.mark.build
@pytest.mark.thorough
def test_a_customer_without_a_zip_code_is_kept_and_warned_of(spoilt) -> None:
    database = spoilt.databases["bad"]
    assert query(
        database, "select count(*) from marts.orders where customer_zip_code_prefix is null"
    ) == [(1,)]
    assert query(
        database, "select count(*) from marts.zip_codes where zip_code_prefix is null"
    ) == [(0,)]
    assert (
        "Warning of data_quality_is_as_expected: olist_customers_dataset, customer_zip_code_prefix: 1 of"
        in spoilt.output["bad"]
    )


# --- files that were cut off ----------------------------------------------------------------------------


def incomplete(database: Path, folder: Path, name: str | None, share: float) -> list[str]:
    """Return the files that seem to be cut off when only the first rows of one are there."""
    returned = []
    rendered(
        "macros/raw_files.sql",
        select="{{ file_completeness_checks() }}",
        known={"return": returned.append},
    )
    checks = rendered(
        "models/adapters/olist/staging/file_completeness.sql",
        known={"file_completeness_checks": lambda: returned[0]},
        **ORDERS_LEFT_OUT,
    )
    with duckdb.connect() as connection:
        connection.execute(f"attach '{database}' as whole (read_only); create schema staging")
        for other, (table, _) in KEYS.items():
            kind = "table" if other == name else "view"
            connection.execute(f"create {kind} staging.{table} as from whole.staging.{table}")
        if name is not None:
            table, columns = KEYS[name]
            connection.execute(
                f"create table raw as select * from read_csv('{folder / name}.csv', all_varchar = true,"
                " header = true, delim = ',', quote = '\"', escape = '\"')"
            )
            kept = f"rowid < {share} * (select count(*) from raw)"
            found_in_raw = " and ".join(
                f"raw.{old} = cast({table}.{new} as varchar)" for old, new in columns.items()
            )
            connection.execute(
                f"delete from staging.{table} where not exists (from raw where {kept} and {found_in_raw})"
                if columns
                else f"delete from staging.{table} where not ({kept})"
            )
        return [
            file
            for (file,) in connection.execute(
                f"select file_name from ({checks}) where not is_complete order by all"
            ).fetchall()
        ]


@pytest.mark.build
@pytest.mark.thorough
def test_whole_files_are_complete(spoilt) -> None:
    assert incomplete(spoilt.databases["clean"], spoilt.clean_folder, None, 1) == []


@pytest.mark.build
@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("name", KEYS)
@pytest.mark.thorough
def test_a_file_that_was_cut_off_is_named(spoilt, name: str, share: float) -> None:
    assert name in incomplete(spoilt.databases["clean"], spoilt.clean_folder, name, share)


@pytest.mark.build
@pytest.mark.real
@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("name", KEYS)
def test_a_file_of_the_real_set_that_was_cut_off_is_named(
    real_database: Path, real_folder: Path, name: str, share: float
) -> None:
    assert name in incomplete(real_database, real_folder, name, share)


@pytest.mark.build
@pytest.mark.real
def test_the_real_set_is_complete(real_database: Path, real_folder: Path) -> None:
    assert incomplete(real_database, real_folder, None, 1) == []
    assert query(real_database, "select count(*) from staging.rejected_rows") == [(0,)]


def cut(folder: Path, name: str, *, rows_left: int) -> None:
    write(folder, name, records(folder, name)[:rows_left])


@pytest.mark.build
def test_a_cut_off_file_stops_the_build_and_changes_nothing_that_is_published(
    publish, small_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(small_folder, tmp_path / "raw"))
    database = tmp_path / "warehouse" / "olist.duckdb"
    publish(*RAW_FILES, raw_dir=folder, database=database)
    before = table_fingerprints(database)
    payments = len(records(folder, "olist_order_payments_dataset"))
    cut(folder, "olist_order_payments_dataset", rows_left=payments // 2)
    # One row less: no other file tells, but the last build does.
    geolocation = len(records(folder, "olist_geolocation_dataset"))
    cut(folder, "olist_geolocation_dataset", rows_left=geolocation - 1)
    sellers = records(folder, "olist_sellers_dataset")
    for row in sellers[:5]:
        row["seller_zip_code_prefix"] = "12.34"
    sellers[5]["seller_id"] = "None"
    write(folder, "olist_sellers_dataset", sellers)

    # What is fitted is not begun: it waits for what the tests say of the files.
    done = publish(
        *RAW_FILES, "segmentation_features", raw_dir=folder, database=database, may_fail=True
    )
    assert done.returncode == 1
    assert "SKIP relation segmentation_work.segmentation_features" in done.stdout
    for sentence in (
        r"olist_order_payments_dataset: the file seems to be cut off, \d+ of \d+ orders have no payment "
        r"\(\d\d\.\d %, at most 1 % may\)\. Fetch it anew, or, if the data are like this, allow it with --vars "
        r"'\{largest_missing_shares: \{orders_without_payment: 0\.\d+\}\}'",
        rf"olist_geolocation_dataset: {geolocation - 1:,} rows, {geolocation:,} in the last build\. If the file was "
        r"cut off, fetch it anew; if it is right, accept it for one build with --vars '\{allow_fewer_rows: true\}'",
        rf"olist_sellers_dataset: 6 of {len(sellers)} rows are refused \(\d\.\d %, at most 1 % may be\)\. The most "
        r"frequent reason: seller_zip_code_prefix is not five digits \(5 rows\), such as "
        r'\{"seller_id":"\w+","seller_zip_code_prefix":"12\.34",.*Correct the file and build again',
    ):
        assert re.search(sentence, done.stdout), sentence
    assert "Got 1 result" not in done.stdout
    assert "staging.rejected_rows" in done.stderr
    side = database.parent / ".olist.building" / "olist.duckdb"
    assert query(side, "select file_name, count(*) from staging.rejected_rows group by all") == [
        ("olist_sellers_dataset", 6)
    ]
    assert table_fingerprints(database) == before


def count_anew(run, folder: Path, database: Path, **settings: object) -> list[str]:
    """Build staging.raw_loads in place, and return the files that have fewer rows than in the last build."""
    done = run(
        "dbt",
        "build",
        "--indirect-selection=buildable",
        "--select",
        "raw_loads",
        "--vars",
        json.dumps(settings),
        raw_dir=folder,
        database=database,
    )
    fewer = re.findall(
        r"(\w+): [\d,]+ rows(?: of synthetic data)?, [\d,]+ in the last build", done.stdout
    )
    assert done.returncode == (1 if fewer else 0), done.stdout[-6000:]
    return sorted(set(fewer))


def lose_a_review(database: Path) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("delete from staging.stg_order_reviews where rowid = 0; checkpoint")


@pytest.mark.build
@pytest.mark.thorough
def test_fewer_rows_than_in_the_last_build_are_refused_until_they_are_accepted(
    run, spoilt, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(spoilt.clean_folder, tmp_path / "raw"))
    database = Path(shutil.copy(spoilt.databases["clean"], tmp_path / "olist.duckdb"))
    lose_a_review(database)
    # A failed build is not what the next one is compared with.
    for _ in range(2):
        assert count_anew(run, folder, database) == ["olist_order_reviews_dataset"]
    assert count_anew(run, folder, database, allow_fewer_rows=True) == []
    assert count_anew(run, folder, database) == []
    # Synthetic data after real ones are other data, whatever their numbers; real after synthetic is meant.
    (folder / SYNTHETIC_MARKER).touch()
    assert len(count_anew(run, folder, database)) == 9
    assert count_anew(run, folder, database, allow_fewer_rows=True) == []
    (folder / SYNTHETIC_MARKER).unlink()
    lose_a_review(database)
    assert count_anew(run, folder, database) == []


@pytest.mark.parametrize("most", [3, 4])
def test_too_many_dates_stop_the_build(most: int) -> None:
    model = rendered(
        "macros/as_of.sql",
        "macros/numbers.sql",
        "models/marts/periods.sql",
        known={"ref": lambda name: name},
        first_as_of_date="2018-07-01",
        engine={"maximum_as_of_dates": most},
    )
    with duckdb.connect() as connection:
        connection.execute(
            "create table input_orders as select 'one' as customer_unique_id, purchased_at,"
            " purchased_at as delivered_at from (values (timestamp '2018-05-02 10:00:00'),"
            " (timestamp '2018-10-17 17:00:00')) as orders (purchased_at)"
        )
        connection.execute("create table input_refunds (refunded_at timestamp)")
        if most == 4:
            # The first of July to October, and the day after the last purchase.
            assert len(connection.execute(model).fetchall()) == 5
            return
        with pytest.raises(
            duckdb.Error,
            match=re.escape(
                "From 2018-07-01 to the last purchase, 2018-10-17, there are over 3 as-of dates"
                " (var engine.maximum_as_of_dates). Correct first_as_of_date or the purchase (vars"
                " allow_future_times, largest_gap_days)."
            ),
        ):
            connection.execute(model).fetchall()


@pytest.mark.build
@pytest.mark.thorough
def test_settings_of_raw_values_out_of_range_are_refused(
    run, small_folder: Path, tmp_path: Path
) -> None:
    bad = {
        "largest_amount": 0,
        "largest_gap_days": 0,
        "allow_future_times": "maybe",
        "allow_fewer_rows": 1,
        "engine": {"maximum_as_of_dates": 0},
        "largest_missing_shares": {"orders_without_payments": 0.5, "orders_without_review": 2},
    }
    done = run(
        "dbt",
        "run",
        "--select",
        "raw_loads",
        "--vars",
        json.dumps(bad),
        raw_dir=small_folder,
        database=tmp_path / "olist.duckdb",
    )
    assert done.returncode != 0
    for name in bad:
        assert re.search(rf"- {name}(.maximum_as_of_dates)? (is|names|of)", done.stdout), name
    assert "it can name orders_without_customer, " in done.stdout
    assert "orders_without_review is 2;" in done.stdout
