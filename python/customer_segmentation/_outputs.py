"""Files that a command writes for people: each whole or not at all, or a sentence on why it cannot be."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from customer_segmentation.publishing import CommandError


@contextlib.contextmanager
def writing_to(place: Path, *, another: str = "another folder with TO=folder") -> Iterator[None]:
    """Turn what keeps files from being written into a sentence.

    Parameters
    ----------
    place : Path
        File or folder that the user has named.
    another : str
        How to name another.

    Raises
    ------
    CommandError
        For an error of the system that is about this place, or that names none, as that of a full disk.
    """
    try:
        yield
    except OSError as error:
        named = Path(error.filename).absolute() if isinstance(error.filename, str) else None
        whole = place.absolute()
        if named and not (named.is_relative_to(whole) or whole.is_relative_to(named)):
            # Of a file of ours, say.
            raise
        in_the_way = isinstance(error, (FileExistsError, NotADirectoryError))
        reason = "a file is in the way" if in_the_way else error.strerror or error
        raise CommandError(f"{place} cannot be written to ({reason}); name {another}.") from None


def write_whole(path: Path, text: str) -> Path:
    """Write a text, so that whoever reads the file sees the old one or the new one.

    Raises
    ------
    OSError
        When it cannot be written; what was there is still there.
    """
    with _beside(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def copy_whole(source: Path, path: Path) -> Path:
    """Copy a file, as `write_whole` writes one."""
    with _beside(path) as part:
        shutil.copyfile(source, part)
    return path


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Give a place beside a file, and at the end move there what was written."""
    # Dots first: a half-written file is not taken for a page.
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
