"""Build the project beside the published database, and put it in its place only when all tests passed.

Run as ``python -m olist_segmentation.publish [dbt build options]``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb

from olist_segmentation.costs import complete_last_run, peak_memory_of_children
from olist_segmentation.rollback import RollbackError, keep_previous, previous_folder

DEFAULT_DATABASE = "warehouse/olist.duckdb"
DEFAULT_RAW_DIR = "data/sample"
# What a build carries over from the last one; each re-uses by fingerprint, never by trust.
REUSED_TABLES = (
    ("segmentation", "kmeans_fits"),
    ("segmentation", "study_candidates"),
    ("segmentation", "study_clusters"),
    ("segmentation", "study_projection"),
    ("segmentation", "study_axes"),
    ("segmentation", "feature_changes"),
    ("segmentation", "model_agreement"),
    ("maintenance", "stability_measures"),
)
# What a build keeps of the last one, whatever it re-uses.
KEPT_TABLES = (("maintenance", "run_history"), ("staging", "published_raw_loads"))


# With less than this free, a failure is probably one of the disk.
SMALL_DISK_BYTES = 50_000_000


class PublishError(Exception):
    """The build cannot go on; the message says why and how to mend it."""


def main(arguments: list[str] | None = None) -> int:
    """Build, test, publish and summarise.

    Parameters
    ----------
    arguments : list of str, optional
        Passed to ``dbt build``; ``--full-refresh`` also forgets what could be re-used.

    Returns
    -------
    int
        0 when a new database was published; otherwise the published one is as it was.
    """
    options = sys.argv[1:] if arguments is None else arguments
    published = Path(os.environ.get("OLIST_DATABASE") or DEFAULT_DATABASE)
    try:
        with build_lock(published):
            side = prepare_side_file(published, reuse="--full-refresh" not in options)
            started_at = time.time()
            status = run_dbt(side, options, environment=os.environ)
            if status != 0:
                was_full = has_met_full_disk(target_folder(os.environ), since=started_at)
                print(failure_message(published, side, was_full=was_full), file=sys.stderr)
                return 1
            put_in_place(side, published)
    except (PublishError, RollbackError) as error:
        print(f"make build: {error}", file=sys.stderr)
        return 1
    print(summary(published))
    return 0


@contextlib.contextmanager
def build_lock(published: Path) -> Iterator[None]:
    """Keep a second build of the same database out; the lock dies with its process."""
    published.parent.mkdir(parents=True, exist_ok=True)
    with (published.parent / f".{published.stem}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PublishError(
                f"another build of {published} is running; wait for it, or give this one another "
                "OLIST_DATABASE."
            ) from None
        yield


def side_file(published: Path) -> Path:
    """Return where a database is built before it is published.

    Same file name, because DuckDB calls the database after it; same file system, so that the
    swap is a rename.
    """
    return published.parent / f".{published.stem}.building" / published.name


def prepare_side_file(published: Path, *, reuse: bool) -> Path:
    """Start a new side file, with what the build may re-use of the published one."""
    side = side_file(published)
    # What a failed or killed build left.
    shutil.rmtree(side.parent, ignore_errors=True)
    side.parent.mkdir(parents=True)
    if published.exists():
        try:
            carry_over(published, side, KEPT_TABLES + (REUSED_TABLES if reuse else ()))
        except duckdb.Error as error:
            side.unlink(missing_ok=True)
            print(f"Nothing is re-used: {published} cannot be read ({error}).", file=sys.stderr)
    return side


def carry_over(
    published: Path, side: Path, tables: tuple[tuple[str, str], ...] = REUSED_TABLES
) -> None:
    """Copy those of the tables that the published database has."""
    with duckdb.connect(str(side)) as connection:
        quoted = str(published).replace("'", "''")
        connection.execute(f"attach '{quoted}' as last_build (read_only)")
        for schema, table in tables:
            found = connection.execute(
                "select 1 from duckdb_tables()"
                " where database_name = 'last_build' and schema_name = ? and table_name = ?",
                [schema, table],
            ).fetchone()
            if found:
                connection.execute(f"create schema if not exists {schema}")
                connection.execute(
                    f"create table {schema}.{table} as from last_build.{schema}.{table}"
                )


def run_dbt(side: Path, options: list[str], *, environment: Mapping[str, str]) -> int:
    """Run ``dbt build`` into the side file and return its exit status."""
    colours = {} if sys.stdout.isatty() else {"DBT_USE_COLORS": "false"}
    dbt = Path(sys.executable).with_name("dbt")
    if not dbt.exists():
        raise PublishError(f"{dbt} is missing; run `make setup`.")
    project = Path(environment.get("DBT_PROJECT_DIR") or ".")
    forget_stale_parse(project, target_folder(environment))
    return subprocess.run(
        [str(dbt), "build", *options],
        env={**environment, **colours, "OLIST_DATABASE": str(side)},
        check=False,
    ).returncode


def target_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder that dbt writes to."""
    project = Path(environment.get("DBT_PROJECT_DIR") or ".")
    return Path(environment.get("DBT_TARGET_PATH") or project / "target")


def has_met_full_disk(target: Path, *, since: float) -> bool:
    """Say whether a node of the last build found no space; its spilled files are gone by then.

    Parameters
    ----------
    target : Path
        Folder that dbt writes to.
    since : float
        Time of the start of the build, in seconds since 1970; older results are of another one.

    Returns
    -------
    bool
    """
    results = target / "run_results.json"
    return (
        results.exists()
        and results.stat().st_mtime >= since
        and "No space left on device" in results.read_text(encoding="utf-8")
    )


def forget_stale_parse(project: Path, target: Path) -> None:
    """Remove what dbt remembers of an earlier parse when a file of the project is newer.

    Parsing only what has changed fails with "two metrics with the name …" (dbt-core 1.12).

    Parameters
    ----------
    project : Path
        Folder with dbt_project.yml.
    target : Path
        Folder that dbt writes to.
    """
    remembered = target / "partial_parse.msgpack"
    if not remembered.exists():
        return
    parsed_at = remembered.stat().st_mtime
    files = [project / name for name in ("dbt_project.yml", "profiles.yml", "selectors.yml")]
    for folder in ("models", "macros", "seeds", "analyses", "tests/generic", "tests/singular"):
        # The folders too: theirs is the time when a file went.
        files += [project / folder, *(project / folder).rglob("*")]
    if any(file.exists() and file.stat().st_mtime > parsed_at for file in files):
        remembered.unlink()


def put_in_place(side: Path, published: Path) -> None:
    """Make the side file the published one, and keep the last one beside it.

    Raises
    ------
    PublishError
        When something is in the way, such as a full disk; what was published is as it was.
    """
    try:
        complete_last_run(side, peak_memory_bytes=peak_memory_of_children())
        seal(side)
        keep_previous(published)
        os.replace(side, published)
    except (OSError, duckdb.Error) as error:
        raise PublishError(
            f"{side} was built and could not be published: {error}{failure_message(published, side)}"
        ) from error
    shutil.rmtree(side.parent, ignore_errors=True)


def seal(side: Path) -> None:
    """Fold the write-ahead log into the file and flush it to the disk."""
    with duckdb.connect(str(side)) as connection:
        connection.execute("force checkpoint")
    if Path(f"{side}.wal").exists():
        raise PublishError(f"{side} still has a write-ahead log; run `make build` again.")
    with side.open("rb") as file:
        os.fsync(file.fileno())


def failure_message(published: Path, side: Path, *, was_full: bool = False) -> str:
    """Say what a failed build leaves."""
    state = (
        f"The published database is unchanged: {published}."
        if published.exists()
        else "No database has been published yet."
    )
    return (
        f"\nThe build failed; the errors are above. {state}\n"
        f"What was built until then is in {side}; rows that were refused are in its table "
        f"staging.rejected_rows.{disk_note(published, was_full=was_full)}"
    )


def disk_note(published: Path, *, was_full: bool = False) -> str:
    """Say which disk is full, or was during the build, and what to do; otherwise nothing."""
    spill = Path(os.environ.get("OLIST_TEMP_DIRECTORY") or published.parent)
    full = [
        folder
        for folder in dict.fromkeys((published.parent, spill))
        if folder.exists() and shutil.disk_usage(folder).free < SMALL_DISK_BYTES
    ]
    if not full and not was_full:
        return ""
    state = (
        f"Less than {SMALL_DISK_BYTES / 1e6:,.0f} MB are free on the disk of {' and of '.join(map(str, full))}."
        if full
        else f"The disk of {published.parent} or of {spill} was full for a while: what DuckDB spills goes "
        "when its query ends."
    )
    return (
        f"\n{state} "
        "A build needs as much as the database that it makes, and more to spill sorts and joins.\n"
        "Free some, or name other disks with OLIST_DATABASE and OLIST_TEMP_DIRECTORY, and run `make build` "
        f"again. {side_file(published).parent} and the old databases in {previous_folder(published)} may be "
        "deleted."
    )


def summary(published: Path) -> str:
    """Describe what was published, for a person.

    Parameters
    ----------
    published : Path

    Returns
    -------
    str
    """
    with duckdb.connect(str(published), read_only=True) as connection:
        is_synthetic = connection.execute(
            "select bool_or(is_synthetic) from staging.raw_loads"
        ).fetchone()[0]
        raw_rows, rejected_rows = connection.execute(
            "select sum(raw_rows), sum(rejected_rows) from staging.raw_loads"
        ).fetchone()
        customers, orders, spent = connection.execute(
            "select count(*), sum(order_count), sum(total_spent) from marts.customers"
        ).fetchone()
        as_of_date, note = connection.execute(
            "select as_of_date, note from segmentation.period_models order by as_of_date desc limit 1"
        ).fetchone()
        segmented = connection.execute(
            "select count(*), count(*) filter (where is_fallback), count(*) filter (where model_id is null)"
            " from segmentation.period_models"
        ).fetchone()
        segments = connection.execute(
            "select segment_name, customers, customer_share, revenue_share"
            " from segmentation.segment_profiles where as_of_date = ? order by cluster",
            [as_of_date],
        ).fetchall()
    raw_dir = os.environ.get("OLIST_RAW_DIR") or DEFAULT_RAW_DIR
    kind = "SYNTHETIC data, not Olist's" if is_synthetic else "data"
    lines = [
        "",
        f"Published {published} ({published.stat().st_size / 1e6:,.0f} MB)",
        f"  from {kind}: {raw_dir}, {raw_rows:,} rows, {rejected_rows:,} refused",
        f"  {customers:,} customers, {orders:,} orders, {spent:,.2f} BRL",
        f"  {segmented[0] - segmented[2]} of {segmented[0]} as-of dates segmented,"
        f" {segmented[1]} of them with an earlier model",
        f"  Segments as of {as_of_date}. {note}",
    ]
    lines += [
        f"    {name:<24}{count:>10,} customers {share:>7.1%}   {revenue:>6.1%} of revenue"
        for name, count, share, revenue in segments
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
