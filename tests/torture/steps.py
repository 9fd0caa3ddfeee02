"""A build or rollback that ends itself at a chosen step; dbt is replaced by a database in miniature.

Run as ``python -m torture.steps build --number 4 --at 7 --signal KILL`` or ``… rollback``. A step is
whatever changes a file, a name, a lock or a database, or starts a program; the process is ended
before it. Everything else is the real command.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from customer_segmentation.__main__ import main as run_program
from customer_segmentation.publishing import build
from customer_segmentation.publishing.completeness import Run
from torture.miniature import make_miniature

# Audit events of Python, each raised before what it names is done.
CHANGES = {
    *("os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"),
    *("os.chmod", "os.chown", "os.utime", "subprocess.Popen"),
    *("fcntl.flock", "fcntl.fcntl", "fcntl.lockf"),
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# Into the work of another program or of DuckDB, in seconds.
HALFWAY_SECONDS = 0.002


class Steps:
    """Count the steps, and send a signal to this process at one of them."""

    def __init__(self, *, at: int, number: int, is_halfway: bool) -> None:
        self.at = at
        self.number = number
        self.is_halfway = is_halfway
        self.names: list[str] = []
        self.is_counting = True

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an event of `sys.addaudithook`."""
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes | os.PathLike) and flags & WRITING:
                self.step(f"open {Path(os.fsdecode(path)).name}")
        elif event in CHANGES:
            self.step(event)

    def step(self, name: str) -> None:
        """Count a step that is about to be done."""
        if not self.is_counting:
            return
        self.names.append(name)
        if len(self.names) != self.at:
            return
        if self.is_halfway:
            timer = threading.Timer(HALFWAY_SECONDS, os.kill, (os.getpid(), self.number))
            timer.daemon = True
            timer.start()
        else:
            os.kill(os.getpid(), self.number)


class WatchedConnection:
    """A DuckDB connection whose statements are steps."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, steps: Steps) -> None:
        self._connection = connection
        self._steps = steps

    def execute(self, query: str, *arguments: Any) -> Any:
        """Count a statement, unless it only reads, and run it."""
        words = query.split()[:2]
        if words[0] not in ("select", "from"):
            self._steps.step(f"duckdb {' '.join(words) if words[0] == 'force' else words[0]}")
        return self._connection.execute(query, *arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __enter__(self) -> WatchedConnection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._steps.step("duckdb close")
        self._connection.close()


def watch(steps: Steps) -> None:
    """Let everything in this process that changes something go through `steps`."""
    sys.addaudithook(steps.audit)
    fsync, connect = os.fsync, duckdb.connect

    def watched_fsync(descriptor: int) -> None:
        steps.step("os.fsync")
        fsync(descriptor)

    def watched_connect(*arguments: Any, **options: Any) -> Any:
        steps.step("duckdb connect")
        return WatchedConnection(connect(*arguments, **options), steps)

    os.fsync = watched_fsync
    duckdb.connect = watched_connect


def main() -> int:
    """Run the command, and write down the steps when it comes to its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("build", "rollback"))
    parser.add_argument("--number", type=int, default=0, help="build number of the new database")
    parser.add_argument("--rows", type=int, default=1000, help="rows of its tables")
    parser.add_argument("--at", type=int, default=0, help="step before which the signal comes")
    parser.add_argument("--signal", default="KILL")
    parser.add_argument("--halfway", action="store_true", help="shortly after the step began")
    parser.add_argument("--go", type=Path, help="file that the build waits for before it ends")
    parser.add_argument("--patience", type=float, default=0.5, help="seconds to wait for a writer")
    parser.add_argument("--names", type=Path, help="file that gets the names of the steps")
    options, rest = parser.parse_known_args()
    steps = Steps(
        at=options.at,
        number=getattr(signal, f"SIG{options.signal}"),
        is_halfway=options.halfway,
    )

    def build_miniature(side: Path, *_: Any, **__: Any) -> int:
        steps.is_counting = False
        make_miniature(side, options.number, rows=options.rows)
        if options.go:
            options.go.with_suffix(".built").touch()
            while not options.go.exists():
                time.sleep(0.01)
        steps.is_counting = True
        return 0

    build.refuse_bad_raw_files = lambda *_, **__: None
    build.run_dbt = build_miniature
    build.read_run = lambda *_, **__: Run()
    build.PATIENCE_SECONDS = options.patience
    watch(steps)
    status = run_program([options.command, *rest])
    steps.is_counting = False
    if options.names:
        options.names.write_text("\n".join(steps.names))
    return status


if __name__ == "__main__":
    sys.exit(main())
