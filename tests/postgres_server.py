"""A PostgreSQL server of our own, of Debian's packages, that listens on a socket file only."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
AS_SERVER = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


@contextlib.contextmanager
def postgres_server() -> Iterator[Path]:
    """Start a new, empty server with the user analyst, and give the folder of its socket; skip the test without one."""
    pytest.importorskip("psycopg", reason="psycopg is not installed; `make postgres` installs it")
    if not SERVERS:
        pytest.skip("there is no PostgreSQL server; on Debian: apt install postgresql")
    programs = SERVERS[-1].parent
    # Short, because the name of a socket file may have 107 characters.
    place = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    data = place / "data"
    if AS_SERVER:
        shutil.chown(place, "postgres")

    def call(*command: str) -> None:
        subprocess.run(
            [*AS_SERVER, *command], cwd=place, check=True, capture_output=True, timeout=60
        )

    try:
        call(
            str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "analyst", "-E", "UTF8"
        )
        (data / "pg_hba.conf").write_text(
            "local all secretive scram-sha-256\nlocal all all trust\n", encoding="utf-8"
        )
        options = f"-k {place} -c listen_addresses='' -c fsync=off -c max_prepared_transactions=2"
        log = str(place / "log")
        call(str(programs / "pg_ctl"), "-D", str(data), "-o", options, "-l", log, "-w", "start")
        try:
            yield place
        finally:
            call(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)
