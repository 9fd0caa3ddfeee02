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
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from customer_segmentation.commands.ducklake import lake, publication, server
from customer_segmentation.publishing import (
    CommandError,
    Stopped,
    read_run,
    refuse_bad_data,
    refuse_bad_settings,
    run_dbt,
    target_folder,
)

NOT_COMPLETE = "dbt did not build and test everything, which readers of the lake rely on"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.usage = f"{parser.prog} [--stop] [--verbose] [options of dbt build]"
    parser.add_argument(
        "--stop", action="store_true", help="end our own PostgreSQL server; what is published stays"
    )
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="show every line of dbt, not only progress and what is wrong",
    )
    parser.add_argument(
        "--options",
        metavar="TEXT",
        default="",
        help="options of dbt build in one text, quoted as in a shell (make ducklake OPTIONS=…)",
    )
    # Those that argparse does not know are dbt's.
    parser.set_defaults(others=[])


def run(options: argparse.Namespace) -> int:
    """Build, test and publish; or end the server."""
    if options.stop:
        was_running = server.stopped(lake.folder_beside(options.database) / "postgres")
        print("Our PostgreSQL server has ended." if was_running else "No server of ours runs.")
        return 0
    try:
        for_dbt = [*shlex.split(options.options), *options.others]
    except ValueError as error:
        raise CommandError(
            f"the options {options.options} cannot be read: {error}. Close what is open."
        ) from None
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
                status, problem = _run_dbt(
                    place, options, extensions, secrets, is_first=is_first, is_verbose=is_verbose
                )
                if status or problem:
                    reason = problem or "the errors are above"
                    print(
                        f"\nThe build failed; {reason}. Readers have what they had.",
                        file=sys.stderr,
                    )
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


def _run_dbt(
    place: lake.Place,
    options: Sequence[str],
    extensions: Path,
    secrets: Path,
    *,
    is_first: bool,
    is_verbose: bool,
) -> tuple[int, str]:
    """Run ``dbt build`` into the lake of the build; return its status, and why it is not complete."""
    # dbt parses everything anew when its profile is another one: so this has a folder of its own.
    target = target_folder(os.environ) / "ducklake"
    scratch = place.folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    started_at = time.time()
    status = run_dbt(
        scratch / "lake",
        [*options, "--target", "ducklake"],
        environment={
            **os.environ,
            "DBT_TARGET_PATH": str(target),
            "SEGMENTATION_DUCKLAKE_SECRET": lake.BUILT,
            "SEGMENTATION_DUCKLAKE_SECRETS": str(secrets),
            "SEGMENTATION_DUCKLAKE_EXTENSIONS": str(extensions),
            **({} if is_first else {"SEGMENTATION_LAST_BUILD": f"ducklake:{lake.PUBLISHED}"}),
        },
        is_verbose=is_verbose,
    )
    if status:
        return status, ""
    with lake.open_duckdb(extensions, secrets) as connection:
        connection.execute(f"attach 'ducklake:{lake.BUILT}' as {lake.BUILT} (read_only)")
        relations = publication.relations_of(connection, lake.BUILT)
    run = read_run(target, since=started_at, relations=set(relations))
    if run.is_complete:
        return 0, ""
    missing = [*run.not_built, *run.not_tested]
    named = f" ({', '.join(missing[:3])}{' …' if len(missing) > 3 else ''})" if missing else ""
    return 0, run.problem or f"{NOT_COMPLETE}{named}; leave --select and the like out"


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
