"""Programs that read the published database while it is swapped.

Run as ``python -m torture.readers DATABASE STOP`` it reads until the file STOP exists, and prints what
it has seen as JSON: how often it read, and what was wrong. With ``--keep`` it opens the database once.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from torture import ground
from torture.campaign import Count
from torture.ground import require
from torture.miniature import number_seen_by
from torture.swap_kills import NAME, succeed

READERS = 3
# Rows of each table, for a file of a few megabytes.
ROWS = 200_000


def read(database: Path, stop: Path) -> dict[str, object]:
    """Open, read and close, again and again."""
    reads, wrong, numbers = 0, [], set()
    while not stop.exists():
        reads += 1
        try:
            with duckdb.connect(str(database), read_only=True) as connection:
                numbers.add(number_seen_by(connection))
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}")
    return {"reads": reads, "wrong": wrong, "builds": len(numbers)}


def keep_reading(database: Path, stop: Path) -> dict[str, object]:
    """Open once, and see the same build for as long as it is open."""
    reads, wrong = 0, []
    with duckdb.connect(str(database), read_only=True) as connection:
        first = number_seen_by(connection)
        while not stop.exists():
            reads += 1
            try:
                if number_seen_by(connection) != first:
                    wrong.append("an open connection sees another build")
            except Exception as error:
                wrong.append(f"{type(error).__name__}: {error}")
            time.sleep(0.05)
    return {"reads": reads, "wrong": wrong, "builds": 1}


def campaign(folder: Path, *, swaps: int) -> list[Count]:
    """Build and roll back while programs read.

    Parameters
    ----------
    folder : Path
        Made; everything happens in it.
    swaps : int
        Builds and rollbacks; every third is a rollback.

    Returns
    -------
    list of Count
    """
    folder.mkdir(parents=True)
    for number in (1, 2):
        succeed(folder, "build", "--number", str(number), "--rows", str(ROWS))
    stop = folder / "stop"
    programs = [start_reader(folder, stop) for _ in range(READERS)]
    programs.append(start_reader(folder, stop, "--keep"))
    try:
        for turn in range(swaps):
            if turn % 3 == 2:
                succeed(folder, "rollback")
            else:
                succeed(folder, "build", "--number", str(turn + 3), "--rows", str(ROWS))
            if turn % 5 == 4:
                print(f"  swaps under readers: {turn + 1} of {swaps}", flush=True)
        # Somebody who opens the file after the last swap must still find it.
        time.sleep(0.5)
    finally:
        stop.touch()
        ended = [program.communicate(timeout=ground.LONGEST_SECONDS) for program in programs]
    seen = [json.loads(out) for out, _ in ended]
    require(max(program["builds"] for program in seen) > 1, "no reader saw a swap")
    count = Count(
        f"reads during {swaps} swaps", "of one build", sum(program["reads"] for program in seen)
    )
    count.failures = [f"a reader: {wrong}" for program in seen for wrong in program["wrong"]]
    return [count]


def start_reader(folder: Path, stop: Path, *options: str) -> subprocess.Popen[str]:
    """Start a program that reads."""
    return subprocess.Popen(
        [sys.executable, "-m", "torture.readers", NAME, str(stop), *options],
        cwd=folder,
        env=ground.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def main() -> int:
    """Read until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("stop", type=Path)
    parser.add_argument("--keep", action="store_true", help="open the database once")
    options = parser.parse_args()
    does = keep_reading if options.keep else read
    print(json.dumps(does(options.database, options.stop)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
