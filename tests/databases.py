"""Small databases of this project, and programs that hold them, for tests without dbt."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb

HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reader")
for line in sys.stdin:
    for statement in line.split(";"):
        connection.execute(statement)
    print("done", flush=True)
"""


def make_database(path: Path, number: int) -> Path:
    """Write a database that counts as one of this project and says a number in two tables."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        for schema, table in (("seeds", "segment_playbook"), ("marts", "sellers")):
            connection.execute(f"create schema {schema}")
            connection.execute(f"create table {schema}.{table} as select {number} as number")
    return path


def number_in(path: Path) -> int:
    """Return the number of a database, as a reader sees it."""
    with duckdb.connect(str(path), read_only=True) as connection:
        (found,) = connection.execute(
            "select distinct number from (from marts.sellers union all from seeds.segment_playbook)"
        ).fetchall()
    return found[0]


@contextlib.contextmanager
def holder(path: Path, *, kind: str = "writer") -> Iterator[subprocess.Popen[str]]:
    """Let another process have a database open, as a SQL editor does; it is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        execute(process, "select 1")
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()


def execute(process: subprocess.Popen[str], statements: str) -> None:
    """Have a holder run statements; they are in its log, not in the file, when this returns."""
    process.stdin.write(statements.replace("\n", " ") + "\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"


def leave_log(path: Path, statements: str) -> None:
    """Write to a database as a program does that is killed before its log is folded in."""
    with holder(path) as process:
        execute(process, statements)
    assert Path(f"{path}.wal").stat().st_size > 0
