"""Ask the semantic layer for metrics, without keeping anybody out of the published database.

MetricFlow answers (`make metrics` installs it). While a program writes into the database, the answer
is from a copy of what it has last saved.

Examples
--------
  python -m customer_segmentation metrics --metrics revenue,orders --by metric_time__month
"""

from __future__ import annotations

import argparse
import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from customer_segmentation.publishing import (
    CommandError,
    InUseError,
    forget_stale_parse,
    open_to_read,
    project_folder,
    target_folder,
    vars_of,
)

EXAMPLE = "make metrics METRICS=revenue,orders BY=metric_time__month"
GRAINS = ("day", "week", "month", "quarter", "year")
# Enough for a share; MetricFlow would write millions with an exponent.
DECIMALS = 4
COPY_ATTEMPTS = 5
# Longer than any query takes.
OLD_COPY_SECONDS = 24 * 3600


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--metrics",
        metavar="NAMES",
        default="",
        help="with commas between them (default: none; it then lists those that there are)",
    )
    parser.add_argument(
        "--by",
        metavar="NAMES",
        default="",
        help="what to group by, with commas between the names (default: nothing)",
    )


def run(options: argparse.Namespace) -> int:
    """Print the table that MetricFlow answers with."""
    metrics, by = names_in(options.metrics), names_in(options.by)
    print(answer(options.database, metrics, by=by), end="")
    return 0


def names_in(text: str) -> list[str]:
    """Return the names in a list with commas or blanks."""
    return re.findall(r"[^,\s]+", text)


def answer(database: Path, metrics: Sequence[str], *, by: Sequence[str] = ()) -> str:
    """Return the table of the metrics.

    Parameters
    ----------
    database : Path
        Published database; it is read, and neither locked nor changed.
    metrics : sequence of str
    by : sequence of str, optional
        Dimensions and entities.

    Returns
    -------
    str

    Raises
    ------
    CommandError
        For a name that is not known; it lists those that are. Also when the database cannot be read.
    """
    if not Path(sys.executable).with_name("mf").exists():
        raise CommandError("MetricFlow is not installed; run `make metrics`, which installs it.")
    # Said at once, not after a parse.
    whose: dict[str, Any] = {}
    with contextlib.suppress(InUseError), open_to_read(database) as connection:
        whose = vars_of(connection)
    # MetricFlow looks for what dbt has parsed in the project's own target folder only.
    inherited = {name: text for name, text in os.environ.items() if name != "DBT_TARGET_PATH"}
    manifest = semantic_manifest({**inherited, "SEGMENTATION_DATABASE": str(database)}, vars_=whose)
    check_metrics(metrics, known=[metric["name"] for metric in manifest["metrics"]])
    with readable(database) as (path, connection):
        check_tables(connection, database, manifest)
        environment = {
            **inherited,
            "SEGMENTATION_DATABASE": str(path),
            "SEGMENTATION_ACCESS_MODE": "read_only",
        }
        query = ["query", "--quiet", "--decimals", str(DECIMALS), "--metrics", ",".join(metrics)]
        groups = ["--group-by", ",".join(by), "--order", ",".join(by)] if by else []
        done = call_mf([*query, *groups], environment)
        if done.returncode != 0 and by:
            check_groups(by, metrics, known=known_groups(metrics, environment))
        if done.returncode != 0:
            raise CommandError(f"MetricFlow has no answer:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def semantic_manifest(
    environment: Mapping[str, str], *, vars_: Mapping[str, Any]
) -> dict[str, Any]:
    """Let dbt parse the project, with the vars that say whose data it reads, and return what it says about metrics."""
    target = target_folder(environment)
    given = ["--vars", json.dumps(vars_)] if vars_ else []
    forget_stale_parse(project_folder(environment), target)
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run(
        [str(dbt), "--quiet", "parse", *given], env=dict(environment), check=False
    )
    if done.returncode != 0:
        raise CommandError("dbt cannot read the project; its errors are above.")
    return json.loads((target / "semantic_manifest.json").read_text(encoding="utf-8"))


def check_metrics(asked: Sequence[str], *, known: Sequence[str]) -> None:
    """Refuse metrics that do not exist, and list those that do."""
    listed = f"Known metrics: {', '.join(known)}."
    if not asked:
        raise CommandError(f"say which metric, such as {EXAMPLE}. {listed}")
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise CommandError(f"there is no metric {', '.join(map(repr, unknown))}. {listed}")


def check_groups(asked: Sequence[str], metrics: Sequence[str], *, known: Sequence[str]) -> None:
    """Refuse groups that do not exist for the metrics, and list those that do."""
    with_grains = {*known, *(f"{name}__{grain}" for name in known for grain in GRAINS)}
    unknown = [name for name in asked if name not in with_grains]
    if unknown:
        raise CommandError(
            f"{', '.join(metrics)} cannot be grouped by {', '.join(map(repr, unknown))}. "
            f"Known groups: {', '.join(known)}; a time also by its grain, such as metric_time__month."
        )


def known_groups(metrics: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """Return what MetricFlow can group the metrics by, all of them at once."""
    return [
        name
        for kind in ("dimensions", "entities")
        for name in re.findall(
            r"(?m)^• (\S+)",
            call_mf(["list", kind, "--metrics", ",".join(metrics)], environment).stdout,
        )
    ]


def call_mf(
    arguments: Sequence[str], environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run MetricFlow and return what it says."""
    mf = Path(sys.executable).with_name("mf")
    return subprocess.run(
        [str(mf), *arguments], env=dict(environment), capture_output=True, text=True, check=False
    )


def check_tables(
    connection: duckdb.DuckDBPyConnection, database: Path, manifest: Mapping[str, Any]
) -> None:
    """Refuse a database without the tables that metrics are made of."""
    nodes = [model["node_relation"] for model in manifest["semantic_models"]]
    nodes += [spine["node_relation"] for spine in manifest["project_configuration"]["time_spines"]]
    existing = set(
        connection.execute(
            "select table_schema, table_name from information_schema.tables"
        ).fetchall()
    )
    wanted = {(node["schema_name"], node["alias"]) for node in nodes}
    missing = sorted(".".join(name) for name in wanted - existing)
    if missing:
        raise CommandError(
            f"{database} has no {', '.join(missing)}; run `make build` without a selection."
        )


@contextlib.contextmanager
def readable(database: Path) -> Iterator[tuple[Path, duckdb.DuckDBPyConnection]]:
    """Give a database that can be opened to read it: itself, or a copy while somebody writes into it.

    Parameters
    ----------
    database : Path

    Yields
    ------
    tuple of Path and duckdb.DuckDBPyConnection
        The file, and a connection that keeps writers out of it for as long.
    """
    with contextlib.ExitStack() as stack:
        path = database
        try:
            connection = open_to_read(path)
        except InUseError as error:
            print(
                f"{str(error).partition(';')[0]}; the answer is from a copy of what it has last saved.",
                file=sys.stderr,
            )
            path = stack.enter_context(private_copy(database))
            connection = open_to_read(path)
        yield path, stack.enter_context(connection)


@contextlib.contextmanager
def private_copy(database: Path) -> Iterator[Path]:
    """Give a copy of a database for a while, under its name, in a folder for its owner only.

    What a writer has in its log is not in it.
    """
    place = os.environ.get("SEGMENTATION_TEMP_DIRECTORY") or str(database.parent)
    prefix = f".{database.stem}.metrics-"
    # What killed runs left.
    for old in Path(place).glob(f"{glob.escape(prefix)}*"):
        if time.time() - old.stat().st_mtime > OLD_COPY_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
    try:
        with tempfile.TemporaryDirectory(prefix=prefix, dir=place) as folder:
            copy = Path(folder) / database.name
            for _ in range(COPY_ATTEMPTS):
                before = state_of(database)
                shutil.copyfile(database, copy)
                if state_of(database) == before:
                    break
            else:
                raise CommandError(
                    f"{database} changes while it is read; ask again when the other program is done."
                )
            yield copy
    except OSError as error:
        raise CommandError(
            f"{database} is open for writing, and {place} cannot hold a copy ({error.strerror});"
            " name another folder with SEGMENTATION_TEMP_DIRECTORY, or close the other program."
        ) from None


def state_of(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file is written or replaced."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
