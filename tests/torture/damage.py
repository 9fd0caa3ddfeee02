"""Ways to change the raw files of a small clean folder, as people and programs change them."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb

CUSTOMERS = "olist_customers_dataset"
GEOLOCATION = "olist_geolocation_dataset"
ITEMS = "olist_order_items_dataset"
PAYMENTS = "olist_order_payments_dataset"
REVIEWS = "olist_order_reviews_dataset"
ORDERS = "olist_orders_dataset"
PRODUCTS = "olist_products_dataset"
SELLERS = "olist_sellers_dataset"
CATEGORIES = "product_category_name_translation"
TABLES = (
    *(CUSTOMERS, GEOLOCATION, ITEMS, PAYMENTS, REVIEWS, ORDERS, PRODUCTS, SELLERS, CATEGORIES),
)

Rows = list[list[str]]
Damage = Callable[[Path], None]


def csv_of(folder: Path, table: str) -> Path:
    """Return the CSV file of a raw table."""
    return folder / f"{table}.csv"


def rows_of(folder: Path, table: str) -> Rows:
    """Return header and rows of a clean CSV file."""
    with csv_of(folder, table).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def column_of(rows: Rows, column: str) -> int:
    """Return the position of a column."""
    return rows[0].index(column)


def write_rows(path: Path, rows: Iterable[list[str]], *, encoding: str = "utf-8", **how) -> None:
    """Write header and rows as CSV; `how` goes to `csv.writer`."""
    text = io.StringIO(newline="")
    csv.writer(text, **{"lineterminator": "\n", **how}).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


def rewritten(table: str, change: Callable[[Rows], Rows] = list, **how) -> Damage:
    """Change header and rows, and write them with the options of `csv.writer`, and an encoding."""
    return lambda folder: write_rows(csv_of(folder, table), change(rows_of(folder, table)), **how)


def recoded(table: str, change: Callable[[bytes], bytes], *, to: str = ".csv") -> Damage:
    """Change the bytes of a file, and perhaps the ending of its name."""

    def does(folder: Path) -> None:
        path = csv_of(folder, table)
        content = change(path.read_bytes())
        path.unlink()
        (folder / f"{table}{to}").write_bytes(content)

    return does


def replaced(table: str, content: bytes) -> Damage:
    """Put other bytes in the place of a file."""
    return recoded(table, lambda _: content)


def appended(table: str, *lines: bytes) -> Damage:
    """Add lines to a file."""
    return recoded(table, lambda text: text + b"".join(line + b"\n" for line in lines))


def renamed_column(table: str, old: str, new: str) -> Damage:
    """Give a column another name."""
    return rewritten(
        table, lambda rows: [[new if name == old else name for name in rows[0]], *rows[1:]]
    )


def with_column(table: str, name: str, value: str, *, first: bool = False) -> Damage:
    """Add a column, as the last or as the first."""

    def change(rows: Rows) -> Rows:
        added = [name, *[value] * (len(rows) - 1)]
        pairs = zip(rows, added, strict=True)
        return [[cell, *row] if first else [*row, cell] for row, cell in pairs]

    return rewritten(table, change)


def without_column(table: str, name: str) -> Damage:
    """Leave a column out."""

    def change(rows: Rows) -> Rows:
        position = column_of(rows, name)
        return [row[:position] + row[position + 1 :] for row in rows]

    return rewritten(table, change)


def mapped(table: str, column: str, change: Callable[[str], str], **how) -> Damage:
    """Change every value of a column."""
    return mapped_columns(table, (column,), change, **how)


def mapped_columns(
    table: str, columns: Iterable[str], change: Callable[[str], str], **how
) -> Damage:
    """Change every value of some columns."""

    def rewrite(rows: Rows) -> Rows:
        positions = [column_of(rows, column) for column in columns]
        for row in rows[1:]:
            for position in positions:
                row[position] = change(row[position])
        return rows

    return rewritten(table, rewrite, **how)


def cut_to(table: str, share: float) -> Damage:
    """Cut a file off at the end of a row."""
    return rewritten(table, lambda rows: rows[: 1 + round((len(rows) - 1) * share)])


def with_line_ends(table: str, *ends: str, **how) -> Damage:
    """Write so many equal parts of a file, each with its line end; those within quotes stay."""

    def does(folder: Path) -> None:
        rows = rows_of(folder, table)
        size = -(-len(rows) // len(ends))
        text = io.StringIO(newline="")
        for part, end in enumerate(ends):
            writer = csv.writer(text, lineterminator=end, **how)
            writer.writerows(rows[part * size : (part + 1) * size])
        csv_of(folder, table).write_bytes(text.getvalue().encode())

    return does


def as_parquet(
    table: str,
    *,
    select: str = "*",
    where: str = "true",
    to: str = ".parquet",
    parts: int = 0,
) -> Damage:
    """Write a table as Parquet, in one file or in a folder of several.

    `select` and `where` are SQL over the CSV's columns, which are text.
    """

    def does(folder: Path) -> None:
        path, target = csv_of(folder, table), folder / f"{table}{to}"
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            frame = connection.execute(
                f"select {select} from read_csv('{path}', all_varchar = true, header = true)"
                f" where {where}"
            ).to_arrow_table()
            path.unlink()
            connection.register("frame", frame)
            if not parts:
                connection.execute(f"copy frame to '{target}' (format parquet)")
                return
            target.mkdir()
            size = -(-frame.num_rows // parts)
            for part in range(parts):
                connection.register("part", frame.slice(part * size, size))
                connection.execute(
                    f"copy part to '{target}/part-{part:05}.parquet' (format parquet)"
                )

    return does


def linked(folder: Path) -> None:
    """Put links in the place of all files."""
    elsewhere = folder.parent / "linked_to"
    shutil.rmtree(elsewhere, ignore_errors=True)
    elsewhere.mkdir()
    for path in list(folder.glob("*.csv")):
        shutil.move(path, elsewhere / path.name)
        path.symlink_to(elsewhere / path.name)


def in_turn(*damages: Damage) -> Damage:
    """Do several after one another."""

    def does(folder: Path) -> None:
        for damage in damages:
            damage(folder)

    return does


def decimal_comma(table: str, *columns: str) -> Damage:
    """Write semicolons and decimal commas, as spreadsheets do in Brazil and Europe."""
    return mapped_columns(table, columns, lambda value: value.replace(".", ","), delimiter=";")
