"""Keep what was published before, and go back to it."""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from customer_segmentation.publishing.database_file import (
    build_lock,
    held_against_writers,
    logs_beside,
    previous_folder,
    refuse_foreign,
    set_log_aside,
    sync_folder,
    tables_of,
)
from customer_segmentation.publishing.errors import CommandError, InUseError

DEFAULT_KEPT = 2
WITHDRAWN = "withdrawn-"
PASS_OVER = "Nothing was changed; `make rollback LIST=1` shows what there is."
# Names that `_keep` gives.
STAMP = "%Y-%m-%dT%H-%M-%S.%fZ.duckdb"
STAMPED = re.compile(rf"({WITHDRAWN})?\d{{4}}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{{6}}Z\.duckdb")


def previous_databases(published: Path) -> list[Path]:
    """Return the earlier published databases, the newest first; withdrawn ones are none.

    One that is the published file itself (a swap was cut off after it had been kept) is no
    earlier one.
    """
    return [
        path
        for path in sorted(previous_folder(published).glob("*.duckdb"), reverse=True)
        if STAMPED.fullmatch(path.name)
        and not path.name.startswith(WITHDRAWN)
        and not _is_same(path, published)
    ]


def kept_databases() -> int:
    """Return how many earlier databases are kept (SEGMENTATION_KEEP_DATABASES, default 2)."""
    text = os.environ.get("SEGMENTATION_KEEP_DATABASES") or str(DEFAULT_KEPT)
    if not (text.isascii() and text.isdecimal() and len(text) < 4):
        raise CommandError(
            f"SEGMENTATION_KEEP_DATABASES is '{text}'; it is a whole number from 0 to 999."
        )
    return int(text)


def keep_previous(published: Path) -> None:
    """Keep the published database before another takes its place.

    A hard link: nothing is copied, and readers that have it open are not disturbed.

    Parameters
    ----------
    published : Path
    """
    if published.exists() and kept_databases() > 0:
        _keep(published)


def forget_old(published: Path) -> None:
    """Delete the oldest kept databases, those beyond SEGMENTATION_KEEP_DATABASES."""
    for old in previous_databases(published)[kept_databases() :]:
        old.unlink()


def roll_back(published: Path, *, name: str | None = None) -> tuple[Path, Path | None]:
    """Publish an earlier database again; the present one is set aside as withdrawn.

    Whenever it is cut off, the published name holds the old or the new database, and the next
    rollback goes to the same one.

    Parameters
    ----------
    published : Path
    name : str, optional
        File name of the database to go back to, as `--list` shows it; default the newest earlier
        one that can be read. A withdrawn one may be named too, to undo a rollback.

    Returns
    -------
    chosen : Path
        The file that was published again; it is one of the earlier ones no more.
    present : Path or None
        Where the database is that was published until now: withdrawn, or one of the earlier ones
        when a withdrawn one came back.

    Raises
    ------
    CommandError
        If there is no such database, it is not a sound one of this project, or a program writes to
        one of the two files.
    """
    folder = previous_folder(published)
    chosen = _newest_sound(published) if name is None else _named(published, name)
    with held_against_writers(chosen), held_against_writers(published):
        for log in logs_beside(chosen):
            raise CommandError(
                f"{log} is the log of a program that wrote to {chosen.name} and was stopped. Open {chosen} once with "
                "DuckDB to fold it in, or delete the log, and run this again. Nothing was changed."
            )
        said = set_log_aside(published, folder)
        if said:
            print(said, file=sys.stderr)
        # Whoever undoes a rollback finds the earlier ones as they were.
        is_undone = chosen.name.startswith(WITHDRAWN)
        present = (
            _keep(published, prefix="" if is_undone else WITHDRAWN) if published.exists() else None
        )
        for log in logs_beside(published):
            raise CommandError(f"{log} appeared meanwhile; run this again.")
        os.replace(chosen, published)
        sync_folder(folder)
        sync_folder(published.parent)
    for old in folder.glob(f"{WITHDRAWN}*.duckdb"):
        if old != present:
            old.unlink()
    return chosen, present


def go_back(published: Path, *, name: str | None = None) -> tuple[Path, Path | None]:
    """Do what `roll_back` does, under the lock of the database."""
    if not previous_folder(published).is_dir():
        raise CommandError(f"no earlier database of {published} is kept; nothing was changed.")
    with build_lock(published):
        return roll_back(published, name=name)


def choices(published: Path) -> list[Path]:
    """Return every kept file that is not the published one, the newest first."""
    files = sorted(previous_folder(published).glob("*.duckdb"), reverse=True)
    return [path for path in files if path.is_file() and not _is_same(path, published)]


def _newest_sound(published: Path) -> Path:
    """Return the newest earlier database that can be read, and name those that cannot."""
    for path in previous_databases(published):
        try:
            refuse_foreign(path, mend=PASS_OVER)
        except InUseError:
            raise
        except CommandError as error:
            print(f"Passed over: {error}", file=sys.stderr)
        else:
            if tables_of(path):
                return path
            print(f"Passed over: {path} is empty.", file=sys.stderr)
    raise CommandError(
        f"no earlier database is kept in {previous_folder(published)}; nothing was changed."
    )


def _named(published: Path, name: str) -> Path:
    """Return the kept database of a name, if it is a sound one."""
    found = [path for path in choices(published) if path.name == name]
    if not found:
        names = ", ".join(path.name for path in choices(published)) or "none"
        raise CommandError(
            f"'{name}' is no kept database; there are: {names}. Nothing was changed."
        )
    refuse_foreign(found[0], mend=PASS_OVER)
    return found[0]


def _keep(published: Path, *, prefix: str = "") -> Path:
    """Give the published file a second name: the time until which it was published.

    Names sort by it, whatever the clock does. A name that a swap which was cut off has given it
    already is replaced.
    """
    folder = previous_folder(published)
    folder.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    kept = [path for path in folder.glob("*.duckdb") if STAMPED.fullmatch(path.name)]
    times = [datetime.strptime(path.name.removeprefix(WITHDRAWN), STAMP) for path in kept]
    latest = max((time.replace(tzinfo=UTC) for time in times), default=now)
    target = folder / (prefix + max(now, latest + timedelta(microseconds=1)).strftime(STAMP))
    linked = [path for path in kept if _is_same(path, published)]
    if linked:
        os.replace(linked[0], target)
        for other in linked[1:]:
            other.unlink()
    else:
        os.link(published, target)
    sync_folder(folder)
    return target


def _is_same(path: Path, published: Path) -> bool:
    """Say whether two names are one file."""
    return published.exists() and path.exists() and path.samefile(published)
