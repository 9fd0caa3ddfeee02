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
  python -m customer_segmentation spark --shop shop.yml
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from customer_segmentation.commands.build import (
    add_dbt_options,
    add_shop_option,
    dbt_options,
    default_database,
)
from customer_segmentation.commands.spark import publication
from customer_segmentation.commands.spark.java import refuse_without_spark
from customer_segmentation.publishing import (
    Stopped,
    build_lock,
    builds_whole,
    refuse_bad_data,
    refuse_bad_settings,
    target_of,
)

ENGINE = "spark"
# Their rows are written in DuckDB's words, and what they test is the same on each engine.
LEFT_OUT = "unit_test"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.usage = f"{parser.prog} [--verbose] [--shop FILE] [options of dbt build]"
    add_shop_option(parser)
    add_dbt_options(parser, target="spark")


def run(options: argparse.Namespace) -> int:
    """Build, test and publish."""
    for_dbt = dbt_options(options)
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
        before = publication.published_builds(place)[:1]
        left_out = [LEFT_OUT, *([] if is_tested else ["test"])]
        is_whole = builds_whole(
            ENGINE,
            folder,
            [*options, *(word for kind in left_out for word in ("--exclude-resource-type", kind))],
            environment={
                **os.environ,
                "SEGMENTATION_SPARK_WAREHOUSE": str(folder),
                **_of_the_build_before(before, is_fresh="--full-refresh" in options),
            },
            relations=lambda: publication.tables_of(folder),
            tests=["test"] if is_tested else [],
            lock=lock,
            is_verbose=is_verbose,
        )
        if not is_whole:
            shutil.rmtree(folder, ignore_errors=True)
            return 1
        manifest = publication.read_manifest(target_of(ENGINE, os.environ))
        done = publication.publish(place, folder, manifest)
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


__all__ = ["add_options", "build", "default_database", "published_file", "run"]
