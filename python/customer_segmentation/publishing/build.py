"""Build the project beside the published database, and put it in its place only when all tests passed.

Run as ``python -m customer_segmentation.publishing.build [--partial] [options of dbt build]``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import duckdb

from customer_segmentation.publishing.completeness import Run, read_run
from customer_segmentation.publishing.costs import complete_last_run, peak_memory_of_children
from customer_segmentation.publishing.database_file import (
    DatabaseFileError,
    build_lock,
    database_path,
    held_against_writers,
    keep_mode,
    logs_beside,
    previous_folder,
    refuse_unusable,
    set_log_aside,
    side_folder,
    sync_folder,
    tables_of,
)
from customer_segmentation.publishing.rollback import (
    RollbackError,
    forget_old,
    keep_previous,
    kept_databases,
)

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
KEPT_TABLES = (("maintenance", "run_history"),)

# With less than this free, a failure is probably one of the disk.
SMALL_DISK_BYTES = 50_000_000
# A commit that checkpoints holds up the other thread; nobody reads the side file before it is sealed.
BUILD_CHECKPOINT_THRESHOLD = "1TB"
# How long a finished build waits for a program that has the published file open for writing.
PATIENCE_SECONDS = 60.0
# How long dbt may take to stop when it is asked to.
STOP_SECONDS = 10.0
# Of more names than these, the first are listed.
TABLES_IN_A_MESSAGE = 12
TESTS_IN_A_MESSAGE = 3
HELP = """usage: make build [PARTIAL=1] [OPTIONS="options of dbt build"]

Builds every model beside the published database (OLIST_DATABASE), runs every test, and puts the new
file in the place of the old one only when all passed. Readers see the old one until then.

  PARTIAL=1   publish although OPTIONS leave models or tests out; what readers lose is named
  OPTIONS     such as OPTIONS="--vars '{n_clusters: 5}'"; `dbt build --help` lists them
"""


class PublishError(Exception):
    """The build cannot go on; the message says why and how to mend it."""


class Stopped(BaseException):
    """Somebody asked this process to end; it takes its dbt with it."""


def main(arguments: list[str] | None = None) -> int:
    """Build, test, publish and summarise.

    Parameters
    ----------
    arguments : list of str, optional
        Passed to ``dbt build``; ``--full-refresh`` also forgets what could be re-used, and
        ``--partial``, which dbt does not see, allows a file without some models or tests.

    Returns
    -------
    int
        0 when a new database was published; otherwise the published one is as it was.
    """
    options = sys.argv[1:] if arguments is None else list(arguments)
    if {"--help", "-h"} & set(options):
        print(HELP)
        return 0
    may_be_partial = "--partial" in options
    options = [option for option in options if option != "--partial"]
    try:
        with stopped_by_signals():
            published = database_path()
            kept_databases()
            refuse_unusable(published)
            with build_lock(published) as lock:
                return build(published, options, may_be_partial=may_be_partial, lock=lock)
    except (PublishError, RollbackError, DatabaseFileError) as error:
        print(f"make build: {error}", file=sys.stderr)
        return 1
    except (Stopped, KeyboardInterrupt):
        print("make build: stopped. The published database is as it was.", file=sys.stderr)
        return 130


def build(published: Path, options: list[str], *, may_be_partial: bool, lock: int) -> int:
    """Do the work of `main` under the lock of the database.

    Parameters
    ----------
    published : Path
    options : list of str
        Those of ``dbt build``.
    may_be_partial : bool
        Publish although the options leave models or tests out.
    lock : int
        Descriptor of the lock, which dbt keeps too.

    Returns
    -------
    int
        Status for the shell.
    """
    side = prepare_side_file(published, reuse="--full-refresh" not in options)
    before = tables_of(published) if published.exists() else set()
    started_at = time.time()
    status = run_dbt(side, options, environment=os.environ, lock=lock)
    target = target_folder(os.environ)
    if status != 0:
        was_full = has_met_full_disk(target, since=started_at)
        print(failure_message(published, side, was_full=was_full), file=sys.stderr)
        return 1
    relations = tables_of(side) if side.exists() else set()
    run = read_run(target, since=started_at, relations=relations)
    lost = sorted(before - relations)
    if not run.is_complete and not may_be_partial:
        raise PublishError(partial_message(run, lost, published, side))
    announced = put_in_place(side, published)
    print(announced)
    if not run.is_complete:
        print(f"  Partial, as asked for: {partial_sentence(run)}")
    if lost:
        print(
            f"  In the database before, and not in this one: {listed(lost)}. `make rollback` brings it back."
        )
    return 0


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn the signals that end a process into `Stopped`, so that what was begun is put away."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped

    signals = (signal.SIGTERM, signal.SIGHUP)
    try:
        before = {number: signal.signal(number, stop) for number in signals}
    except ValueError:
        # Not the main thread: its caller answers signals.
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def side_file(published: Path) -> Path:
    """Return where a database is built before it is published.

    Same file name, because DuckDB calls the database after it; same file system, so that the
    swap is a rename.
    """
    return side_folder(published) / published.name


def prepare_side_file(published: Path, *, reuse: bool) -> Path:
    """Start a new side file, with what the build may re-use of the published one.

    Raises
    ------
    PublishError
        When a program has the published file open for writing, or it cannot be read: neither
        its run history nor its results may be lost without a word.
    """
    side = side_file(published)
    # What a failed or killed build left.
    shutil.rmtree(side.parent, ignore_errors=True)
    side.parent.mkdir(parents=True)
    if published.exists():
        try:
            carry_over(published, side, KEPT_TABLES + (REUSED_TABLES if reuse else ()))
        except duckdb.Error as error:
            raise PublishError(
                f"{published} cannot be read: {error}\nNothing was changed. Put the last good database in its "
                "place with `make rollback`, or move it away to begin anew, without run history and without "
                "results to re-use."
            ) from error
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


def run_dbt(
    side: Path, options: list[str], *, environment: Mapping[str, str], lock: int | None = None
) -> int:
    """Run ``dbt build`` into the side file and return its exit status.

    Parameters
    ----------
    side : Path
    options : list of str
    environment : mapping of str to str
    lock : int, optional
        Descriptor that dbt inherits: should it outlive this process, the database stays locked.
    """
    colours = {} if sys.stdout.isatty() else {"DBT_USE_COLORS": "false"}
    dbt = Path(sys.executable).with_name("dbt")
    if not dbt.exists():
        raise PublishError(f"{dbt} is missing; run `make setup`.")
    project = Path(environment.get("DBT_PROJECT_DIR") or ".")
    forget_stale_parse(project, target_folder(environment))
    process = subprocess.Popen(
        [str(dbt), "build", *options],
        env={
            **environment,
            **colours,
            "OLIST_DATABASE": str(side),
            "OLIST_CHECKPOINT_THRESHOLD": BUILD_CHECKPOINT_THRESHOLD,
        },
        pass_fds=() if lock is None else (lock,),
        preexec_fn=ends_with_its_parent(),
    )
    try:
        return process.wait()
    except BaseException:
        stop(process)
        raise


def ends_with_its_parent() -> Callable[[], None] | None:
    """Return what a child calls so that it is ended when this process is killed; Linux only."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    set_parent_death_signal = 1
    return lambda: libc.prctl(set_parent_death_signal, signal.SIGTERM)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a child, by force if it takes longer than `STOP_SECONDS`."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


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


def put_in_place(side: Path, published: Path) -> str:
    """Make the side file the published one, and keep the last one beside it.

    Returns
    -------
    str
        The summary of the side file, which the published one was compared with.

    Raises
    ------
    PublishError
        When something is in the way, such as a full disk; what was published is as it was.
    """
    try:
        complete_last_run(side, peak_memory_bytes=peak_memory_of_children())
        seal(side)
        announced = summary(side, published)
        with held_against_writers(published, patience_seconds=PATIENCE_SECONDS):
            swap(side, published)
    except (OSError, duckdb.Error, DatabaseFileError) as error:
        raise PublishError(
            f"{side} was built and could not be published: {error}\n{unchanged(published)}{disk_note(published)}"
        ) from error
    forget_old(published)
    shutil.rmtree(side.parent, ignore_errors=True)
    if summary(published, published) != announced:
        raise PublishError(
            f"{published} does not read as the database that was tested. Go back with `make rollback`, and look for "
            "a program that writes to it."
        )
    return announced


def swap(side: Path, published: Path) -> None:
    """Put the sealed side file in the place of the published one, which is held against writers."""
    for log in logs_beside(side):
        raise PublishError(f"{log} lies beside a file that was sealed; run `make build` again.")
    said = set_log_aside(published, previous_folder(published))
    if said:
        print(said, file=sys.stderr)
    keep_previous(published)
    keep_mode(published, side)
    for log in logs_beside(published):
        raise PublishError(
            f"{log} appeared while the database was being published; run `make build` again."
        )
    os.replace(side, published)
    sync_folder(published.parent)


def seal(side: Path) -> None:
    """Fold the write-ahead log into the file and flush it to the disk."""
    with duckdb.connect(str(side)) as connection:
        connection.execute("force checkpoint")
    if logs_beside(side):
        raise PublishError(f"{side} still has a write-ahead log; run `make build` again.")
    with side.open("rb") as file:
        os.fsync(file.fileno())


def failure_message(published: Path, side: Path, *, was_full: bool = False) -> str:
    """Say what a failed build leaves."""
    return (
        f"\nThe build failed; the errors are above. {unchanged(published)}\n"
        f"What was built until then is in {side}; rows that were refused are in its table "
        f"staging.rejected_rows.{disk_note(published, was_full=was_full)}"
    )


def unchanged(published: Path) -> str:
    """Say what readers have after a build that was not published."""
    if published.exists():
        return f"The published database is unchanged: {published}."
    return "No database has been published yet."


def partial_message(run: Run, lost: list[str], published: Path, side: Path) -> str:
    """Say why a run that passed is not published, and what readers would lose."""
    loses = f" Readers would lose {listed(lost)}." if lost else ""
    return (
        f"not published, because {partial_sentence(run)}{loses}\n{unchanged(published)} What was built is in {side}. "
        "Leave the options out that select or exclude, or say that a partial database is "
        "meant: make build PARTIAL=1 OPTIONS=…"
    )


def partial_sentence(run: Run) -> str:
    """Say what a run left out."""
    if run.problem:
        return f"{run.problem}."
    parts = []
    if run.not_built:
        parts.append(f"it did not build {listed(run.not_built)}")
    if run.not_tested:
        parts.append(
            "it did not run " + listed(run.not_tested, kind="tests", at_most=TESTS_IN_A_MESSAGE)
        )
    return f"{', and '.join(parts)}."


def listed(
    names: Sequence[str], *, kind: str = "tables", at_most: int = TABLES_IN_A_MESSAGE
) -> str:
    """Name a few things, or say how many and name the first."""
    if len(names) <= at_most:
        return ", ".join(names)
    return f"{len(names)} {kind} ({', '.join(names[:at_most])}, …)"


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


def summary(database: Path, published: Path) -> str:
    """Describe a database that is published, or is about to be, for a person.

    Parameters
    ----------
    database : Path
        The file that is read. Of a partial one, what it has is told.
    published : Path
        The name that is told.

    Returns
    -------
    str
    """
    size = f"{database.stat().st_size / 1e6:,.0f} MB"
    with duckdb.connect(str(database), read_only=True) as connection:
        lines = [
            "",
            f"Published {published} ({size})",
            *_data_lines(connection),
            *_customer_lines(connection),
            *_segment_lines(connection),
        ]
    return "\n".join(lines)


def _has(connection: duckdb.DuckDBPyConnection, schema: str, name: str) -> bool:
    return bool(
        connection.execute(
            "select 1 from information_schema.tables where table_schema = ? and table_name = ?",
            [schema, name],
        ).fetchone()
    )


def _data_lines(connection: duckdb.DuckDBPyConnection) -> list[str]:
    if not _has(connection, "staging", "raw_loads"):
        return []
    is_synthetic, raw_rows, rejected_rows = connection.execute(
        "select bool_or(is_synthetic), sum(raw_rows), sum(rejected_rows) from staging.raw_loads"
    ).fetchone()
    raw_dir = os.environ.get("OLIST_RAW_DIR") or DEFAULT_RAW_DIR
    kind = "SYNTHETIC data, not Olist's" if is_synthetic else "data"
    return [f"  from {kind}: {raw_dir}, {raw_rows:,} rows, {rejected_rows:,} refused"]


def _customer_lines(connection: duckdb.DuckDBPyConnection) -> list[str]:
    if not _has(connection, "marts", "customers"):
        return []
    customers, orders, spent = connection.execute(
        "select count(*), coalesce(sum(order_count), 0), coalesce(sum(total_spent), 0) from marts.customers"
    ).fetchone()
    return [f"  {customers:,} customers, {orders:,} orders, {spent:,.2f} BRL"]


def _segment_lines(connection: duckdb.DuckDBPyConnection) -> list[str]:
    if not _has(connection, "segmentation", "period_models"):
        return []
    dates, fallbacks, unsegmented = connection.execute(
        "select count(*), count(*) filter (where is_fallback), count(*) filter (where model_id is null)"
        " from segmentation.period_models"
    ).fetchone()
    if not dates:
        return ["  No as-of date."]
    as_of_date, note = connection.execute(
        "select as_of_date, note from segmentation.period_models order by as_of_date desc limit 1"
    ).fetchone()
    lines = [
        f"  {dates - unsegmented} of {dates} as-of dates segmented, {fallbacks} of them with an earlier model",
        f"  Segments as of {as_of_date}. {note}",
    ]
    if not _has(connection, "segmentation", "segment_profiles"):
        return lines
    segments = connection.execute(
        "select segment_name, customers, customer_share, revenue_share"
        " from segmentation.segment_profiles where as_of_date = ? order by cluster",
        [as_of_date],
    ).fetchall()
    return lines + [
        f"    {name:<24}{count:>10,} customers {share:>7.1%}   {revenue:>6.1%} of revenue"
        for name, count, share, revenue in segments
    ]


if __name__ == "__main__":
    sys.exit(main())
