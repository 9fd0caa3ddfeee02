"""Build the project beside the published database, and put it in its place only when all tests passed."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from customer_segmentation.intake import open_with_row_groups, problems, seed_problems
from customer_segmentation.publishing.completeness import Run, read_run
from customer_segmentation.publishing.costs import complete_last_run, peak_memory_of_children
from customer_segmentation.publishing.database_file import (
    build_lock,
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
from customer_segmentation.publishing.dbt_process import (
    has_met_full_disk,
    log_folder,
    project_folder,
    run_dbt,
    target_folder,
)
from customer_segmentation.publishing.errors import CommandError
from customer_segmentation.publishing.rollback import (
    forget_old,
    keep_previous,
    kept_databases,
)
from customer_segmentation.publishing.settings import given_vars, refuse_bad_settings
from customer_segmentation.publishing.stopping import finish_undisturbed
from customer_segmentation.publishing.summary import (
    DEFAULT_RAW_DIR,
    seconds_of_last_build,
    summary,
    why_nothing_is_segmented,
)
from customer_segmentation.shop import problems_of

# With less than this free, a failure is probably one of the disk.
SMALL_DISK_BYTES = 50_000_000


# How long a finished build waits for a program that has the published file open for writing.
PATIENCE_SECONDS = 60.0


WHAT_NOW = """
What next: `make boards` draws the pages that show it, `make audiences` writes who is in each segment, `make contract`
says when to refresh, `make rollback` goes back to the database before. `make help` lists the rest."""

# Of more names than these, the first are listed.
TABLES_IN_A_MESSAGE = 12
TESTS_IN_A_MESSAGE = 3


def build_and_publish(
    published: Path,
    options: Sequence[str] = (),
    *,
    may_be_partial: bool = False,
    is_verbose: bool = False,
) -> int:
    """Build, test, publish and summarise.

    Parameters
    ----------
    published : Path
        As `database_path` gives it.
    options : sequence of str
        Those of ``dbt build``; ``--full-refresh`` also forgets what could be re-used.
    may_be_partial : bool
        Publish although the options leave models or tests out.
    is_verbose : bool
        Show every line of dbt's.

    Returns
    -------
    int
        Status for the shell: 0 when a new database was published; 1 when none was, and the
        published one is as it was, or when one without any segment was.

    Raises
    ------
    CommandError
    """
    kept_databases()
    refuse_bad_settings(options, environment=os.environ)
    refuse_unusable(published)
    with build_lock(published) as lock:
        return _build(
            published,
            list(options),
            may_be_partial=may_be_partial,
            lock=lock,
            is_verbose=is_verbose,
        )


def _build(
    published: Path, options: list[str], *, may_be_partial: bool, lock: int, is_verbose: bool
) -> int:
    """Do the work of `build_and_publish` under the lock of the database.

    Parameters
    ----------
    published : Path
    options : list of str
        Those of ``dbt build``.
    may_be_partial : bool
        Publish although the options leave models or tests out.
    lock : int
        Descriptor of the lock, which dbt keeps too.
    is_verbose : bool
        Show every line of dbt's.

    Returns
    -------
    int
        Status for the shell.
    """
    refuse_data_of_another(published, given_vars(options, project=project_folder(os.environ)))
    refuse_bad_data(options, environment=os.environ)
    side, before = prepare_side_file(published)
    started_at = time.time()
    last_build = (
        {"SEGMENTATION_LAST_BUILD": str(published.absolute())} if published.exists() else {}
    )
    print(what_is_begun(published), flush=True)
    status = run_dbt(
        side,
        options,
        environment={**os.environ, **last_build},
        lock=lock,
        is_verbose=is_verbose,
    )
    target = target_folder(os.environ)
    if status != 0:
        was_full = has_met_full_disk(target, since=started_at)
        print(failure_message(published, side, status=status, was_full=was_full), file=sys.stderr)
        return 1
    relations = tables_of(side) if side.exists() else set()
    run = read_run(target, since=started_at, relations=relations, side=side)
    lost = sorted(before - relations)
    if not run.is_complete and not may_be_partial:
        raise CommandError(partial_message(run, lost, published, side))
    reason = why_nothing_is_segmented(side)
    if reason and not may_be_partial and _has_segments(published):
        raise CommandError(
            f"not published, because no as-of date could be segmented. {reason} The published database has segments, "
            f"and readers would lose them all. {unchanged(published)} What was built is in {side}. "
            "Mend what the sentence names, or say that it is meant: make build PARTIAL=1"
        )
    # A dbt that only compiles leaves an empty file: nothing to go back to.
    announced = put_in_place(side, published, is_kept=bool(before))
    print(announced)
    if not run.is_complete:
        print(f"  Partial, as asked for: {partial_sentence(run)}")
    if lost:
        print(
            f"  In the database before, and not in this one: {listed(lost)}. `make rollback` brings it back."
        )
    if reason:
        print(
            f"make build: no as-of date could be segmented. {reason} What does not need segments is published.",
            file=sys.stderr,
        )
        return 1
    print(WHAT_NOW)
    return 0


def what_is_begun(published: Path) -> str:
    """Say what a build does, and how long the one before took."""
    seconds = seconds_of_last_build(published) if published.exists() else None
    how_long = (
        "some two minutes for 100,000 customers on two processors"
        if seconds is None
        else f"the last one took {seconds:.0f} s"
    )
    return (
        f"Building and testing beside {published}, which stays as it is until all has passed ({how_long}).\n"
        f"Every line of dbt's: {log_folder(os.environ) / 'dbt.log'}, or make build VERBOSE=1"
    )


def _has_segments(published: Path) -> bool:
    """Say whether readers of the published database find segments in it."""
    return (
        published.exists()
        and "segmentation.period_models" in tables_of(published)
        and why_nothing_is_segmented(published) is None
    )


def refuse_data_of_another(published: Path, settings: Mapping[str, Any]) -> None:
    """Stop before dbt starts when the published database is made from the orders of somebody else.

    A name that stays in SEGMENTATION_DATABASE from another shop would put one shop in the place of
    the other, with the other's run history.

    Parameters
    ----------
    published : Path
    settings : mapping
        The vars of the build.

    Raises
    ------
    CommandError
    """
    is_own = settings["adapter"] == "orders"
    name = str((settings["shop"] or {}).get("name") or "own orders") if is_own else "Olist"
    other = data_of_another(published, name, is_own=is_own) if published.exists() else None
    if other:
        raise CommandError(
            f"{published} is made from the orders of {other}, and this build reads those of {name}; nothing was "
            "replaced. Give SEGMENTATION_DATABASE another name, or move that file away."
        )


def data_of_another(published: Path, name: str, *, is_own: bool) -> str | None:
    """Say whose orders a database is made from, when not those of this name.

    Parameters
    ----------
    published : Path
    name : str
        As marts.data_origin says it.
    is_own : bool
        Whether they are somebody's own orders, not Olist's files.
    """
    try:
        with duckdb.connect(str(published), read_only=True) as connection:
            schemas = {
                row[0]
                for row in connection.execute(
                    "select distinct schema_name from duckdb_tables() where database_name = current_database()"
                ).fetchall()
            }
            with contextlib.suppress(duckdb.CatalogException, duckdb.BinderException):
                said = connection.execute("select data_name from marts.data_origin").fetchone()
                if said is not None:
                    return str(said[0]) if said[0] != name else None
    except duckdb.Error:
        # What cannot be read is told when it is needed.
        return None
    # A run that ended early, or a database from before it said so.
    other = ("staging", "Olist") if is_own else ("input_work", "own orders")
    return other[1] if other[0] in schemas else None


def refuse_bad_data(options: Sequence[str], *, environment: Mapping[str, str]) -> None:
    """Stop before dbt starts when the data that a build would read cannot be used.

    Parameters
    ----------
    options : sequence of str
        Those of ``dbt build``.
    environment : mapping of str to str

    Raises
    ------
    CommandError
    """
    project = project_folder(environment)
    settings = given_vars(options, project=project)
    if settings["adapter"] == "orders":
        refuse_bad_orders(settings, project=project)
    else:
        refuse_bad_raw_files(
            Path(environment.get("OLIST_RAW_DIR") or DEFAULT_RAW_DIR), project=project
        )


def refuse_bad_raw_files(folder: Path, *, project: Path) -> None:
    """Stop before dbt starts when the raw files or the seeds cannot be read.

    Parameters
    ----------
    folder : Path
        Of the raw files.
    project : Path
        Folder with dbt_project.yml.

    Raises
    ------
    CommandError
        A sentence for each of them.
    """
    found = problems(folder, project=project)
    if found:
        sentences = "".join(f"\n  - {problem}" for problem in found)
        raise CommandError(
            f"the raw data in {folder} cannot be used; nothing was replaced.{sentences}\n"
            "Mend it: `make sample` makes synthetic data, `make data` fetches the real set, `make verify` checks a "
            "folder line by line; OLIST_RAW_DIR says which folder is read."
        )


def refuse_bad_orders(settings: Mapping[str, Any], *, project: Path) -> None:
    """Stop before dbt starts when somebody's own orders cannot be used.

    Parameters
    ----------
    settings : mapping
        The vars of the build.
    project : Path
        Folder with dbt_project.yml.

    Raises
    ------
    CommandError
        A sentence for each thing that is wrong with them.
    """
    shop = settings["shop"]
    found = seed_problems(project / "seeds")
    first = settings["first_as_of_date"]
    # A dbt model is read by dbt.
    if not (isinstance(shop.get("orders"), dict) and "model" in shop["orders"]):
        try:
            day = datetime.date.fromisoformat(str(first)) if first else None
        except ValueError:
            day = None
        found += problems_of(
            shop,
            project=project,
            minimum_customers=settings["minimum_customers"],
            minimum_history_days=settings["minimum_history_days"],
            first_as_of_date=day,
        )
    if found:
        sentences = "".join(f"\n  - {problem}" for problem in found)
        raise CommandError(f"the orders cannot be used; nothing was replaced.{sentences}")


def side_file(published: Path) -> Path:
    """Return where a database is built before it is published.

    Same file name, because DuckDB calls the database after it; same file system, so that the
    swap is a rename.
    """
    return side_folder(published) / published.name


def prepare_side_file(published: Path) -> tuple[Path, set[str]]:
    """Make room for a new side file, and look at the published one that it takes results from.

    What is taken is copied by dbt's hook `carry_over`, which knows the models.

    Returns
    -------
    side : Path
        In an empty folder.
    published_tables : set of str
        `schema.table` of the published database.

    Raises
    ------
    CommandError
        When a program has the published file open for writing, or it cannot be read: neither
        its run history nor its results may be lost without a word.
    """
    side = side_file(published)
    # What a failed or killed build left.
    shutil.rmtree(side.parent, ignore_errors=True)
    side.parent.mkdir(parents=True)
    if not published.exists():
        return side, set()
    try:
        return side, tables_of(published)
    except duckdb.Error as error:
        raise CommandError(
            f"{published} cannot be read: {error}\nNothing was changed. Put the last good database in its "
            "place with `make rollback`, or move it away to begin anew, without run history and without "
            "results to re-use."
        ) from error


def put_in_place(side: Path, published: Path, *, is_kept: bool = True) -> str:
    """Make the side file the published one, and keep the last one beside it.

    Parameters
    ----------
    side : Path
    published : Path
    is_kept : bool
        Whether the last one is kept; an empty file is nothing to go back to.

    Returns
    -------
    str
        The summary of the side file, which the published one was compared with.

    Raises
    ------
    CommandError
        When something is in the way, such as a full disk; what was published is as it was.
    """
    try:
        complete_last_run(side, peak_memory_bytes=peak_memory_of_children())
        seal(side)
        announced = summary(side, published)
        with (
            held_against_writers(published, patience_seconds=PATIENCE_SECONDS),
            # The lock goes with the file: nobody writes to it before it has been read again.
            held_against_writers(side),
        ):
            finish_undisturbed()
            swap(side, published, is_kept=is_kept)
            read = _read_again(published)
    except (OSError, duckdb.Error, CommandError) as error:
        raise CommandError(
            f"{side} was built and could not be published: {error}\n{unchanged(published)}{disk_note(published)}"
        ) from error
    forget_old(published)
    shutil.rmtree(side.parent, ignore_errors=True)
    if read != announced:
        raise CommandError(
            f"{published} does not read as the database that was tested. Go back with `make rollback`, and look for "
            "a program that writes to it."
        )
    return announced


def _read_again(published: Path) -> str:
    """Return the summary of what is published, or why it cannot be read."""
    try:
        return summary(published, published)
    except (OSError, duckdb.Error) as error:
        return str(error)


def swap(side: Path, published: Path, *, is_kept: bool = True) -> None:
    """Put the sealed side file in the place of the published one, which is held against writers."""
    for log in logs_beside(side):
        raise CommandError(f"{log} lies beside a file that was sealed; run `make build` again.")
    said = set_log_aside(published, previous_folder(published))
    if said:
        print(said, file=sys.stderr)
    if is_kept:
        keep_previous(published)
    keep_mode(published, side)
    for log in logs_beside(published):
        raise CommandError(
            f"{log} appeared while the database was being published; run `make build` again."
        )
    os.replace(side, published)
    sync_folder(published.parent)


def seal(side: Path) -> None:
    """Fold the write-ahead log into the file and flush it to the disk."""
    with duckdb.connect(str(side)) as connection:
        open_with_row_groups(connection)
        connection.execute("force checkpoint")
    if logs_beside(side):
        raise CommandError(f"{side} still has a write-ahead log; run `make build` again.")
    with side.open("rb") as file:
        os.fsync(file.fileno())


def failure_message(published: Path, side: Path, *, status: int = 1, was_full: bool = False) -> str:
    """Say what a failed build leaves.

    Parameters
    ----------
    published, side : Path
    status : int
        Exit status of dbt; below 0 the number of the signal that ended it.
    was_full : bool
        Whether a disk was full during the build.

    Returns
    -------
    str
    """
    why = "the errors are above"
    if status < 0:
        # What no error explains: a crash, or the system's own hand when memory was short.
        why = f"dbt was ended by signal {-status} ({signal.Signals(-status).name})"
    return (
        f"\nThe build failed; {why}. {unchanged(published)}\n"
        "Mend what they name and run `make build` again; `dbt retry` is not for this.\n"
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
    spill = Path(os.environ.get("SEGMENTATION_TEMP_DIRECTORY") or published.parent)
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
        "Free some, or name other disks with SEGMENTATION_DATABASE and SEGMENTATION_TEMP_DIRECTORY, and run `make "
        f"build` again. {side_file(published).parent} and the old databases in {previous_folder(published)} may be "
        "deleted."
    )
