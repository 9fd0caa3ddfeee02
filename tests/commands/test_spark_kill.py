"""A build on Spark that is killed with all its processes: readers have what they had, and the next build cleans up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from customer_segmentation.commands.spark import publication
from spark_session import INSTALL, PROJECT, skip_without_spark

pytest.importorskip("pyspark", reason=INSTALL)
pytestmark = [pytest.mark.build, pytest.mark.thorough]
# Under load Spark alone takes a minute to start.
MOST_SECONDS = 900


def published_before(place: publication.Place) -> bytes:
    """Publish a table of our own, and return the file that readers open."""
    build = publication.new_build(place)
    folder = build / "marts.db" / "customers"
    folder.mkdir(parents=True)
    duckdb.sql("select 7 as number").write_parquet(str(folder / "part-0.parquet"))
    (folder / "_SUCCESS").touch()
    publication.publish(place, build, {"nodes": {}})
    return place.published.read_bytes()


def numbers(place: publication.Place) -> list[tuple[int]]:
    with duckdb.connect(str(place.published), read_only=True) as reader:
        return reader.execute("select number from marts.customers").fetchall()


def half_built(place: publication.Place) -> list[Path]:
    """Return the tables that a build has written whole, while it goes on."""
    kept = publication.published_builds(place)
    builds = [folder for folder in place.builds.iterdir() if folder.is_dir() and folder not in kept]
    return [mark.parent for build in builds for mark in build.glob("*.db/*/_SUCCESS")]


def still_running(group: int) -> list[str]:
    """Return the processes of a group that have not ended."""
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = place.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group and state not in "ZX":
            found.append(place.parent.name)
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")
def test_a_killed_driver_leaves_readers_what_they_had(tmp_path: Path, small_folder: Path) -> None:
    skip_without_spark()
    database = tmp_path / "olist.duckdb"
    environment = {
        **os.environ,
        "PYTHONPATH": str(PROJECT / "python"),
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
        "OLIST_RAW_DIR": str(small_folder),
        "SEGMENTATION_DATABASE": str(database),
        "SEGMENTATION_SPARK_MASTER": "local[1]",
    }
    place = publication.find_place(database, environment)
    before = published_before(place)
    with (tmp_path / "said.txt").open("w") as said:
        build = subprocess.Popen(
            [sys.executable, "-m", "customer_segmentation", "spark", "--verbose"],
            cwd=tmp_path,
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
            # Its processes are a group, so that all of them are killed, and nobody else's.
            start_new_session=True,
        )
        try:
            end = time.monotonic() + MOST_SECONDS
            while len(half_built(place)) < 3:
                assert build.poll() is None, (tmp_path / "said.txt").read_text()[-4000:]
                assert time.monotonic() < end, (tmp_path / "said.txt").read_text()[-4000:]
                time.sleep(0.1)
            assert place.published.read_bytes() == before
        finally:
            os.killpg(build.pid, signal.SIGKILL)
            build.wait()
    for _ in range(100):
        if not still_running(build.pid):
            break
        time.sleep(0.1)
    assert still_running(build.pid) == []
    assert place.published.read_bytes() == before
    assert numbers(place) == [(7,)]
    assert half_built(place)
    # As the next build begins.
    publication.forget_builds(place)
    assert not half_built(place)
    assert list(place.builds.iterdir()) == publication.published_builds(place)
    assert numbers(place) == [(7,)]
