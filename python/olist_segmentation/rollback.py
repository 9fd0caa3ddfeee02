"""Go back to the database that was published before.

Run as ``python -m olist_segmentation.rollback [--list] [--to NAME]``.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

DEFAULT_KEPT = 2
WITHDRAWN = "withdrawn-"


class RollbackError(Exception):
    """There is nothing to go back to; the message says why."""


def previous_folder(published: Path) -> Path:
    """Return where earlier published databases are kept, on the same file system."""
    return published.parent / f".{published.stem}.previous"


def previous_databases(published: Path) -> list[Path]:
    """Return the earlier published databases, the newest first; withdrawn ones are none."""
    folder = previous_folder(published)
    found = [path for path in folder.glob("*.duckdb") if not path.name.startswith(WITHDRAWN)]
    return sorted(found, reverse=True)


def kept_databases() -> int:
    """Return how many earlier databases are kept (OLIST_KEEP_DATABASES, default 2)."""
    text = os.environ.get("OLIST_KEEP_DATABASES") or str(DEFAULT_KEPT)
    if not text.isdecimal():
        raise RollbackError(f"OLIST_KEEP_DATABASES is '{text}'; it is a whole number, 0 or more.")
    return int(text)


def keep_previous(published: Path) -> None:
    """Keep the published database before another takes its place, and forget the oldest.

    A hard link: nothing is copied, and readers that have it open are not disturbed.

    Parameters
    ----------
    published : Path
    """
    kept = kept_databases()
    if published.exists() and kept > 0:
        target = previous_folder(published) / f"{_stamp(published)}.duckdb"
        target.parent.mkdir(exist_ok=True)
        if not target.exists():
            os.link(published, target)
    for old in previous_databases(published)[kept:]:
        old.unlink()


def roll_back(published: Path, *, name: str | None = None) -> Path:
    """Publish an earlier database again; the present one is set aside as withdrawn.

    Parameters
    ----------
    published : Path
    name : str, optional
        File name of the database to go back to; default the newest earlier one. A withdrawn one
        may be named too, to undo a rollback.

    Returns
    -------
    Path
        The file that was published again; it is one of the earlier ones no more.

    Raises
    ------
    RollbackError
        If there is no such database.
    """
    folder = previous_folder(published)
    if name is None:
        candidates = previous_databases(published)
        if not candidates:
            raise RollbackError(f"no earlier database is kept in {folder}; nothing was changed.")
        chosen = candidates[0]
    else:
        chosen = folder / Path(name).name
        if not chosen.exists():
            raise RollbackError(f"{chosen} does not exist; --list shows what there is.")
    for old in folder.glob(f"{WITHDRAWN}*.duckdb"):
        if old != chosen:
            old.unlink()
    if published.exists():
        os.link(published, folder / f"{WITHDRAWN}{_stamp(published)}.duckdb")
    os.replace(chosen, published)
    return chosen


def main(arguments: list[str] | None = None) -> int:
    """List the earlier databases, or go back to one."""
    from olist_segmentation.publish import DEFAULT_DATABASE, PublishError, build_lock

    parser = argparse.ArgumentParser(prog="make rollback", description=__doc__)
    parser.add_argument("--list", action="store_true", help="show the earlier databases")
    parser.add_argument("--to", metavar="NAME", help="go back to this one")
    options = parser.parse_args(arguments)
    published = Path(os.environ.get("OLIST_DATABASE") or DEFAULT_DATABASE)
    if options.list:
        earlier = sorted(previous_folder(published).glob("*.duckdb"), reverse=True)
        for path in earlier:
            print(path.name)
        if not earlier:
            print(f"There is no earlier database of {published} yet.", file=sys.stderr)
        return 0
    try:
        with build_lock(published):
            chosen = roll_back(published, name=options.to)
    except (RollbackError, PublishError) as error:
        print(f"make rollback: {error}", file=sys.stderr)
        return 1
    print(f"{published} is the database published at {chosen.stem} again.")
    return 0


def _stamp(published: Path) -> str:
    """Return when a database was written, so that names sort by it."""
    written = datetime.fromtimestamp(published.stat().st_mtime, UTC)
    return f"{written:%Y-%m-%dT%H-%M-%S.%f}Z"


if __name__ == "__main__":
    sys.exit(main())
