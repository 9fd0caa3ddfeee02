"""Raw files as people and programs save them, which must be read as the plain ones are."""

from __future__ import annotations

import csv
import gzip
import random
from pathlib import Path

from torture.damage import (
    CATEGORIES,
    CUSTOMERS,
    GEOLOCATION,
    ITEMS,
    ORDERS,
    PAYMENTS,
    PRODUCTS,
    REVIEWS,
    SELLERS,
    TABLES,
    Damage,
    Rows,
    as_parquet,
    decimal_comma,
    in_turn,
    linked,
    mapped,
    mapped_columns,
    recoded,
    rewritten,
    with_column,
    with_line_ends,
)
from torture.kinds import READ, Cell, Kind

AREA = "Files that are read"
VALUES = "Values that are read"
LF, CRLF, CR = "\n", "\r\n", "\r"
MARK = b"\xef\xbb\xbf"
ORDER_TIMES = (
    "order_purchase_timestamp",
    "order_approved_at",
    "order_delivered_carrier_date",
    "order_delivered_customer_date",
    "order_estimated_delivery_date",
)
UTC_TIMES = ", ".join(
    f"cast({name} as timestamp) at time zone 'UTC' as {name}" for name in ORDER_TIMES
)


def read(name: str, damage: Damage, *tables: str, **how) -> Kind:
    """Return a kind whose tables must be those of the clean folder."""
    return Kind(AREA, name, READ, damage=damage, tables=tables, **how)


def index_column(table: str) -> Damage:
    """Add the column that pandas writes with `to_csv`."""
    return rewritten(
        table,
        lambda rows: [["", *rows[0]], *([str(i), *row] for i, row in enumerate(rows[1:]))],
    )


def shuffled(rows: Rows) -> Rows:
    """Put the rows into another order."""
    return [rows[0], *random.Random(1).sample(rows[1:], len(rows) - 1)]


def in_another_order(rows: Rows) -> Rows:
    """Put the columns into another order."""
    return [row[::-1] for row in rows]


def offset_by_three_hours(value: str) -> str:
    """Write a moment in UTC as the clock of Brasília shows it."""
    import datetime

    if not value:
        return value
    moment = datetime.datetime.fromisoformat(value) - datetime.timedelta(hours=3)
    return f"{moment}-03:00"


def two_of_one_name(table: str) -> Damage:
    """Add two columns of one name."""
    return in_turn(with_column(table, "note", "x"), with_column(table, "note", "y"))


def beside(folder: Path) -> None:
    """Put files beside the raw ones that are no raw tables."""
    (folder / ".DS_Store").write_bytes(b"\x00\x01")
    (folder / "read me.txt").write_text("from the warehouse")
    (folder / "olist_orders_dataset (1).txt").write_text("order_id\n")


KINDS = [
    # --- columns
    read("index column of pandas", index_column(ORDERS), ORDERS),
    read("two more columns of one name", two_of_one_name(ITEMS), ITEMS),
    read("one more column without a name", with_column(PAYMENTS, "", ""), PAYMENTS),
    read("one more column", with_column(SELLERS, "seller_phone", "1"), SELLERS),
    read("columns in another order", rewritten(PRODUCTS, in_another_order), PRODUCTS),
    read("rows in another order", rewritten(ITEMS, shuffled), ITEMS),
    read(
        "header in capitals",
        rewritten(CUSTOMERS, lambda r: [[n.upper() for n in r[0]], *r[1:]]),
        CUSTOMERS,
    ),
    read(
        "blanks around the names in the header",
        rewritten(SELLERS, lambda r: [[f" {n} " for n in r[0]], *r[1:]]),
        SELLERS,
    ),
    # --- line ends
    read("CRLF", with_line_ends(PAYMENTS, CRLF), PAYMENTS),
    read("LF, then CRLF", with_line_ends(PAYMENTS, LF, CRLF), PAYMENTS),
    read("CRLF, then LF", with_line_ends(ITEMS, CRLF, LF), ITEMS),
    read("LF, CRLF and LF again", with_line_ends(PRODUCTS, LF, CRLF, LF), PRODUCTS),
    read(
        "LF, then CRLF, last column in quotes",
        with_line_ends(CUSTOMERS, LF, CRLF, quoting=csv.QUOTE_ALL),
        CUSTOMERS,
    ),
    read("LF, then CRLF, line breaks in quotes", with_line_ends(REVIEWS, LF, CRLF), REVIEWS),
    read("CR, as on old Macs", with_line_ends(SELLERS, CR), SELLERS),
    read("no line end at the end", recoded(PRODUCTS, bytes.rstrip), PRODUCTS),
    read("blank lines at the end", recoded(PAYMENTS, lambda t: t + b"\n\n\n"), PAYMENTS),
    # --- names and packing
    read("ending .CSV", recoded(ORDERS, bytes, to=".CSV"), ORDERS),
    read(".csv.gz", recoded(ORDERS, gzip.compress, to=".csv.gz"), ORDERS),
    read("gzip called .csv", recoded(GEOLOCATION, gzip.compress), GEOLOCATION),
    read("plain text called .csv.gz", recoded(SELLERS, bytes, to=".csv.gz"), SELLERS),
    read("links to files elsewhere", linked, *TABLES),
    read("other files in the folder", beside),
    # --- encodings
    read("byte-order mark", recoded(ORDERS, lambda t: MARK + t), ORDERS),
    read(
        "byte-order mark within, of files put together",
        recoded(CATEGORIES, lambda t: t.replace(b"\nbebes", b"\n" + MARK + b"bebes")),
        CATEGORIES,
    ),
    read("Latin-1", recoded(REVIEWS, lambda t: t.decode("utf-8-sig").encode("cp1252")), REVIEWS),
    read("UTF-16", recoded(REVIEWS, lambda t: t.decode().encode("utf-16")), REVIEWS),
    read(
        "UTF-16 with tabs, as Excel saves Unicode text",
        rewritten(CUSTOMERS, delimiter="\t", encoding="utf-16", lineterminator="\r\n"),
        CUSTOMERS,
    ),
    # --- separators and quotes
    read("semicolons and decimal commas", decimal_comma(PAYMENTS, "payment_value"), PAYMENTS),
    read(
        "semicolons and decimal commas, coordinates",
        decimal_comma(GEOLOCATION, "geolocation_lat", "geolocation_lng"),
        GEOLOCATION,
    ),
    read("semicolons and decimal points", rewritten(ITEMS, delimiter=";"), ITEMS),
    read("tabs", rewritten(PRODUCTS, delimiter="\t"), PRODUCTS),
    read("vertical bars", rewritten(CUSTOMERS, delimiter="|"), CUSTOMERS),
    read("single quotes", rewritten(ORDERS, quotechar="'", quoting=csv.QUOTE_ALL), ORDERS),
    read("everything in quotes", rewritten(ITEMS, quoting=csv.QUOTE_ALL), ITEMS),
    read("quotes only where they are needed", rewritten(ORDERS), ORDERS),
    # --- Parquet
    read("Parquet of text", as_parquet(ORDERS), ORDERS),
    read(
        "Parquet of numbers",
        as_parquet(
            PAYMENTS,
            select="* replace (payment_sequential::bigint as payment_sequential, "
            "payment_installments::int as payment_installments, payment_value::double as payment_value)",
        ),
        PAYMENTS,
    ),
    read("folder of Parquet parts", as_parquet(ITEMS, parts=3), ITEMS),
    read("folder called .csv of Parquet parts", as_parquet(REVIEWS, to=".csv", parts=2), REVIEWS),
    read("Parquet called .csv", as_parquet(SELLERS, to=".csv"), SELLERS),
    # --- times
    read(
        "Parquet with times in UTC, on a machine in Tokyo",
        as_parquet(ORDERS, select=f"* replace ({UTC_TIMES})"),
        ORDERS,
        settings={"TZ": "Asia/Tokyo"},
    ),
    read(
        "all times with the offset of Brasília, on a machine in Brasília",
        mapped_columns(ORDERS, ORDER_TIMES, offset_by_three_hours),
        ORDERS,
        settings={"TZ": "America/Sao_Paulo"},
    ),
    read(
        "all times as 2018-03-05T21:00:54Z",
        mapped_columns(ORDERS, ORDER_TIMES, lambda v: v and f"{v.replace(' ', 'T')}Z"),
        ORDERS,
    ),
    read(
        "times with milliseconds",
        mapped(ITEMS, "shipping_limit_date", lambda v: f"{v}.000"),
        ITEMS,
    ),
    # --- the machine
    read("a machine in Tokyo", lambda _: None, settings={"TZ": "Asia/Tokyo"}),
    read(
        "Turkish letters and another hash seed",
        lambda _: None,
        settings={"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "7"},
    ),
    read("one thread", lambda _: None, settings={"SEGMENTATION_THREADS": "1"}),
    # --- numbers as spreadsheets leave them
    read(
        "zip prefixes that lost their zero",
        mapped(CUSTOMERS, "customer_zip_code_prefix", lambda v: v.lstrip("0") or "0"),
        CUSTOMERS,
    ),
    read(
        "zip prefixes of all points that lost their zero",
        mapped(GEOLOCATION, "geolocation_zip_code_prefix", lambda v: v.lstrip("0") or "0"),
        GEOLOCATION,
    ),
    read(
        "whole numbers as 4.0",
        mapped(PRODUCTS, "product_name_lenght", lambda v: v and f"{v}.0"),
        PRODUCTS,
    ),
    read(
        "amounts without their last zero",
        mapped(PAYMENTS, "payment_value", lambda v: v.rstrip("0").rstrip(".")),
        PAYMENTS,
    ),
]

PAID = "payment_value"
KINDS += [
    Kind(
        VALUES,
        "an amount with the noise of floating point",
        READ,
        cells=(
            Cell(ITEMS, "price", lambda v: f"{v}000000000002" if "." in v else f"{v}.000000000002"),
        ),
    ),
    Kind(
        VALUES,
        "an amount with two more zeros",
        READ,
        cells=(Cell(PAYMENTS, PAID, lambda v: f"{float(v):.4f}"),),
    ),
    Kind(
        VALUES,
        "a number with a leading zero",
        READ,
        cells=(Cell(PAYMENTS, "payment_sequential", lambda v: f"0{v}"),),
    ),
    Kind(
        VALUES,
        "blanks after an order's id",
        READ,
        cells=(Cell(ORDERS, "order_id", lambda v: f"{v}  "),),
    ),
    Kind(
        VALUES,
        "a no-break space after a person's id",
        READ,
        cells=(Cell(CUSTOMERS, "customer_unique_id", lambda v: f"{v}\u00a0"),),
    ),
    Kind(
        VALUES,
        "a blank before a product's id",
        READ,
        cells=(Cell(PRODUCTS, "product_id", lambda v: f" {v}"),),
    ),
    Kind(
        VALUES,
        "an invisible mark before a seller's id",
        READ,
        cells=(Cell(SELLERS, "seller_id", lambda v: f"\u200b{v}"),),
    ),
    Kind(
        VALUES,
        "a zip prefix that lost its zero, of a seller",
        READ,
        cells=(Cell(SELLERS, "seller_zip_code_prefix", lambda v: v.lstrip("0")),),
    ),
]
