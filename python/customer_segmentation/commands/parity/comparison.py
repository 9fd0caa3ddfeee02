"""Two databases, table by table: their columns, and the rows that only one of them has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from customer_segmentation._sql import quoted

# What a reader may use.
LAYERS = ("marts", "segmentation", "maintenance", "bi")
# Of more columns than these, the first are named.
SHOWN_COLUMNS = 5

# What two builds of the same data may say differently; each with its reason.
EXCEPTIONS = {
    "maintenance.run_costs": "what each build took, in seconds and bytes",
    "maintenance.run_totals": "what each build took, in seconds and bytes",
}


@dataclass(frozen=True)
class Comparison:
    """What two databases have of one table.

    Attributes
    ----------
    name : str
        ``schema.table``.
    rows : int
        Of the first database; 0 where it lacks the table.
    problem : str
        What differs, as a sentence; empty when nothing does.
    exception : str
        Why the table was not compared; empty when it was.
    """

    name: str
    rows: int = 0
    problem: str = ""
    exception: str = ""


def relations_of(
    connection: duckdb.DuckDBPyConnection, database: str, *, layers: Sequence[str] = LAYERS
) -> list[str]:
    """Return ``schema.table`` of the tables and views of some schemas, sorted.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    database : str
        Name that it is attached under.
    layers : sequence of str
        Its schemas.
    """
    rows = connection.execute(
        "select schema_name || '.' || table_name as name from duckdb_tables() where not internal"
        " and database_name = $database and schema_name in (select unnest($layers))"
        " union all select schema_name || '.' || view_name from duckdb_views() where not internal"
        " and database_name = $database and schema_name in (select unnest($layers)) order by name",
        {"database": database, "layers": list(layers)},
    ).fetchall()
    return [name for (name,) in rows]


def compare(
    connection: duckdb.DuckDBPyConnection,
    one: str,
    other: str,
    *,
    layers: Sequence[str] = LAYERS,
    exceptions: Mapping[str, str] = EXCEPTIONS,
) -> list[Comparison]:
    """Compare every public table of two attached databases, row by row, without tolerance.

    Two tables are equal when they have the same columns of the same types in the same order, and
    the same rows as often as each other; the order of rows is nobody's promise. Null equals null,
    and NaN equals NaN.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Both are attached to it.
    one, other : str
        Names that they are attached under.
    layers : sequence of str
        The schemas that are compared.
    exceptions : mapping of str to str
        Reason by ``schema.table``; these must exist in both, and their rows may differ.

    Returns
    -------
    list of Comparison
        By name.
    """
    first = set(relations_of(connection, one, layers=layers))
    second = set(relations_of(connection, other, layers=layers))
    found = []
    for name in sorted(first | second):
        if name not in second:
            found.append(Comparison(name, problem=f"is only in {one}"))
        elif name not in first:
            found.append(Comparison(name, problem=f"is only in {other}"))
        elif name in exceptions:
            found.append(Comparison(name, exception=exceptions[name]))
        else:
            found.append(_compared(connection, name, one, other))
    return found


def _compared(connection: duckdb.DuckDBPyConnection, name: str, one: str, other: str) -> Comparison:
    """Compare one table that both databases have."""
    first = _columns(connection, f"{one}.{name}")
    second = _columns(connection, f"{other}.{name}")
    rows = _count(connection, f"select * from {one}.{name}")
    if list(first.items()) != list(second.items()):
        return Comparison(name, rows, problem=_columns_sentence(first, second, one, other))
    names = ", ".join(quoted(column) for column in first)
    more, fewer = _differences(connection, names, name, one, other)
    if not more and not fewer:
        return Comparison(name, rows)
    differing = [
        column
        for column in first
        if any(_differences(connection, quoted(column), name, one, other))
    ]
    where = f"; of themselves differ {_listed(differing)}" if differing else ""
    return Comparison(
        name,
        rows,
        problem=f"{more:,} rows are only in {one}, {fewer:,} only in {other} (of {rows:,}{where})",
    )


def _differences(
    connection: duckdb.DuckDBPyConnection, columns: str, name: str, one: str, other: str
) -> tuple[int, int]:
    """Count the rows that only the first, and only the second, database has."""
    first, second = (f"select {columns} from {database}.{name}" for database in (one, other))
    return (
        _count(connection, f"{first} except all {second}"),
        _count(connection, f"{second} except all {first}"),
    )


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Return the type of each column of a relation, in order."""
    described = connection.execute(f"describe select * from {relation}").fetchall()
    return {name: kind for name, kind, *_ in described}


def _count(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    """Return how many rows a query has."""
    row = connection.execute(f"select count(*) from ({query})").fetchone()
    return 0 if row is None else int(row[0])


def _columns_sentence(
    first: Mapping[str, str], second: Mapping[str, str], one: str, other: str
) -> str:
    """Say how the columns of a table differ."""
    parts = []
    for columns, others, name in ((first, second, one), (second, first, other)):
        missing = [column for column in columns if column not in others]
        if missing:
            parts.append(f"columns only in {name}: {_listed(missing)}")
    retyped = [
        f"{column} is {kind} in {one} and {second[column]} in {other}"
        for column, kind in first.items()
        if column in second and second[column] != kind
    ]
    return "; ".join(parts + retyped) or "has its columns in another order"


def _listed(names: Sequence[str]) -> str:
    """Name the first of some columns."""
    more = f" and {len(names) - SHOWN_COLUMNS} more" if len(names) > SHOWN_COLUMNS else ""
    return ", ".join(names[:SHOWN_COLUMNS]) + more
