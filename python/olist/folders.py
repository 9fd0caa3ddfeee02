"""Fill a folder whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from olist import files


class DataError(Exception):
    """Something is wrong with the data or the request; the message says how to mend it."""


OURS = frozenset(
    {files.SYNTHETIC_MARKER, *files.FILES, *(f"{Path(name).stem}.parquet" for name in files.FILES)}
)
"""Names this package writes, and so may replace."""


def foreign_names(folder: Path) -> list[str]:
    """Return the names in a folder that this package did not write, sorted."""
    if not folder.exists():
        return []
    return sorted(path.name for path in folder.iterdir() if path.name not in OURS)


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside the target, and put it in the target's place at the end.

    Parameters
    ----------
    target : Path
        Folder to make or replace.

    Yields
    ------
    Path
        Folder to fill. If the block raises, it is removed and the target stays as it was.

    Raises
    ------
    DataError
        If the target is a file, holds names this package does not write, or cannot be written to.
    """
    if target.exists() and not target.is_dir():
        msg = f"{target} is a file; choose another folder with --to"
        raise DataError(msg)
    foreign = foreign_names(target)
    if foreign:
        msg = (
            f"{target} holds other files ({', '.join(foreign[:3])}); it would be replaced as a "
            "whole: choose another folder with --to, or move them away"
        )
        raise DataError(msg)
    target = target.resolve()
    with _sentences(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _beside(target) as work:
            yield work


@contextmanager
def _sentences(target: Path) -> Iterator[None]:
    """Say of an error of the system that it is about the target, unless it names another place."""
    try:
        yield
    except OSError as error:
        named = Path(error.filename) if isinstance(error.filename, str) else target
        if not (named.is_relative_to(target.parent) or target.is_relative_to(named)):
            raise
        in_the_way = isinstance(error, (FileExistsError, NotADirectoryError))
        reason = "a file is in the way" if in_the_way else error.strerror or error
        msg = f"{target} cannot be written to ({reason}); choose another folder with --to"
        raise DataError(msg) from None


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside the target, and move it to its place."""
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-new-", dir=target.parent))
    try:
        yield work
        work.chmod(0o755)  # mkdtemp makes it private
        old = Path(tempfile.mkdtemp(prefix=f".{target.name}-old-", dir=target.parent))
        try:
            if target.exists():
                target.rename(old / target.name)
            try:
                work.rename(target)
            except OSError:
                if (old / target.name).exists():
                    (old / target.name).rename(target)
                raise
        finally:
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
