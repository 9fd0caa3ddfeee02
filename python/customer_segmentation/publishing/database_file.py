"""The published file and what may lie beside it: whether it is ours, who writes to it, its log.

DuckDB holds a POSIX record lock on a file that it has open: shared for a reader, exclusive for a
writer. Closing any descriptor of a file lets go of all record locks that a process has on it, and
DuckDB closes one while it opens a file. So `held_against_writers` takes a lock of its descriptor
(Linux: F_OFD_SETLK, see fcntl(2)), which ends with that descriptor alone. Elsewhere it is a record
lock, and nothing here but DuckDB opens a file that is held.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

from customer_segmentation.publishing.errors import CommandError, InUseError

DEFAULT_DATABASE = "warehouse/olist.duckdb"
# DuckDB's log and the names that it has during a checkpoint.
LOG_SUFFIXES = (".wal", ".wal.checkpoint", ".wal.recovery")
# One of these is in every file that dbt has built or seeded with this project.
MARKS = frozenset(
    {
        "maintenance_work.run_history",
        "maintenance.run_history",
        "seeds.segment_playbook",
        "staging.csv_rejects",
    }
)
# At offset 8 of every DuckDB file.
MAGIC = b"DUCK"
# Names that DuckDB, or a schema of this project, has already: a file's stem is the name of its database.
TAKEN_NAMES = {"information_schema", "main", "memory", "pg_catalog", "system", "temp"} | {
    *("staging", "intermediate", "marts", "segmentation", "segmentation_work"),
    *("maintenance", "maintenance_work", "bi", "seeds"),
}
UNREADABLE_CHARACTERS = {"\0": "a zero byte", "\n": "a line break", "?": "a question mark"}
UNQUOTED_CHARACTERS = {"'": "an apostrophe", '"': "a double quote", ";": "a semicolon"}
# `struct flock` of Linux: kind, whence, start, length, process.
LINUX_LOCK = "hhqqi4x"
# Longest name of a file on the usual file systems, in bytes.
LONGEST_NAME_BYTES = 255


MOVE_AWAY = "It is left as it is. Give SEGMENTATION_DATABASE another name, or move that file away."


def database_path(text: str = "") -> Path:
    """Return the path of the published database, with symbolic links followed.

    Parameters
    ----------
    text : str
        What SEGMENTATION_DATABASE says; `DEFAULT_DATABASE` when that is nothing.

    Returns
    -------
    Path
        What a link points at, so that a swap replaces the file and not the link.

    Raises
    ------
    CommandError
        When the setting names no file.
    """
    text = text or DEFAULT_DATABASE
    if not text.strip() or text.startswith(":memory:") or "://" in text or text.startswith("md:"):
        raise CommandError(
            f"SEGMENTATION_DATABASE is '{text}', which names no file; give it a path such as {DEFAULT_DATABASE}."
        )
    for character, name in UNREADABLE_CHARACTERS.items():
        if character in text:
            raise CommandError(
                f"SEGMENTATION_DATABASE has {name} in it, which DuckDB does not take for a part of the name; "
                "leave it out."
            )
    path = Path(text)
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    for character, name in UNQUOTED_CHARACTERS.items():
        if character in path.name:
            raise CommandError(
                f"The file name in SEGMENTATION_DATABASE, {path.name}, has {name} in it, which dbt cannot quote; "
                "leave it out."
            )
    if path.stem.lower() in TAKEN_NAMES:
        raise CommandError(
            f"SEGMENTATION_DATABASE names the file {path.name}, and {path.stem.lower()} is also the name of a schema; "
            "give the file another name."
        )
    if len(os.fsencode(path.name + LOG_SUFFIXES[-1])) > LONGEST_NAME_BYTES:
        raise CommandError(
            f"The file name in SEGMENTATION_DATABASE is too long: {len(os.fsencode(path.name))} bytes, and with what "
            f"DuckDB writes beside it, it must stay within {LONGEST_NAME_BYTES}. Give it a shorter one."
        )
    try:
        return path.resolve() if path.is_symlink() else path
    except (OSError, RuntimeError) as error:
        raise CommandError(f"SEGMENTATION_DATABASE={text} cannot be followed: {error}.") from None


def side_folder(published: Path) -> Path:
    """Return the folder in which a database is built before it is published."""
    return published.parent / f".{_base_name(published)}.building"


def previous_folder(published: Path) -> Path:
    """Return where earlier published databases are kept, on the same file system."""
    return published.parent / f".{_base_name(published)}.previous"


def lock_file(published: Path) -> Path:
    """Return the file that a build of the database holds locked."""
    return published.parent / f".{_base_name(published)}.lock"


def _base_name(published: Path) -> str:
    """Return what tells the files beside a database from those beside another in its folder."""
    return published.stem if published.suffix == ".duckdb" else published.name


@contextlib.contextmanager
def build_lock(published: Path) -> Iterator[int]:
    """Keep a second build of the same database out; the lock dies with its processes."""
    published.parent.mkdir(parents=True, exist_ok=True)
    with lock_file(published).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InUseError(
                f"another build of {published} is running; wait for it, or give this one another "
                "SEGMENTATION_DATABASE."
            ) from None
        yield lock.fileno()


def refuse_unusable(published: Path) -> None:
    """Stop before anything is built when the published name cannot be written or is not ours.

    Parameters
    ----------
    published : Path

    Raises
    ------
    CommandError
    """
    try:
        exists = published.exists()
    except OSError as error:
        raise CommandError(
            f"SEGMENTATION_DATABASE={published} cannot be used: {error.strerror}."
        ) from None
    if exists:
        refuse_foreign(published)
    _refuse_bad_place(published)


def refuse_foreign(path: Path, *, mend: str = MOVE_AWAY) -> None:
    """Stop when a file is not a database of this project that can be read.

    Parameters
    ----------
    path : Path
        An existing file.
    mend : str
        What to do about a file of something else.

    Raises
    ------
    CommandError
        As an `InUseError` when another program has it open for writing.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        what = "a folder" if path.is_dir() else "no regular file"
        raise CommandError(f"{path} is {what}; SEGMENTATION_DATABASE must name a file. {mend}")
    with path.open("rb") as file:
        start = file.read(16)
    if not start:
        raise CommandError(f"{path} is empty (0 bytes), no DuckDB database. {mend}")
    if start[8:12] != MAGIC:
        kind = (
            "an SQLite database" if start.startswith(b"SQLite format 3") else "no DuckDB database"
        )
        raise CommandError(f"{path} is {kind}. {mend}")
    try:
        tables = tables_of(path)
    except duckdb.Error as error:
        writer = writer_of(path)
        if writer:
            raise InUseError(in_use_message(path, writer)) from None
        raise CommandError(
            f"{path} cannot be read: {_first_line(error)} Nothing was changed. Put the last good database "
            "in its place with `make rollback`, or move it away to begin anew, without run history and "
            "without results to re-use."
        ) from error
    if tables and not tables & MARKS:
        example = ", ".join(sorted(tables)[:3])
        raise CommandError(
            f"{path} is a DuckDB database, but not one of this project (it holds {example}). {mend}"
        )


def tables_of(path: Path) -> set[str]:
    """Return `schema.table` of every table and view of a database."""
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where not internal"
            " and database_name = current_database()"
            " union all select schema_name || '.' || view_name from duckdb_views() where not internal"
            " and database_name = current_database()"
        ).fetchall()
    return {name for (name,) in rows}


def writer_of(path: Path) -> str | None:
    """Say which process has a file open for writing in DuckDB.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str or None
        Such as "process 4711 (dbeaver)"; None when nobody has.
    """
    with path.open("rb") as file:
        holder = _holder_of_write_lock(file.fileno())
    return None if holder is None else _process_name(holder)


@contextlib.contextmanager
def held_against_writers(path: Path, *, patience_seconds: float = 0.0) -> Iterator[None]:
    """Keep everybody from opening a file for writing; readers go on.

    Parameters
    ----------
    path : Path
        May be missing, then nothing is held.
    patience_seconds : float
        How long to wait for a program that has it open for writing.

    Raises
    ------
    InUseError
        When a program still has it open for writing.
    """
    if not path.exists():
        yield
        return
    with path.open("rb") as file:
        until = time.monotonic() + patience_seconds
        is_told = False
        while True:
            try:
                _lock_shared(file.fileno())
                break
            except OSError:
                holder = _holder_of_write_lock(file.fileno())
                writer = _process_name(holder) if holder is not None else "another process"
                if time.monotonic() >= until:
                    raise InUseError(in_use_message(path, writer)) from None
                if not is_told:
                    limit = f"{patience_seconds:.0f} seconds"
                    print(
                        f"Waiting up to {limit} for {writer}, which has {path} open for writing.",
                        file=sys.stderr,
                    )
                    is_told = True
                time.sleep(0.2)
        yield


def in_use_message(path: Path, writer: str) -> str:
    """Say that a program stands in the way, and what to close."""
    return (
        f"{writer} has {path} open for writing. Close it there (a SQL editor: disconnect, and connect read-only next "
        "time; a notebook: close the connection; dbt: wait until it ends), then run the command again. "
        "Nothing was changed."
    )


def logs_beside(path: Path) -> list[Path]:
    """Return the logs that DuckDB would replay into whatever file has this name."""
    return [log for suffix in LOG_SUFFIXES if (log := Path(f"{path}{suffix}")).exists()]


def set_log_aside(published: Path, folder: Path) -> str | None:
    """Take the log of a writer that died away from the published name; lose nothing of it.

    What the log adds is folded into a copy of the file, which `folder` keeps. The published file
    itself is left as it was when the log began.

    Parameters
    ----------
    published : Path
        Held against writers.
    folder : Path
        Where the copy goes; made when missing.

    Returns
    -------
    str or None
        What was done, for a person; None when there was no log.
    """
    logs = logs_beside(published)
    if not logs:
        return None
    size = sum(log.stat().st_size for log in logs)
    folder.mkdir(exist_ok=True)
    stamp = time.strftime(
        "%Y-%m-%dT%H-%M-%S", time.gmtime(max(log.stat().st_mtime for log in logs))
    )
    aside = Path(tempfile.mkdtemp(prefix=f"log-{stamp}-", dir=folder))
    kept = aside / published.name
    for log in logs:
        shutil.copy2(log, aside / log.name)
    # Another process reads the file: a descriptor that we close would let go of our lock.
    copied = subprocess.run(
        ["cp", "-p", "--", str(published), str(kept)], capture_output=True, text=True, check=False
    )
    if copied.returncode != 0 and published.exists():
        shutil.rmtree(aside, ignore_errors=True)
        raise CommandError(
            f"{logs[0]} is the log of a program that was stopped, and cannot be set aside: {copied.stderr.strip()}. "
            "Nothing was changed. Free some disk, or open the database once with the program that wrote it."
        )
    for log in logs:
        log.unlink()
    sync_folder(published.parent)
    said = (
        f"A program that was stopped left a log of {size:,} bytes beside {published}. It is in {aside}, with a copy of "
        "the file"
    )
    if not kept.exists():
        return f"A log of {size:,} bytes lay where {published} is to be, without a database. It is in {aside}."
    for log in logs:
        # DuckDB deletes a log that it has read, and one that it cannot make sense of.
        shutil.copy2(aside / log.name, aside / f"{log.name}.original")
    try:
        with duckdb.connect(str(kept)) as connection:
            connection.execute("force checkpoint")
    except duckdb.Error as error:
        return f"{said} that it cannot be folded into ({_first_line(error)}) What is published lacks it."
    return (
        f"{said} that it is folded into; what is published lacks it. Delete that folder when nobody misses "
        "what the program wrote."
    )


def sync_folder(folder: Path) -> None:
    """Write a folder's names to the disk, so that a swap outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def keep_mode(of: Path, to: Path) -> None:
    """Give a file the mode and, where that is allowed, the owner of another."""
    if not of.exists():
        return
    status = of.stat()
    with contextlib.suppress(PermissionError):
        os.chown(to, status.st_uid, status.st_gid)
    to.chmod(stat.S_IMODE(status.st_mode))


def _refuse_bad_place(published: Path) -> None:
    """Stop when a build could not write where it has to."""
    folder = published.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CommandError(
            f"The folder of SEGMENTATION_DATABASE, {folder}, cannot be written to: {error.strerror}. "
            "Mend its permissions, or name another place."
        ) from None
    for path, must_be in (
        (lock_file(published), "file"),
        (side_folder(published), "folder"),
        (previous_folder(published), "folder"),
    ):
        if path.exists() and (path.is_dir() != (must_be == "folder")):
            raise CommandError(
                f"{path} is in the way: a build needs a {must_be} of this name. Move it away."
            )


def _lock_shared(descriptor: int) -> None:
    """Take a shared lock on a file, at once; raise OSError when somebody has an exclusive one."""
    of_descriptor = getattr(fcntl, "F_OFD_SETLK", None)
    if of_descriptor is not None:
        shared = struct.pack(LINUX_LOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        try:
            fcntl.fcntl(descriptor, of_descriptor, shared)
        except OSError as error:
            # Systems that act as Linux and do not know it.
            if error.errno != errno.EINVAL:
                raise
        else:
            return
    fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _holder_of_write_lock(descriptor: int) -> int | None:
    """Return the process that holds an exclusive record lock; 0 when it cannot be seen."""
    if sys.platform == "darwin":
        layout = "qqihh"
        question = struct.pack(layout, 0, 0, 0, fcntl.F_RDLCK, os.SEEK_SET)
        _, _, process, kind, _ = struct.unpack(
            layout, fcntl.fcntl(descriptor, fcntl.F_GETLK, question)
        )
    else:
        question = struct.pack(LINUX_LOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, process = struct.unpack(
            LINUX_LOCK, fcntl.fcntl(descriptor, fcntl.F_GETLK, question)
        )
    return None if kind == fcntl.F_UNLCK else max(process, 0)


def _process_name(process: int) -> str:
    """Name a process for a person."""
    if process == 0:
        return "A process that cannot be seen from here (another container or machine)"
    done = subprocess.run(
        ["ps", "-o", "args=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    command = " ".join(done.stdout.split())
    return f"Process {process} ({command[:80]})" if command else f"Process {process}"


def _first_line(error: Exception) -> str:
    """Return the first line of an error as a sentence."""
    line = str(error).strip().splitlines()[0].rstrip(".")
    return f"{line}."
