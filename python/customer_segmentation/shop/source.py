"""Where the orders are: files, or a table of another database, as SQL that DuckDB reads."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import glob
import hashlib
import os
import re
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb

from customer_segmentation._sql import quoted, sql_text
from customer_segmentation.intake import (
    CsvFile,
    RawFileError,
    is_parquet,
    look_at_any,
    write_copy,
)
from customer_segmentation.shop.mapping import ShopError

PARQUET_ENDINGS = (".parquet", ".pq")
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
    is_file : bool
        Whether every connection can read it as it is said.
    headers : mapping of str to tuple of str
        Names of the columns of each file, in small letters; empty for a table.
    repeated : frozenset of str
        Names that a file has for several columns, in small letters.
    parts : mapping of str to str
        SQL of each file, where they are several that are read as they are.
    """

    sql: str
    columns: dict[str, str]
    label: str
    is_file: bool = False
    headers: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    repeated: frozenset[str] = frozenset()
    parts: Mapping[str, str] = dataclasses.field(default_factory=dict)


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
    kinds = {_is_parquet(file) for file in files}
    if len(kinds) > 1:
        raise ShopError(f"{', '.join(named)} holds Parquet files and others; name one kind.")
    label = files[0] if len(files) == 1 else f"{len(files)} files of {', '.join(named)}"
    return (
        _parquet(connection, files, label)
        if kinds == {True}
        else _csv(connection, files, label, alias)
    )


def _is_parquet(file: str) -> bool:
    try:
        return is_parquet(Path(file)) or Path(file).suffix.lower() in PARQUET_ENDINGS
    except OSError as error:
        raise ShopError(f"{file} cannot be read: {error.strerror}.") from None


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
    files = sorted({os.path.realpath(file): file for file in sorted(found, reverse=True)}.values())
    same = _same_twice(files)
    if same:
        raise ShopError(
            f"{' and '.join(same)} are the same file twice, and every amount in it would count twice: leave one out."
        )
    return files


def _same_twice(files: Sequence[str]) -> tuple[str, str] | None:
    """Return two files with the same content, or nothing; only files of one size are read for it."""
    seen: dict[tuple[int, str], str] = {}
    try:
        sizes = Counter(os.path.getsize(file) for file in files)
        for file in files:
            size = os.path.getsize(file)
            if size and sizes[size] > 1:
                with open(file, "rb") as content:
                    digest = hashlib.file_digest(content, "sha256").hexdigest()
                if (size, digest) in seen:
                    return seen[size, digest], file
                seen[size, digest] = file
    except OSError as error:
        raise ShopError(f"{error.filename} cannot be read: {error.strerror}.") from None
    return None


@functools.lru_cache(maxsize=4096)
def _looked_at(path: str, size: int, changed: int) -> CsvFile:
    """Look at a file as it is; a build asks several times."""
    return look_at_any(Path(path))


def _look(path: str) -> CsvFile:
    try:
        status = os.stat(path)
        return _looked_at(path, status.st_size, status.st_mtime_ns)
    except RawFileError as error:
        raise ShopError(f"{path}: {error}.") from None
    except OSError as error:
        raise ShopError(f"{path} cannot be read: {error.strerror}.") from None


def _csv(
    connection: duckdb.DuckDBPyConnection, files: Sequence[str], label: str, alias: str
) -> Source:
    """Read each file as it is: of twelve months one may be saved anew by a spreadsheet."""
    looks = [_look(file) for file in files]
    names = [_distinct(look.header) for look in looks]
    with tempfile.TemporaryDirectory() as folder:
        paths = list(files)
        for number, look in enumerate(looks):
            if look.needs_copy:
                paths[number] = str(Path(folder) / f"{number:05}.csv")
                write_copy(look, Path(paths[number]))
        sql = _union(
            [_csv_sql(*alike) for alike in _alike(looks, names, paths)],
        )
        try:
            found = _described(connection, sql, label, is_file=True)
            (rows, *_) = connection.execute(
                f"select count(*), count(columns(*)) from {sql}"
            ).fetchone() or (0,)
            if paths != files:
                connection.execute(f"create or replace temp table {alias}_table as from {sql}")
                found = _described(connection, f"{alias}_table", label)
        except duckdb.Error as error:
            raise ShopError(
                _csv_error(error, label, dict(zip(paths, files, strict=True)))
            ) from None
    if not rows:
        raise ShopError(f"{label} has no row.")
    return dataclasses.replace(
        found,
        headers={
            file: tuple(name.casefold() for name in of_file)
            for file, of_file in zip(files, names, strict=True)
        },
        parts={
            file: _csv_sql([file], columns, look, look.compression)
            for file, columns, look in zip(files, names, looks, strict=True)
            if len(files) > 1 and paths == files
        },
        repeated=frozenset(
            name
            for look in looks
            for name, times in Counter(_plain(name).casefold() for name in look.header).items()
            if name and times > 1
        ),
    )


def _plain(name: str) -> str:
    return name.replace("\ufeff", "").replace("\xa0", " ").strip()


def _distinct(header: Sequence[str]) -> tuple[str, ...]:
    """Return names without blanks around them, each once: a column without one is called after its place."""
    names: list[str] = []
    taken: set[str] = set()
    for place, written in enumerate(header):
        name = first = _plain(written) or f"column{place}"
        number = 0
        while name.casefold() in taken:
            number += 1
            name = f"{first}_{number}"
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)


def _alike(
    looks: Sequence[CsvFile], names: Sequence[tuple[str, ...]], paths: Sequence[str]
) -> Iterator[tuple[list[str], tuple[str, ...], CsvFile, str]]:
    """Yield the files that are read in one way: paths, names of columns, one of the looks, compression."""
    groups: dict[tuple[Any, ...], tuple[list[str], tuple[str, ...], CsvFile, str]] = {}
    for look, columns, path in zip(looks, names, paths, strict=True):
        is_copy = path != str(look.path)
        compression = "none" if is_copy else look.compression
        stand_in = look.line_ends.stand_in if is_copy else ""
        way = (
            columns,
            look.delimiter,
            look.quote,
            look.escape,
            look.skipped_lines,
            compression,
            stand_in,
        )
        groups.setdefault(way, ([], columns, look, compression))[0].append(path)
    yield from groups.values()


def _csv_sql(paths: list[str], names: tuple[str, ...], look: CsvFile, compression: str) -> str:
    columns = ", ".join(f"{sql_text(name)}: 'varchar'" for name in names)
    skip = f", skip = {look.skipped_lines}" if look.skipped_lines else ""
    sql = (
        f"read_csv([{_listed(paths)}], header = true, auto_detect = false, compression = '{compression}',"
        f" delim = {sql_text(look.delimiter)}, quote = {sql_text(look.quote)}, escape = {sql_text(look.escape)}{skip},"
        f" columns = {{{columns}}})"
    )
    if look.line_ends.stand_in:
        stand_in = f"chr({ord(look.line_ends.stand_in)})"
        turned_back = ", ".join(
            f"replace({quoted(name)}, {stand_in}, chr(13)) as {quoted(name)}" for name in names
        )
        return f"(select {turned_back} from {sql})"
    return sql


def _union(parts: Sequence[str]) -> str:
    """Put tables one below the other, by the names of their columns."""
    if len(parts) == 1:
        return parts[0]
    return f"({' union all by name '.join(f'select * from {part}' for part in parts)})"


def _listed(paths: Sequence[str]) -> str:
    """Return paths as literals of SQL in which ``*``, ``?`` and ``[`` stand for themselves."""
    return ", ".join(sql_text(glob.escape(path)) for path in paths)


def _csv_error(error: duckdb.Error, label: str, files: Mapping[str, str]) -> str:
    """Say which row of which file cannot be read."""
    said = str(error)
    for path, file in files.items():
        said = said.replace(glob.escape(path), file).replace(path, file)
    place = re.search(r"^\s*file ?= ?(.+)$", said, re.MULTILINE)
    where = place[1].strip() if place else label
    row = re.search(
        r"Line: (\d+).*?Expected Number of Columns: (\d+) Found: (\d+)", said, re.DOTALL
    )
    if row:
        line, columns, values = map(int, row.groups())
        return (
            f"{where}: line {line:,} has {values} values, and the header {columns} columns. Give every row as many; a"
            " value with a delimiter in it must be in quotes."
        )
    return f"{where} cannot be read: {_first_lines(said)}"


def _parquet(connection: duckdb.DuckDBPyConnection, files: Sequence[str], label: str) -> Source:
    headers = {}
    file = label
    try:
        for file in files:
            rows = connection.execute(f"describe from read_parquet({_listed([file])})").fetchall()
            headers[file] = tuple(row[0].casefold() for row in rows)
        file = label
        found = _described(
            connection,
            f"read_parquet([{_listed(files)}], union_by_name = true)",
            label,
            is_file=True,
        )
        (rows,) = connection.execute(f"select count(*) from {found.sql}").fetchone() or (0,)
    except duckdb.Error as error:
        raise ShopError(f"{file} cannot be read: {str(error).splitlines()[0]}") from None
    if not rows:
        raise ShopError(f"{label} has no row.")
    parts = {file: f"read_parquet({_listed([file])})" for file in files if len(files) > 1}
    return dataclasses.replace(found, headers=headers, parts=parts)


def rows_in_two_files(
    connection: duckdb.DuckDBPyConnection, source: Source
) -> tuple[int, str, str] | None:
    """Count the rows that two files have: exports of times that overlap hold the same orders.

    Returns
    -------
    tuple of int, str and str, or None
        How many different rows, and two files that have one of them.
    """
    if not source.parts:
        return None
    files = list(source.parts)
    rows = " union all ".join(
        f"select distinct {number} as file, hash(part) as content from {source.parts[file]} as part"
        for number, file in enumerate(files)
    )
    count, first, other = connection.execute(
        f"""
        select count(*), min(first), arg_min(other, first) from (
            select min(file) as first, max(file) as other from ({rows}) group by content having count(*) > 1
        )
        """
    ).fetchone() or (0, 0, 0)
    return (count, files[first], files[other]) if count else None


def _first_lines(error: Exception | str) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:3])


def _described(
    connection: duckdb.DuckDBPyConnection, sql: str, label: str, *, is_file: bool = False
) -> Source:
    rows = connection.execute(f"describe select * from {sql}").fetchall()
    return Source(sql=sql, columns={row[0]: row[1] for row in rows}, label=label, is_file=is_file)


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
        return _described(connection, f"{quoted(name_of)}.{name}", label)
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
    return _described(connection, f"{alias}_table", label)
