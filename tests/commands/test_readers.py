"""A dashboard that keeps the published file open, and a build: neither notices the other."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import WITHOUT_TESTS, query

READER = """
import sys, time
import duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
answers = []
print("reading", flush=True)
stop = False
while not stop:
    started = time.monotonic()
    rows = connection.execute(
        "select segment_name, count(*), sum(monetary) from bi.customer_360 group by 1 order by 1"
    ).fetchall()
    answers.append((rows, time.monotonic() - started))
    time.sleep(0.05)
    import select
    stop = bool(select.select([sys.stdin], [], [], 0)[0])
same = all(rows == answers[0][0] for rows, _ in answers)
print(len(answers), same, max(seconds for _, seconds in answers), flush=True)
"""


@pytest.mark.build
def test_a_reader_in_another_process_queries_throughout_a_build(
    small_folder: Path, sample_database: Path, publish, tmp_path: Path
) -> None:
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    before = query(database, "select count(*) from marts.customers")
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert reader.stdout.readline() == "reading\n"
        # Fewer customers, so that the new file differs from the one that the reader has open.
        publish("--selector", "spine", *WITHOUT_TESTS, raw_dir=small_folder, database=database)
        said, errors = reader.communicate("stop\n", timeout=60)
    finally:
        reader.kill()
    assert reader.returncode == 0, errors
    queries, same, slowest = said.split()
    assert int(queries) > 20
    assert same == "True"
    assert float(slowest) < 10
    # The file was replaced under the reader, and a new reader sees the new one.
    assert query(database, "select count(*) from marts.customers") < before
