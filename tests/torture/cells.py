"""Put many wrong values and rows into one raw folder, and know which rows must be refused for them."""

from __future__ import annotations

import csv
import dataclasses
import io
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
    Rows,
    csv_of,
    rows_of,
)
from torture.kinds import Cell, Kind, Line

# A row that is to be refused is found again by a mark in the first of these columns that is not itself damaged.
MARKED = {
    CATEGORIES: ("product_category_name", "product_category_name_english"),
    CUSTOMERS: ("customer_city", "customer_unique_id"),
    GEOLOCATION: ("geolocation_city", "geolocation_state"),
    ITEMS: ("order_id", "seller_id"),
    ORDERS: ("order_status", "order_approved_at"),
    PAYMENTS: ("payment_type", "order_id"),
    PRODUCTS: ("product_height_cm",),
    REVIEWS: ("review_comment_title", "review_comment_message"),
    SELLERS: ("seller_city", "seller_state"),
}
# Tables whose rows go with their order.
OF_AN_ORDER = (ITEMS, PAYMENTS, REVIEWS)


@dataclasses.dataclass
class Damaged:
    """What was done to a raw folder.

    Attributes
    ----------
    marks : dict of Kind to (table, text)
        Where each kind's row is, and what only it holds.
    added : dict of str to int
        Rows that were added, by table.
    direct : dict of str to int
        Rows that must be refused for themselves, by table.
    orphans : dict of str to int
        Rows that must be refused because their customer or order is.
    """

    marks: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    added: dict[str, int] = dataclasses.field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    direct: dict[str, int] = dataclasses.field(default_factory=lambda: dict.fromkeys(TABLES, 0))
    orphans: dict[str, int] = dataclasses.field(default_factory=lambda: dict.fromkeys(TABLES, 0))


class Folder:
    """The rows of a clean raw folder, and which of them no kind has taken yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tables = {table: rows_of(folder, table) for table in TABLES}
        self.lines: dict[str, list[bytes]] = {table: [] for table in TABLES}
        self.taken_orders: set[str] = set()
        self.next_row = dict.fromkeys(TABLES, 1)
        customers = self.tables[CUSTOMERS]
        self.order_of = {row[1]: row[0] for row in self.tables[ORDERS][1:]}
        self.people = [row[1] for row in customers[1:]]

    def take(self, table: str) -> list[str]:
        """Return a row whose order no other kind has taken, and take it."""
        rows = self.tables[table]
        while True:
            row = rows[self.next_row[table]]
            self.next_row[table] += 1
            if table == CUSTOMERS:
                order = self.order_of[row[0]]
            elif table in (*OF_AN_ORDER, ORDERS):
                order = row[1] if table == REVIEWS else row[0]
            else:
                return row
            if order not in self.taken_orders:
                self.taken_orders.add(order)
                return row

    def write(self) -> None:
        """Write the folder."""
        for table, rows in self.tables.items():
            text = io.StringIO(newline="")
            csv.writer(text, lineterminator="\n").writerows(rows)
            content = text.getvalue().encode("utf-8", "surrogateescape")
            csv_of(self.folder, table).write_bytes(content + b"".join(self.lines[table]))


def damage(folder: Path, kinds: list[Kind], *, are_refused: bool) -> Damaged:
    """Put the cells and lines of many kinds into a clean raw folder, each into a row of its own.

    Parameters
    ----------
    folder : Path
    kinds : list of Kind
    are_refused : bool
        Whether their rows must go into the quarantine; they are marked then.

    Returns
    -------
    Damaged
    """
    clean = Folder(folder)
    done = Damaged()
    gone_customers: set[str] = set()
    gone_orders: set[str] = set()
    # Lines that the reader itself refuses come last: a quote may swallow what follows.
    for kind in sorted(kinds, key=lambda kind: isinstance(kind.cells[0], Line)):
        (change,) = kind.cells
        table = change.table
        if isinstance(change, Line):
            done.added[table] += 1
            if isinstance(change.text, str):
                line = change.text
                mark = change.mark or line.strip('"').split(",")[0]
            else:
                row = clean.take(table)
                line, mark = as_line(change.text(row)), row[0]
            clean.lines[table].append(line.encode("utf-8", "surrogateescape") + b"\n")
        else:
            row = clean.take(table)
            if table == CUSTOMERS:
                gone_customers.add(row[0])
            if table == ORDERS:
                gone_orders.add(row[0])
            mark = change_row(
                clean.tables[table], row, change, number=len(done.marks), is_marked=are_refused
            )
        done.marks[kind.name] = (table, mark)
        done.direct[table] += 1
    clean.write()
    if are_refused:
        count_orphans(clean.tables, gone_customers, gone_orders, done)
    return done


def change_row(rows: Rows, row: list[str], change: Cell, *, number: int, is_marked: bool) -> str:
    """Change a value of a row; return what only this row holds."""
    header = rows[0]
    position = header.index(change.column)
    row[position] = change.value(row[position]) if callable(change.value) else change.value
    if not is_marked:
        return ""
    marked = next(name for name in MARKED[change.table] if name != change.column)
    # Of digits, where a number must stand.
    mark = f"99{number:03}" if marked.endswith("_cm") else f"kind-{number:03}."
    row[header.index(marked)] = mark
    return mark


def as_line(row: list[str]) -> str:
    """Return a row as a line of CSV, without its end."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(row)
    return text.getvalue()


def count_orphans(
    tables: dict[str, Rows], gone_customers: set[str], gone_orders: set[str], done: Damaged
) -> None:
    """Count the rows that lose their customer or their order."""
    lost = {row[0] for row in tables[ORDERS][1:] if row[1] in gone_customers} - gone_orders
    done.orphans[ORDERS] = len(lost)
    for table in OF_AN_ORDER:
        position = tables[table][0].index("order_id")
        done.orphans[table] = sum(row[position] in lost | gone_orders for row in tables[table][1:])
