"""Where the orders are: files, or a table of another database, as SQL that DuckDB reads."""

from __future__ import annotations

import codecs
import contextlib
import dataclasses
import glob
import gzip
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb

from customer_segmentation._sql import quoted, sql_text
from customer_segmentation.shop.mapping import ShopError

PARQUET_ENDINGS = (".parquet", ".pq")
# Spreadsheets of western offices write this when they do not write UTF-8; of its five holes the other makes signs.
OTHER_ENCODINGS = ("cp1252", "latin-1")
BYTES_AT_A_TIME = 1 << 22
SQLITE_HEADER = b"SQLite format 3\x00"
ROWS_AT_A_TIME = 50_000
POSTGRES_PREFIXES = ("postgres://", "postgresql://")
TABLES_OF_POSTGRES = """
    select nspname || '.' || relname from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
    where relkind in ('r', 'p', 'v', 'm', 'f') and nspname !~ '^pg_' and nspname != 'information_schema' order by 1
"""


@dataclasses.dataclass(frozen=True)
class Source:
    """Orders as a table expression.

    Attributes
    ----------
    sql : str
        What follows `from`.
    columns : dict of str to str
        Name and type of each column.
    label : str
        What a message calls it.
    is_text : bool
        Whether every column is read as text, as of CSV files.
    """

    sql: str
    columns: dict[str, str]
    label: str
    is_text: bool


def source_from(orders: Any) -> list[str] | dict[str, str]:
    """Read key `orders` of var shop: paths, or a mapping with database and table.

    Raises
    ------
    ShopError
    """
    if isinstance(orders, str):
        return [orders]
    if isinstance(orders, Mapping):
        named = {str(key): str(value) for key, value in orders.items()}
        if set(named) == {"database", "table"} or set(named) == {"model"}:
            return named
    elif isinstance(orders, Sequence) and orders and all(isinstance(one, str) for one in orders):
        return list(orders)
    raise ShopError(
        f"orders is {orders!r}; it is a file or several (folder/*.csv), or {{database: file, table: name}}, or "
        "{model: name of a dbt model}."
    )


def open_source(
    connection: duckdb.DuckDBPyConnection, orders: Any, *, alias: str = "shop"
) -> Source:
    """Find the orders and say how DuckDB reads them.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where they are looked at; other databases are attached to it.
    orders : str, list of str or mapping
        As in var shop.
    alias : str
        What a database or a copy of its table is called on the connection; different for each source.

    Returns
    -------
    Source

    Raises
    ------
    ShopError
    """
    named = source_from(orders)
    if isinstance(named, dict):
        return _table(connection, named, alias)
    files = find_files(named)
    endings = {Path(file).suffix.lower() in PARQUET_ENDINGS for file in files}
    if len(endings) > 1:
        raise ShopError(f"{', '.join(named)} holds Parquet files and others; name one kind.")
    label = files[0] if len(files) == 1 else f"{len(files)} files of {', '.join(named)}"
    if endings == {True}:
        listed = ", ".join(sql_text(file) for file in files)
        return _described(
            connection, f"read_parquet([{listed}], union_by_name = true)", label, is_text=False
        )
    return _csv(connection, files, label, alias)


def find_files(patterns: Sequence[str]) -> list[str]:
    """Return the files that paths and globs name, sorted.

    Raises
    ------
    ShopError
    """
    found: set[str] = set()
    for pattern in patterns:
        path = Path(pattern).expanduser()
        if path.is_dir():
            raise ShopError(f"{pattern} is a folder; name its files, such as '{pattern}/*.csv'.")
        files = [str(path)] if path.is_file() else glob.glob(str(path), recursive=True)
        files = [file for file in files if Path(file).is_file()]
        if not files:
            raise ShopError(
                f"there is no file {pattern} (looked for in {Path.cwd()}); a path with * is quoted."
            )
        found.update(files)
    return sorted(found)


def _csv(
    connection: duckdb.DuckDBPyConnection, files: Sequence[str], label: str, alias: str
) -> Source:
    options = "all_varchar = true, header = true, union_by_name = true"

    def described(paths: Sequence[str]) -> Source:
        sql = f"read_csv([{', '.join(sql_text(path) for path in paths)}], {options})"
        source = _described(connection, sql, label, is_text=True)
        connection.execute(f"select count(columns(*)) from {sql}")
        return source

    try:
        return described(files)
    except duckdb.Error as error:
        if "utf-8" not in str(error).lower() and "unicode" not in str(error).lower():
            raise ShopError(f"{label} cannot be read: {_first_lines(error)}") from None
    with tempfile.TemporaryDirectory() as folder:
        # Each file by itself: of twelve months one may be saved anew by a spreadsheet.
        copies = [_in_utf8(file, Path(folder) / f"{n:05}.csv") for n, file in enumerate(files)]
        try:
            source = described(copies)
            connection.execute(f"create or replace temp table {alias}_table as from {source.sql}")
        except duckdb.Error as error:
            sentence = _first_lines(error)
            for copy, file in zip(copies, files, strict=True):
                sentence = sentence.replace(copy, file)
            raise ShopError(f"{label} cannot be read: {sentence}") from None
    return _described(connection, f"{alias}_table", label, is_text=True)


def _in_utf8(file: str, copy: Path) -> str:
    """Write a file in UTF-8, and return where; one that is written so is only copied."""
    opened = gzip.open if file.lower().endswith(".gz") else open
    with opened(file, "rb") as raw:
        beginning = raw.read(2)
    is_utf16 = beginning in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    for encoding in ("utf-16",) if is_utf16 else ("utf-8", *OTHER_ENCODINGS):
        try:
            with (
                opened(file, "rt", encoding=encoding, newline="") as read,
                copy.open("w", encoding="utf-8", newline="") as written,
            ):
                while part := read.read(BYTES_AT_A_TIME):
                    written.write(str(part))
        except UnicodeError:
            continue
        except OSError as error:
            raise ShopError(f"{file} cannot be read: {error}") from None
        return str(copy)
    raise ShopError(f"{file} cannot be read: it is neither UTF-8, UTF-16 nor Windows-1252.")


def _first_lines(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])


def _described(
    connection: duckdb.DuckDBPyConnection, sql: str, label: str, *, is_text: bool
) -> Source:
    rows = connection.execute(f"describe select * from {sql}").fetchall()
    return Source(sql=sql, columns={row[0]: row[1] for row in rows}, label=label, is_text=is_text)


def _table(connection: duckdb.DuckDBPyConnection, named: dict[str, str], alias: str) -> Source:
    if "model" in named:
        raise ShopError(f"the dbt model {named['model']} is read by dbt only.")
    database, table = named["database"], named["table"]
    if database.startswith(POSTGRES_PREFIXES):
        return _postgres(connection, database, table, alias)
    label = f"table {table} of {database}"
    path = Path(database).expanduser()
    if not path.is_file():
        raise ShopError(f"there is no database {database} (looked for in {Path.cwd()}).")
    with path.open("rb") as file:
        is_sqlite = file.read(len(SQLITE_HEADER)) == SQLITE_HEADER
    if is_sqlite:
        return _sqlite(connection, path, table, label, alias)
    try:
        # Orders and their reviews may lie in one file, which is attached once.
        known_as = connection.execute(
            "select database_name from duckdb_databases() where path = ?", [str(path.resolve())]
        ).fetchone()
        name_of = known_as[0] if known_as else f"{alias}_source"
        if not known_as:
            connection.execute(
                f"attach if not exists {sql_text(str(path.resolve()))} as {name_of} (read_only)"
            )
    except duckdb.Error as error:
        raise ShopError(
            f"{database} is no database of DuckDB or SQLite that can be read: {_first_lines(error)}"
        ) from None
    name = ".".join(quoted(part) for part in table.split("."))
    try:
        return _described(connection, f"{quoted(name_of)}.{name}", label, is_text=False)
    except duckdb.Error:
        known = [
            f"{schema}.{one}"
            for schema, one in connection.execute(
                "select table_schema, table_name from information_schema.tables where table_catalog = ?"
                " order by all",
                [name_of],
            ).fetchall()
        ]
        raise ShopError(_no_such_table(database, table, known)) from None


def _no_such_table(database: str, table: str, known: Sequence[str]) -> str:
    return f"{database} has no table {table}; it has {', '.join(known[:10]) or 'none'}."


def _sqlite(
    connection: duckdb.DuckDBPyConnection, path: Path, table: str, label: str, alias: str
) -> Source:
    """Copy a table of SQLite, whose columns may hold values of every type, as text."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)
        ) as lite:
            known = [
                row[0]
                for row in lite.execute(
                    "select name from sqlite_master where type in ('table', 'view') order by 1"
                )
            ]
            by_name = {name.casefold(): name for name in known}
            if table.casefold() not in by_name:
                raise ShopError(_no_such_table(str(path), table, known))
            rows = lite.execute(f"select * from {quoted(by_name[table.casefold()])}")
            names = [column[0] for column in rows.description]
            return _copied(connection, rows.fetchmany, names, label, alias)
    except sqlite3.Error as error:
        raise ShopError(f"{label} cannot be read: {error}") from None


def _postgres(
    connection: duckdb.DuckDBPyConnection, database: str, table: str, alias: str
) -> Source:
    """Copy a table of PostgreSQL as text: neither large numbers nor exact amounts change on the way."""
    try:
        import psycopg
    except ImportError:
        raise ShopError(
            "a table of PostgreSQL needs psycopg: make setup-all, or pip install psycopg."
        ) from None
    name = ".".join(quoted(part) for part in table.split("."))
    try:
        with psycopg.connect(database) as server:
            server.execute("set transaction read only")
            server.execute("set local time zone 'UTC'")
            server.execute("set local datestyle to 'ISO, YMD'")
            found = server.execute("select to_regclass(%s)", [name]).fetchone()
            if found is None or found[0] is None:
                known = [row[0] for row in server.execute(TABLES_OF_POSTGRES).fetchall()]
                raise ShopError(_no_such_table("the PostgreSQL database", table, known))
            header = server.execute(f"select * from {name} limit 0".encode()).description or ()
            names = [column.name for column in header]
            columns = ", ".join(f"cast({quoted(one)} as text)" for one in names)
            with server.cursor(name="shop_table") as rows:
                rows.execute(f"select {columns} from {name}".encode())
                return _copied(connection, rows.fetchmany, names, f"table {table}", alias)
    except psycopg.Error as error:
        raise ShopError(
            f"table {table} of PostgreSQL cannot be read: {_first_lines(error)}"
        ) from None


def _copied(
    connection: duckdb.DuckDBPyConnection,
    fetch: Callable[[int], list[Any]],
    names: Sequence[str],
    label: str,
    alias: str,
) -> Source:
    """Take the rows of a cursor into a table of text."""
    # Few shops need it, and every build would load it.
    import pandas as pd

    columns = ", ".join(f"{quoted(name)} varchar" for name in names)
    try:
        connection.execute(f"create or replace temp table {alias}_table ({columns})")
        while rows := fetch(ROWS_AT_A_TIME):
            said = pd.DataFrame(
                [[None if value is None else str(value) for value in row] for row in rows],
                columns=pd.RangeIndex(len(names)),
                dtype=object,
            )
            connection.register("shop_rows", said)
            connection.execute(f"insert into {alias}_table from shop_rows")
            connection.unregister("shop_rows")
    except duckdb.Error as error:
        raise ShopError(f"{label} cannot be read: {_first_lines(error)}") from None
    return _described(connection, f"{alias}_table", label, is_text=True)
