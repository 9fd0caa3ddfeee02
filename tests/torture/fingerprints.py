"""What a database holds, table by table, so that two can be compared whatever their bytes are."""

from __future__ import annotations

from pathlib import Path

import duckdb

# What a build writes about itself differs from run to run.
OF_THE_RUN = (
    "maintenance_work.run_history",
    "maintenance.run_costs",
    "maintenance.run_totals",
)

Fingerprint = dict[str, tuple[int, int]]


def fingerprint(database: Path, *, schemas: tuple[str, ...] = ()) -> Fingerprint:
    """Return rows and a sum of row hashes of every table, as a reader sees them.

    Parameters
    ----------
    database : Path
        Opened read-only.
    schemas : tuple of str
        Only these; default all.

    Returns
    -------
    dict of str to (int, int)
        By `schema.table`; the order of rows does not count.
    """
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute(
            "select schema_name, table_name from duckdb_tables()"
            " where database_name = current_database() and not internal order by all"
        ).fetchall()
        return {
            f"{schema}.{table}": connection.execute(
                f'select count(*), coalesce(sum(hash(t)::hugeint), 0) from "{schema}"."{table}" as t'
            ).fetchone()
            for schema, table in names
            if f"{schema}.{table}" not in OF_THE_RUN and (not schemas or schema in schemas)
        }


def difference(seen: Fingerprint, right: Fingerprint) -> str:
    """Name the tables in which two databases differ; empty when they are the same."""
    return ", ".join(
        f"{name} ({seen.get(name, ('missing',))[0]} rows, {right.get(name, ('missing',))[0]} expected)"
        for name in sorted(seen.keys() | right.keys())
        if seen.get(name) != right.get(name)
    )
