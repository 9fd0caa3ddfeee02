"""Raw files that cannot be read, and files that were cut off: refused before anything is built, or stopped."""

from __future__ import annotations

import bz2
import gzip
import os
import shutil
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
    as_parquet,
    csv_of,
    cut_to,
    in_turn,
    mapped,
    mapped_columns,
    recoded,
    renamed_column,
    replaced,
    rewritten,
    rows_of,
    with_column,
    without_column,
    write_rows,
)
from torture.kinds import REFUSED, STOPPED, Kind

AREA = "Files that are refused before anything is built"
CUT = "Files that were cut off, or do not fit together"
SHEET = b"PK\x03\x04" + bytes(200)
PAGE = b"<!DOCTYPE html><html><body>Sign in to download</body></html>\n"


def refused(name: str, damage: Damage, table: str, *says: str) -> Kind:
    """Return a kind that a sentence about the file of a table must refuse."""
    return Kind(AREA, name, REFUSED, damage=damage, tables=(table,), says=(table, *says))


def stopped(name: str, damage: Damage, table: str, *says: str) -> Kind:
    """Return a kind that stops the build, with a sentence about the file of a table."""
    return Kind(CUT, name, STOPPED, damage=damage, tables=(table,), says=(table, *says))


def without(table: str) -> Damage:
    """Take a file away."""
    return lambda folder: csv_of(folder, table).unlink()


def as_folder(table: str) -> Damage:
    """Put an empty folder in the place of a file."""

    def does(folder: Path) -> None:
        csv_of(folder, table).unlink()
        csv_of(folder, table).mkdir()

    return does


def twice(table: str) -> Damage:
    """Put a Parquet file beside the CSV file."""

    def does(folder: Path) -> None:
        kept = folder.parent / "kept.csv"
        shutil.copy(csv_of(folder, table), kept)
        as_parquet(table)(folder)
        shutil.move(kept, csv_of(folder, table))

    return does


def dangling(table: str) -> Damage:
    """Put a link to nothing in the place of a file."""

    def does(folder: Path) -> None:
        csv_of(folder, table).unlink()
        csv_of(folder, table).symlink_to("unmounted/orders.csv")

    return does


def pipe(table: str) -> Damage:
    """Put a named pipe in the place of a file: who reads it waits."""

    def does(folder: Path) -> None:
        csv_of(folder, table).unlink()
        os.mkfifo(csv_of(folder, table))

    return does


def of_another_table(table: str, other: str) -> Damage:
    """Copy the file of another table over one."""
    return lambda folder: shutil.copy(csv_of(folder, other), csv_of(folder, table))


def every_second_with_offset(folder: Path) -> None:
    """Write an offset at half of the purchases."""
    rows = rows_of(folder, ORDERS)
    position = rows[0].index("order_purchase_timestamp")
    for row in rows[1::2]:
        row[position] += "-03:00"
    write_rows(csv_of(folder, ORDERS), rows)


def damaged_parquet(table: str) -> Damage:
    """Cut a Parquet file off."""

    def does(folder: Path) -> None:
        as_parquet(table)(folder)
        path = folder / f"{table}.parquet"
        path.write_bytes(path.read_bytes()[:-300])

    return does


def cut_gzip(text: bytes) -> bytes:
    """Compress, and cut off."""
    return gzip.compress(text)[:-2000]


def damaged_gzip(text: bytes) -> bytes:
    """Compress, and change a byte in the middle."""
    packed = bytearray(gzip.compress(text))
    packed[len(packed) // 2] ^= 0xFF
    return bytes(packed)


def header_only(text: bytes) -> bytes:
    """Keep the first line."""
    return text.split(b"\n")[0] + b"\n"


def with_title(text: bytes) -> bytes:
    """Put a title above the header."""
    return b"Report of the warehouse,,,,\n\n" + text


TORN = b'"torn,a,5,,,2018-01-01 00:00:00,2018-01-02 00:00:00\n'


def open_quote(*, after_lines: int) -> Damage:
    """Open a quote in a row of the reviews, and do not close it."""

    def change(text: bytes) -> bytes:
        lines = text.replace(b'"', b"").splitlines(keepends=True)
        return b"".join([*lines[:after_lines], TORN, *lines[after_lines:]])

    return in_turn(
        mapped(REVIEWS, "review_comment_message", lambda _: ""), recoded(REVIEWS, change)
    )


FILES = [
    refused("a file is missing", without(ORDERS), ORDERS, "missing"),
    refused("a table is there twice, as CSV and as Parquet", twice(ORDERS), ORDERS, "2 times"),
    refused("a file of 0 bytes", replaced(PAYMENTS, b""), PAYMENTS, "empty"),
    refused("blank lines only", replaced(PAYMENTS, b"\n\n \n"), PAYMENTS, "no text"),
    refused("a header without rows", recoded(PAYMENTS, header_only), PAYMENTS, "no rows"),
    refused("a web page", replaced(ITEMS, PAGE), ITEMS, "web page"),
    refused("JSON", replaced(ITEMS, b'[{"order_id": "1"}]\n'), ITEMS, "no column"),
    refused("an Excel workbook called .csv", replaced(SELLERS, SHEET), SELLERS, "Excel"),
    refused(
        "an SQLite database called .csv",
        replaced(SELLERS, b"SQLite format 3\x00" + bytes(90)),
        SELLERS,
        "SQLite",
    ),
    refused("a PDF document", replaced(SELLERS, b"%PDF-1.7\n" + bytes(90)), SELLERS, "PDF"),
    refused("bzip2", recoded(REVIEWS, bz2.compress), REVIEWS, "bzip2"),
    refused(
        "the pointer of Git LFS",
        replaced(ORDERS, b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n"),
        ORDERS,
        "Git LFS",
    ),
    refused("a gzip that was cut off", recoded(ORDERS, cut_gzip, to=".csv.gz"), ORDERS),
    refused("a gzip that was damaged", recoded(ORDERS, damaged_gzip, to=".csv.gz"), ORDERS),
    refused("a Parquet file that was cut off", damaged_parquet(ORDERS), ORDERS),
    refused(
        "Parquet without a needed column",
        as_parquet(ITEMS, select="* exclude (price)"),
        ITEMS,
        "price",
    ),
    refused("Parquet without rows", as_parquet(ITEMS, where="false"), ITEMS, "no rows"),
    refused(
        "zero bytes in the middle",
        recoded(ITEMS, lambda t: t[:5000] + bytes(10) + t[5000:]),
        ITEMS,
        "NUL",
    ),
    refused("random bytes", replaced(ITEMS, bytes(range(1, 256)) * 40), ITEMS),
    refused(
        "a needed column is missing",
        without_column(CUSTOMERS, "customer_state"),
        CUSTOMERS,
        "customer_state",
    ),
    refused(
        "a needed column has another name",
        renamed_column(PAYMENTS, "payment_value", "amount"),
        PAYMENTS,
        "payment_value",
        "amount",
    ),
    refused(
        "a needed column twice", with_column(ORDERS, "order_id", "x"), ORDERS, "order_id", "2 times"
    ),
    refused("no header", rewritten(SELLERS, lambda rows: rows[1:]), SELLERS, "header"),
    refused("a title above the header", recoded(CUSTOMERS, with_title), CUSTOMERS, "line"),
    refused(
        "one name too few in the header",
        rewritten(GEOLOCATION, lambda rows: [rows[0], *([*row, "x"] for row in rows[1:])]),
        GEOLOCATION,
        "columns",
    ),
    refused("the file of another table", of_another_table(PAYMENTS, ITEMS), PAYMENTS, "no column"),
    refused("an empty folder", as_folder(REVIEWS), REVIEWS, "folder"),
    refused("a link to nothing", dangling(ORDERS), ORDERS, "link"),
    refused("a named pipe", pipe(ORDERS), ORDERS, "neither"),
    refused(
        "times with and without an offset",
        every_second_with_offset,
        ORDERS,
        "offset",
        "order_purchase_timestamp",
    ),
    refused(
        "a quote in the first row that is not closed",
        open_quote(after_lines=1),
        REVIEWS,
        "record",
    ),
    refused(
        "a carriage return within a value",
        in_turn(
            rewritten(PAYMENTS),
            recoded(PAYMENTS, lambda t: t.replace(b",boleto,", b",bole\rto,", 1)),
        ),
        PAYMENTS,
        "carriage return",
    ),
]

HALVES = {
    PAYMENTS: "payment",
    ITEMS: "line",
    REVIEWS: "review",
    CUSTOMERS: "customer",
    ORDERS: "order",
    PRODUCTS: "product",
    SELLERS: "seller",
    GEOLOCATION: "zip",
    CATEGORIES: "categor",
}
CUT_OFF = [
    *(stopped(f"half of the file, {table}", cut_to(table, 0.5), table, "rows") for table in TABLES),
    stopped("99 of 100 payments", cut_to(PAYMENTS, 0.99), PAYMENTS, "rows"),
    *(
        Kind(
            CUT,
            f"half of the file, {table}, nothing published before",
            STOPPED,
            damage=cut_to(table, 0.5),
            tables=(table,),
            says=(table, word),
            place=lambda folder: (folder / "olist.duckdb").unlink(),
        )
        for table, word in HALVES.items()
    ),
    stopped(
        "a file put together twice",
        rewritten(PAYMENTS, lambda rows: rows + rows[1:]),
        PAYMENTS,
        "refused",
        "duplicate key",
    ),
    stopped(
        "every tenth amount as text",
        rewritten(
            PAYMENTS,
            lambda rows: [[*row[:-1], "ten"] if i % 10 == 5 else row for i, row in enumerate(rows)],
        ),
        PAYMENTS,
        "refused",
        "payment_value is not an amount",
        "ten",
    ),
    stopped(
        "all purchases as seconds since 1970",
        mapped(ORDERS, "order_purchase_timestamp", lambda _: "1520283654"),
        ORDERS,
        "order_purchase_timestamp is not a time",
    ),
    stopped(
        "all zip prefixes as 12.34",
        mapped(CUSTOMERS, "customer_zip_code_prefix", lambda _: "12.34"),
        CUSTOMERS,
        "customer_zip_code_prefix is not five digits",
    ),
    stopped(
        "all amounts with a decimal comma in quotes",
        mapped(PAYMENTS, "payment_value", lambda v: v.replace(".", ",")),
        PAYMENTS,
        "payment_value is not an amount",
    ),
    stopped(
        "days before months in all purchases",
        mapped(ORDERS, "order_purchase_timestamp", lambda v: f"{v[8:10]}/{v[5:7]}/{v[:4]}{v[10:]}"),
        ORDERS,
        "order_purchase_timestamp is not a time",
    ),
    stopped(
        "other customers than the orders'",
        mapped_columns(CUSTOMERS, ("customer_id",), lambda v: v[::-1]),
        ORDERS,
    ),
    stopped(
        "a quote that is not closed before the end",
        open_quote(after_lines=100),
        REVIEWS,
        "quote",
    ),
]


def kind_of_folder(name: str, value: str, *says: str, damage: Damage | None = None) -> Kind:
    """Return a kind of a raw folder that is none."""
    return Kind(AREA, name, REFUSED, damage=damage, says=says, settings={"OLIST_RAW_DIR": value})


def emptied(folder: Path) -> None:
    """Take all files away."""
    for path in folder.iterdir():
        path.unlink()


FOLDERS = [
    kind_of_folder("a raw folder that is not there", "nowhere", "nowhere", "no such folder"),
    kind_of_folder("a file as the raw folder", f"raw/{ORDERS}.csv", "file"),
    kind_of_folder("an empty raw folder", "raw", "missing", damage=emptied),
    kind_of_folder(
        "a raw folder of other files",
        "raw",
        "missing",
        damage=in_turn(emptied, lambda folder: (folder / "sales.csv").write_text("a,b\n1,2\n")),
    ),
]
KINDS = [*FILES, *FOLDERS, *CUT_OFF]
