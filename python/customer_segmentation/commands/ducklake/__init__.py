"""Build every model in a DuckLake, test, and put what was built before its readers as one snapshot.

A lake is Parquet files in a folder and a catalogue in PostgreSQL: several people and programs read
and write it at once, on several machines. What a build makes is in a lake of its own, which nobody
reads; when all tests have passed, one transaction replaces the tables of the published lake. A
build that is killed leaves the published lake as it was; the next one removes what it left. What
was published before can be read for a week: `from lake.marts.customers at (version => 3)`.

SEGMENTATION_DUCKLAKE_CATALOGUE is the connection string of the PostgreSQL database. Without it, a
server of this machine's own PostgreSQL is started in a folder beside the database, reachable by
this user only, and goes on until --stop. SEGMENTATION_DUCKLAKE_DATA is the folder of the Parquet
files (default: beside the database). Options that are not listed below go to `dbt build`.

Examples
--------
  python -m customer_segmentation ducklake
  python -m customer_segmentation ducklake --vars '{n_clusters: 5}'
  python -m customer_segmentation ducklake --stop
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from customer_segmentation.commands.build import add_dbt_options, dbt_options
from customer_segmentation.commands.ducklake import lake, publication, server
from customer_segmentation.publishing import (
    Stopped,
    builds_whole,
    refuse_bad_data,
    refuse_bad_settings,
)

ENGINE = "ducklake"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.usage = f"{parser.prog} [--stop] [--verbose] [options of dbt build]"
    parser.add_argument(
        "--stop", action="store_true", help="end our own PostgreSQL server; what is published stays"
    )
    add_dbt_options(parser, target="ducklake")


def run(options: argparse.Namespace) -> int:
    """Build, test and publish; or end the server."""
    if options.stop:
        was_running = server.stopped(lake.folder_beside(options.database) / "postgres")
        print("Our PostgreSQL server has ended." if was_running else "No server of ours runs.")
        return 0
    for_dbt = dbt_options(options)
    try:
        return build(options.database, for_dbt, is_verbose=options.verbose)
    except Stopped:
        raise Stopped("Readers have what they had.") from None


def build(database: Path, options: Sequence[str] = (), *, is_verbose: bool = False) -> int:
    """Build, test and publish.

    Parameters
    ----------
    database : Path
        The published DuckDB database; the lake's own folder is beside it.
    options : sequence of str
        Those of ``dbt build``.
    is_verbose : bool
        Show every line of dbt's.

    Returns
    -------
    int
        Status for the shell: 0 when a new snapshot was published, 1 when readers have what they had.

    Raises
    ------
    CommandError
    """
    refuse_bad_settings(options, environment=os.environ)
    refuse_bad_data(options, environment=os.environ)
    place = lake.find_place(database, os.environ)
    extensions = lake.install_extensions(place.folder)
    with lake.connected(place) as catalogue, lake.lake_lock(catalogue):
        lake.forget_builds(catalogue, place)
        name = lake.new_build()
        is_first = not lake.has_schema(catalogue, lake.PUBLISHED_SCHEMA)
        with lake.secrets(place, extensions, build=name) as secrets:
            try:
                with lake.open_duckdb(extensions, secrets) as connection:
                    # Makes both of them.
                    connection.execute(f"attach 'ducklake:{lake.BUILT}' as {lake.BUILT}")
                    connection.execute(f"attach 'ducklake:{lake.PUBLISHED}' as {lake.PUBLISHED}")
                if not _builds_whole(
                    place, options, extensions, secrets, is_first=is_first, is_verbose=is_verbose
                ):
                    return 1
                # Should our connection have been lost, another build may be at work.
                catalogue.execute("select 1")
                with lake.open_duckdb(extensions, secrets) as connection:
                    connection.execute(
                        f"attach 'ducklake:{lake.BUILT}' as {lake.BUILT} (read_only)"
                    )
                    connection.execute(f"attach 'ducklake:{lake.PUBLISHED}' as {lake.PUBLISHED}")
                    publication.refuse_without_segments(connection)
                    done = publication.publish(connection, f"build {name}")
                    publication.forget_old(connection)
            finally:
                lake.forget_builds(catalogue, place)
    print(_said(done, place))
    return 0


def _builds_whole(
    place: lake.Place,
    options: Sequence[str],
    extensions: Path,
    secrets: Path,
    *,
    is_first: bool,
    is_verbose: bool,
) -> bool:
    """Run ``dbt build`` into the lake of the build; say whether readers can have it."""
    scratch = place.folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)

    def relations() -> set[str]:
        with lake.open_duckdb(extensions, secrets) as connection:
            connection.execute(f"attach 'ducklake:{lake.BUILT}' as {lake.BUILT} (read_only)")
            return set(publication.relations_of(connection, lake.BUILT))

    return builds_whole(
        ENGINE,
        scratch / "lake",
        options,
        environment={
            **os.environ,
            "SEGMENTATION_DUCKLAKE_SECRET": lake.BUILT,
            "SEGMENTATION_DUCKLAKE_SECRETS": str(secrets),
            "SEGMENTATION_DUCKLAKE_EXTENSIONS": str(extensions),
            **({} if is_first else {"SEGMENTATION_LAST_BUILD": f"ducklake:{lake.PUBLISHED}"}),
        },
        relations=relations,
        is_verbose=is_verbose,
    )


def _said(done: publication.Published, place: lake.Place) -> str:
    """Say what was published, and how to read it."""
    catalogue = place.catalogue if place.is_ours else "…"
    lines = [
        "",
        f"Published snapshot {done.snapshot}: {done.tables} tables with {done.rows:,} rows, {done.views} views;"
        f" Parquet files in {place.data}",
        *(
            [f"  In the snapshot before, and not in this one: {', '.join(done.lost)}."]
            if done.lost
            else []
        ),
        "Read it from any DuckDB with the extensions ducklake and postgres:",
        f"  attach 'ducklake:postgres:{catalogue}' as lake (metadata_schema '{lake.PUBLISHED_SCHEMA}', read_only);",
    ]
    if place.is_ours:
        lines.append(
            "Our PostgreSQL server goes on for its readers; `make ducklake STOP=1` ends it."
        )
    else:
        lines.append("where … is what SEGMENTATION_DUCKLAKE_CATALOGUE says.")
    return "\n".join(lines)


__all__ = ["add_options", "build", "run"]
