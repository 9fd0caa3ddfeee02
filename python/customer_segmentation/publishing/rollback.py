"""Go back to the database that was published before.

Run as ``python -m customer_segmentation.publishing.rollback [--list] [--to NAME]``.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from customer_segmentation.publishing.database_file import (
    DatabaseFileError,
    InUseError,
    build_lock,
    database_path,
    held_against_writers,
    logs_beside,
    previous_folder,
    refuse_foreign,
    set_log_aside,
    sync_folder,
)

DEFAULT_KEPT = 2
WITHDRAWN = "withdrawn-"
PASS_OVER = "Nothing was changed; `make rollback LIST=1` shows what there is."
# Names that `_link` gives.
STAMPED = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{6}Z(-\d+)?\.duckdb")


class RollbackError(Exception):
    """There is nothing to go back to; the message says why."""


def previous_databases(published: Path) -> list[Path]:
    """Return the earlier published databases, the newest first; withdrawn ones are none.

    One that is the published file itself (a swap was cut off after it had been kept) is no
    earlier one.
    """
    return [
        path
        for path in sorted(previous_folder(published).glob("*.duckdb"), reverse=True)
        if STAMPED.fullmatch(path.name) and not _is_same(path, published)
    ]


def kept_databases() -> int:
    """Return how many earlier databases are kept (OLIST_KEEP_DATABASES, default 2)."""
    text = os.environ.get("OLIST_KEEP_DATABASES") or str(DEFAULT_KEPT)
    if not (text.isascii() and text.isdecimal() and len(text) < 4):
        raise RollbackError(
            f"OLIST_KEEP_DATABASES is '{text}'; it is a whole number from 0 to 999."
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
        _link(published, previous_folder(published), prefix="")


def forget_old(published: Path) -> None:
    """Delete the oldest kept databases, those beyond OLIST_KEEP_DATABASES."""
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
    withdrawn : Path or None
        Where the database is that was published until now.

    Raises
    ------
    RollbackError
        If there is no such database.
    DatabaseFileError
        If it is no sound database of this project, or a program writes to one of the two files.
    """
    folder = previous_folder(published)
    chosen = _newest_sound(published) if name is None else _named(published, name)
    with held_against_writers(chosen), held_against_writers(published):
        for log in logs_beside(chosen):
            raise RollbackError(
                f"{log} is the log of a program that wrote to {chosen.name} and was stopped. Open {chosen} once with "
                "DuckDB to fold it in, or delete the log, and run this again. Nothing was changed."
            )
        said = set_log_aside(published, folder)
        if said:
            print(said, file=sys.stderr)
        withdrawn = _link(published, folder, prefix=WITHDRAWN) if published.exists() else None
        for log in logs_beside(published):
            raise RollbackError(f"{log} appeared meanwhile; run this again.")
        os.replace(chosen, published)
        sync_folder(folder)
        sync_folder(published.parent)
    for old in folder.glob(f"{WITHDRAWN}*.duckdb"):
        if old != withdrawn:
            old.unlink()
    return chosen, withdrawn


def main(arguments: list[str] | None = None) -> int:
    """List the earlier databases, or go back to one."""
    parser = argparse.ArgumentParser(prog="make rollback", description=__doc__)
    parser.add_argument("--list", action="store_true", help="show the earlier databases")
    parser.add_argument("--to", metavar="NAME", help="go back to this one")
    options = parser.parse_args(arguments)
    try:
        published = database_path()
        if options.list:
            return _list(published)
        if not previous_folder(published).is_dir():
            raise RollbackError(f"no earlier database of {published} is kept; nothing was changed.")
        with build_lock(published):
            chosen, withdrawn = roll_back(published, name=options.to)
    except (RollbackError, DatabaseFileError) as error:
        print(f"make rollback: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make rollback: stopped.", file=sys.stderr)
        return 130
    print(f"{published} is the database published at {chosen.stem} again.")
    if withdrawn is not None:
        print(f"To undo this: make rollback TO={withdrawn.name}")
    return 0


def _list(published: Path) -> int:
    """Print the names that `--to` accepts, the newest first."""
    earlier = _choices(published)
    for path in earlier:
        print(path.name)
    if not earlier:
        print(f"There is no earlier database of {published} yet.", file=sys.stderr)
    return 0


def _choices(published: Path) -> list[Path]:
    """Return every kept file that is not the published one."""
    files = sorted(previous_folder(published).glob("*.duckdb"), reverse=True)
    return [path for path in files if path.is_file() and not _is_same(path, published)]


def _newest_sound(published: Path) -> Path:
    """Return the newest earlier database that can be read, and name those that cannot."""
    for path in previous_databases(published):
        try:
            refuse_foreign(path, mend=PASS_OVER)
        except InUseError:
            raise
        except DatabaseFileError as error:
            print(f"Passed over: {error}", file=sys.stderr)
        else:
            return path
    raise RollbackError(
        f"no earlier database is kept in {previous_folder(published)}; nothing was changed."
    )


def _named(published: Path, name: str) -> Path:
    """Return the kept database of a name, if it is a sound one."""
    found = [path for path in _choices(published) if path.name == name]
    if not found:
        names = ", ".join(path.name for path in _choices(published)) or "none"
        raise RollbackError(
            f"'{name}' is no kept database; there are: {names}. Nothing was changed."
        )
    refuse_foreign(found[0], mend=PASS_OVER)
    return found[0]


def _link(published: Path, folder: Path, *, prefix: str) -> Path:
    """Give the published file a second name, by the time at which it was written."""
    folder.mkdir(exist_ok=True)
    written = datetime.fromtimestamp(published.stat().st_mtime, UTC)
    stamp = f"{prefix}{written:%Y-%m-%dT%H-%M-%S.%f}Z"
    number = 1
    target = folder / f"{stamp}.duckdb"
    while target.exists() and not _is_same(target, published):
        number += 1
        target = folder / f"{stamp}-{number}.duckdb"
    if not target.exists():
        os.link(published, target)
        sync_folder(folder)
    return target


def _is_same(path: Path, published: Path) -> bool:
    """Say whether two names are one file."""
    return published.exists() and path.exists() and path.samefile(published)


if __name__ == "__main__":
    sys.exit(main())
