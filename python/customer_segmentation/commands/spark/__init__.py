"""Build and test on Apache Spark, and put the tables before readers as Parquet files.

The same models, on this machine or on a cluster: SEGMENTATION_SPARK_MASTER is the address of the
master (spark://host:7077, yarn, local-cluster[2,1,1024]; default: this machine's processors). A
build writes into a folder of its own; when all tests have passed, one rename puts a DuckDB file in
place whose views read that folder's Parquet files. DuckDB, the boards and Superset read it like any
other: SEGMENTATION_DATABASE=warehouse/spark/olist.duckdb. A build that fails or is killed changes
nothing for readers; the next one removes what it left.

SEGMENTATION_SPARK_WAREHOUSE is the folder of the folders of builds (default: beside the published
file); on a cluster, every executor must reach it under that name, and OLIST_RAW_DIR too. Options
that are not listed below go to `dbt build`.

Examples
--------
  python -m customer_segmentation spark
  SEGMENTATION_SPARK_MASTER='local-cluster[2,1,1024]' python -m customer_segmentation spark
  python -m customer_segmentation spark --vars '{n_clusters: 5}'
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from customer_segmentation.commands.spark import publication
from customer_segmentation.commands.spark.java import refuse_without_spark
from customer_segmentation.publishing import (
    CommandError,
    Stopped,
    build_lock,
    read_run,
    refuse_bad_data,
    refuse_bad_settings,
    run_dbt,
    target_folder,
)

# Their rows are written in DuckDB's words, and what they test is the same on each engine.
LEFT_OUT = "unit_test"
NOT_COMPLETE = "dbt did not build and test everything, which readers rely on"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.usage = f"{parser.prog} [--verbose] [options of dbt build]"
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="show every line of dbt, not only progress and what is wrong",
    )
    parser.add_argument(
        "--options",
        metavar="TEXT",
        default="",
        help="options of dbt build in one text, quoted as in a shell (make spark OPTIONS=…)",
    )
    # Those that argparse does not know are dbt's.
    parser.set_defaults(others=[])


def run(options: argparse.Namespace) -> int:
    """Build, test and publish."""
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


def build(
    database: Path,
    options: Sequence[str] = (),
    *,
    is_tested: bool = True,
    is_verbose: bool = False,
) -> int:
    """Build, test and publish.

    Parameters
    ----------
    database : Path
        DuckDB's own database; the folder of Spark is beside it.
    options : sequence of str
        Those of ``dbt build``.
    is_tested : bool
        Run dbt's tests; what is compared with tested tables row by row needs none of its own.
    is_verbose : bool
        Show every line of dbt's.

    Returns
    -------
    int
        Status for the shell: 0 when new tables were published, 1 when readers have what they had.

    Raises
    ------
    CommandError
    """
    refuse_without_spark(os.environ)
    refuse_bad_settings(options, environment=os.environ)
    refuse_bad_data(options, environment=os.environ)
    place = publication.find_place(database, os.environ)
    with build_lock(place.published) as lock:
        publication.forget_builds(place)
        folder = publication.new_build(place)
        # dbt parses everything anew when its profile is another one: so this has a folder of its own.
        target = target_folder(os.environ) / "spark"
        before = publication.published_builds(place)[:1]
        left_out = [LEFT_OUT, *([] if is_tested else ["test"])]
        started_at = time.time()
        status = run_dbt(
            folder,
            [
                *options,
                *(word for kind in left_out for word in ("--exclude-resource-type", kind)),
                *("--target", "spark"),
            ],
            environment={
                **os.environ,
                "DBT_TARGET_PATH": str(target),
                "SEGMENTATION_SPARK_WAREHOUSE": str(folder),
                **_of_the_build_before(before, is_fresh="--full-refresh" in options),
            },
            lock=lock,
            is_verbose=is_verbose,
        )
        tables = publication.tables_of(folder)
        finished = read_run(
            target,
            since=started_at,
            relations=set(tables),
            tests=["test"] if is_tested else [],
        )
        if status or not finished.is_complete:
            shutil.rmtree(folder, ignore_errors=True)
            missing = [*finished.not_built, *finished.not_tested]
            named = (
                f" ({', '.join(missing[:3])}{' …' if len(missing) > 3 else ''})" if missing else ""
            )
            partial = f"{NOT_COMPLETE}{named}; leave --select and the like out"
            reason = "the errors are above" if status else finished.problem or partial
            print(f"\nThe build failed; {reason}. Readers have what they had.", file=sys.stderr)
            return 1
        done = publication.publish(place, folder, publication.read_manifest(target))
    print(_said(done, place))
    return 0


def published_file(database: Path, environment: Mapping[str, str]) -> Path:
    """Return the DuckDB file that readers open, beside DuckDB's own database."""
    return publication.find_place(database, environment).published


def _of_the_build_before(before: Sequence[Path], *, is_fresh: bool) -> dict[str, str]:
    """Name the folder that a build compares its files with, and re-uses results of."""
    names = ["SEGMENTATION_LAST_BUILD", *([] if is_fresh else ["SEGMENTATION_REUSED_BUILD"])]
    return {name: str(before[0]) for name in names} if before else {}


def _said(done: publication.Published, place: publication.Place) -> str:
    """Say what was published, and how to read it."""
    lost = (
        [f"  In the build before, and not in this one: {', '.join(done.lost)}."]
        if done.lost
        else []
    )
    return "\n".join(
        [
            "",
            f"Published {place.published}: {done.tables} tables with {done.rows:,} rows,"
            f" {done.bytes / 1e6:,.0f} MB of Parquet files in {place.builds}",
            *lost,
            "Read it like any other DuckDB database, which reads those files:",
            f"  SEGMENTATION_DATABASE={place.published} make boards",
        ]
    )


__all__ = ["add_options", "build", "published_file", "run"]
