"""Compare every public table of two databases, row by row: what one engine makes, another must make, too.

ONE and OTHER are DuckDB files, or `ducklake` for the lake beside the database; what a build on
Spark leaves is a DuckDB file, too. Without them, the data that OLIST_RAW_DIR names (default: the
synthetic sample) is built by DuckDB and by another engine, each in a folder beside the database,
and compared. Nothing is rounded, and nothing is tolerated: exceptions
are named, each with its reason. --options are those of `dbt build` for both, such as other
settings; --shop names somebody's own orders, to be built in the place of Olist's.

Examples
--------
  python -m customer_segmentation parity
  python -m customer_segmentation parity --engine spark
  python -m customer_segmentation parity --options "--vars '{order_basis: delivered}'"
  python -m customer_segmentation parity warehouse/olist.duckdb ducklake
  python -m customer_segmentation parity before.duckdb after.duckdb
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb

from customer_segmentation.commands import ducklake, spark
from customer_segmentation.commands.build import add_shop_option, dbt_options, default_database
from customer_segmentation.commands.ducklake import lake
from customer_segmentation.commands.parity.comparison import Comparison, compare
from customer_segmentation.publishing import (
    CommandError,
    build_and_publish,
)

LAKE = "ducklake"
SPARK = "spark"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("one", nargs="?", help="a DuckDB file, or ducklake (default: build both)")
    parser.add_argument("other", nargs="?", help="what it is compared with (default: build both)")
    parser.add_argument(
        "--engine",
        choices=(LAKE, SPARK),
        default=LAKE,
        help=f"what DuckDB's is compared with when both are built (default: {LAKE})",
    )
    add_shop_option(parser)
    parser.add_argument(
        "--options",
        metavar="TEXT",
        default="",
        help="options of dbt build for both, in one text, quoted as in a shell (make parity OPTIONS=…)",
    )


def run(options: argparse.Namespace) -> int:
    """Compare, and say what differs; 1 when something does."""
    one, other, database = options.one, options.other, options.database
    if bool(one) != bool(other):
        raise CommandError("name two databases, or none to have both built.")
    if one and (options.options or options.shop):
        raise CommandError(
            "--options and --shop are for a build, and these two databases are there already."
        )
    if not one:
        for_dbt = dbt_options(options)
        database = database.parent / "parity" / database.name
        one, other = str(database), LAKE
        built: Callable[[Path, Sequence[str]], int] = ducklake.build
        if options.engine == SPARK:
            built = functools.partial(spark.build, is_tested=False)
            other = str(spark.published_file(database, os.environ))
        if build_and_publish(database, for_dbt) or built(database, for_dbt):
            raise CommandError("what could not be built cannot be compared; the errors are above.")
    with both_open(one, other, database=database) as connection:
        found = compare(connection, "one", "other")
    print(report(found, one, other))
    return 1 if any(table.problem for table in found) or not found else 0


def report(found: Sequence[Comparison], one: str, other: str) -> str:
    """Say what was found, for a person."""
    lines = [f"One is {one}, the other {other}."]
    for table in found:
        if table.problem:
            lines.append(f"  DIFFERENT  {table.name}: {table.problem}")
    for table in found:
        if table.exception:
            lines.append(f"  not compared  {table.name}: {table.exception}")
    equal = [table for table in found if not table.problem and not table.exception]
    different = sum(bool(table.problem) for table in found)
    rows = sum(table.rows for table in equal)
    lines.append(
        f"{len(equal)} public tables equal ({rows:,} rows), {different} different,"
        f" {len(found) - len(equal) - different} not compared."
    )
    return "\n".join(lines)


@contextlib.contextmanager
def both_open(one: str, other: str, *, database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection that has two databases attached, as ``one`` and ``other``.

    Parameters
    ----------
    one, other : str
        A DuckDB file, or `LAKE`.
    database : Path
        Beside which the lake is.

    Raises
    ------
    CommandError
    """
    with contextlib.ExitStack() as stack:
        if LAKE in (one, other):
            extensions, secrets = stack.enter_context(lake.with_published(database))
            connection = stack.enter_context(lake.open_duckdb(extensions, secrets))
        else:
            connection = stack.enter_context(duckdb.connect())
        for name, place in (("one", one), ("other", other)):
            address = f"ducklake:{lake.PUBLISHED}" if place == LAKE else place
            if place != LAKE and not Path(place).is_file():
                raise CommandError(f"there is no DuckDB file {place}.")
            try:
                connection.execute(
                    f"attach '{address.replace(chr(39), chr(39) * 2)}' as {name} (read_only)"
                )
            except duckdb.Error as error:
                raise CommandError(f"{place} cannot be read: {error}") from None
        yield connection


__all__ = ["add_options", "default_database", "run"]
