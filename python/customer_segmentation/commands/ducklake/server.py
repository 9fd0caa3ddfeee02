"""A PostgreSQL server of our own, for the catalogue of a lake: in a folder, on a socket file, for one machine."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from customer_segmentation.publishing import CommandError

USER = "segmentation"
DATABASE = "segmentation"
# A socket file's name may have 107 characters; the longest name that PostgreSQL gives one is short.
LONGEST_SOCKET_FOLDER_BYTES = 80
START_SECONDS = 60
SETTINGS = "-c listen_addresses=''"
# Whose processes a server's are when we are root, whom PostgreSQL refuses.
ORDINARY_USERS = ("postgres", "nobody")

INSTALL = (
    "There is no PostgreSQL on this machine: install it (Debian and Ubuntu: apt install postgresql), or name a server,"
    " SEGMENTATION_DUCKLAKE_CATALOGUE='host=… dbname=… user=…'."
)


def programs_folder() -> Path:
    """Return the folder with PostgreSQL's server programs, the newest on this machine.

    Raises
    ------
    CommandError
        When there is none.
    """
    found = shutil.which("pg_ctl")
    if found and Path(found).resolve().with_name("initdb").exists():
        return Path(found).resolve().parent
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"),
        key=lambda path: [int(part) for part in path.parts[4].split(".") if part.isdigit()],
    )
    if not debian:
        raise CommandError(INSTALL)
    return debian[-1].parent


def started(place: Path) -> str:
    """Start the server of a folder if it does not run, and return how to connect to it.

    Nobody but this user (and root) can reach its socket file, and it listens on no network.

    Parameters
    ----------
    place : Path
        Folder for its files; made when missing.

    Returns
    -------
    str
        Connection string.

    Raises
    ------
    CommandError
    """
    programs = programs_folder()
    place = place.absolute()
    place.mkdir(parents=True, exist_ok=True)
    with (place.parent / f".{place.name}.lock").open("w") as lock:
        # Two builds may come at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        owner = _owner(place)
        data = place / "data"
        sockets = _socket_folder(place, owner)
        if not (data / "PG_VERSION").exists():
            shutil.rmtree(data, ignore_errors=True)
            _call(
                programs / "initdb", "--pgdata", data, "--auth", "trust", "--username", USER,
                "--encoding", "UTF8", "--locale", "C",
                owner=owner, place=place,
            )  # fmt: skip
        if not is_running(place):
            _call(
                programs / "pg_ctl", "--pgdata", data, "--log", place / "log", "--wait",
                "--timeout", str(START_SECONDS),
                "--options", f"-k '{sockets}' {SETTINGS}", "start",
                owner=owner, place=place,
            )  # fmt: skip
        address = f"host={sockets} user={USER}"
        _make_database(address)
        return f"{address} dbname={DATABASE}"


def is_running(place: Path) -> bool:
    """Say whether the server of a folder runs."""
    data = place.absolute() / "data"
    if not (data / "PG_VERSION").exists():
        return False
    status = subprocess.run(
        [str(programs_folder() / "pg_ctl"), "--pgdata", str(data), "status"],
        capture_output=True,
        check=False,
        **_as(_owner(place)),
    )
    return status.returncode == 0


def stopped(place: Path) -> bool:
    """Stop the server of a folder; say whether one ran."""
    if not is_running(place):
        return False
    place = place.absolute()
    _call(
        programs_folder() / "pg_ctl", "--pgdata", place / "data", "--mode", "fast", "--wait", "stop",
        owner=_owner(place), place=place,
    )  # fmt: skip
    return True


def _owner(place: Path) -> pwd.struct_passwd | None:
    """Return who runs the server when we are root, and give the folder to them; None when we run it."""
    if os.geteuid() != 0:
        return None
    for name in ORDINARY_USERS:
        try:
            owner = pwd.getpwnam(name)
            break
        except KeyError:
            continue
    else:
        raise CommandError(
            "PostgreSQL does not run as root, and this machine has no user postgres or nobody: be another user, or"
            " name a server in SEGMENTATION_DUCKLAKE_CATALOGUE."
        )
    if place.exists():
        os.chown(place, owner.pw_uid, owner.pw_gid)
        place.chmod(0o700)
        entered = subprocess.run(
            ["test", "-w", str(place)], capture_output=True, check=False, **_as(owner)
        )
        if entered.returncode != 0:
            raise CommandError(
                f"PostgreSQL does not run as root, and user {owner.pw_name}, who runs it instead, cannot enter {place}:"
                " open the folders above it (chmod o+x), be another user, or name a server in"
                " SEGMENTATION_DUCKLAKE_CATALOGUE."
            )
    return owner


def _as(owner: pwd.struct_passwd | None) -> dict[str, Any]:
    """Return the arguments of a process that runs as somebody."""
    if owner is None:
        return {"cwd": "/"}
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": [], "cwd": "/"}


def _socket_folder(place: Path, owner: pwd.struct_passwd | None) -> Path:
    """Return where the socket file is: with the server's files, or where its name is short enough."""
    if (
        len(os.fsencode(place)) <= LONGEST_SOCKET_FOLDER_BYTES
        and "'" not in str(place)
        and " " not in str(place)
    ):
        place.chmod(0o700)
        return place
    name = hashlib.sha256(os.fsencode(place)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"segmentation-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    expected = os.geteuid() if owner is None else owner.pw_uid
    if owner is not None and folder.stat().st_uid == 0:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    if folder.stat().st_uid != expected:
        raise CommandError(f"{folder} belongs to somebody else; set TMPDIR to a folder of yours.")
    return folder


def _call(
    program: Path, *arguments: str | Path, owner: pwd.struct_passwd | None, place: Path
) -> None:
    """Run one of PostgreSQL's programs, or say what it said."""
    # Not a pipe: the server would keep it open.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [str(program), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            **_as(owner),
        )
        output.seek(0)
        said = " ".join(output.read().decode(errors="replace").split())
    if done.returncode != 0:
        log = place / "log"
        more = f" Its log is {log}." if log.exists() else ""
        who = f" (as user {owner.pw_name}, who must be able to enter {place})" if owner else ""
        raise CommandError(
            f"{program.name}{who} ended with {done.returncode}: {said[-400:]}{more} Mend that, or name another server"
            " in SEGMENTATION_DUCKLAKE_CATALOGUE."
        )


def _make_database(address: str) -> None:
    """Make our database when the server has none."""
    import psycopg

    with psycopg.connect(f"{address} dbname=postgres", autocommit=True) as connection:
        found = connection.execute(
            "select 1 from pg_database where datname = %s", [DATABASE]
        ).fetchone()
        if not found:
            connection.execute(f"create database {DATABASE}")
