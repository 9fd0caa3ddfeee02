"""What a build on Spark takes: its event log by dbt node, its processes together, and the page that says so."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.builds import BuildError
from benchmarks.spark import report
from benchmarks.spark.event_log import NO_NODE, Work, main, work_by_node
from benchmarks.spark.processes import PROGRAM, folder_bytes, run_watched
from benchmarks.spark.run import ended_event_log

STATEMENT = {
    "Event": "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart",
    "executionId": 3,
    "description": "model.x.orders",
}


def stage(number: int, attempt: int = 0, **properties: str) -> dict[str, Any]:
    return {
        "Event": "SparkListenerStageSubmitted",
        "Stage Info": {"Stage ID": number, "Stage Attempt ID": attempt},
        "Properties": {name.replace("_", "."): value for name, value in properties.items()},
    }


def task(number: int, *, shuffled: int, spilled: int = 0, failed: bool = False) -> dict[str, Any]:
    return {
        "Event": "SparkListenerTaskEnd",
        "Stage ID": number,
        "Task Info": {"Failed": failed},
        "Task Metrics": {
            "Executor Run Time": 1500,
            "Executor CPU Time": 250_000_000,
            "Result Size": 10,
            "Disk Bytes Spilled": spilled,
            "Input Metrics": {"Bytes Read": 7},
            "Output Metrics": {"Bytes Written": 5},
            "Shuffle Write Metrics": {"Shuffle Bytes Written": shuffled},
        },
    }


def test_stages_are_summed_by_the_node_that_started_them() -> None:
    events = [
        {"Event": "SparkListenerLogStart"},
        STATEMENT,
        # A broadcast within the statement says what it does itself: the statement counts.
        stage(1, spark_sql_execution_id="3", spark_job_description="broadcast"),
        task(1, shuffled=100, spilled=40),
        stage(2, spark_sql_execution_id="3"),
        task(2, shuffled=20, failed=True),
        stage(2, attempt=1, spark_sql_execution_id="3"),
        task(2, shuffled=30),
        stage(4, spark_job_description="model.x.fits"),
        {**task(4, shuffled=0), "Task Metrics": None},
        stage(5),
        task(5, shuffled=1),
    ]
    lines = [json.dumps(event) for event in events]
    found = work_by_node([*lines, '{"Event": "half wri'])
    assert list(found) == ["model.x.orders", "model.x.fits", NO_NODE]
    assert found["model.x.orders"] == Work(
        stages=3, tasks=3, failed_tasks=1, task_seconds=4.5, cpu_seconds=0.75, longest_task_seconds=1.5,
        read_bytes=21, written_bytes=15, shuffle_bytes=150, spilled_bytes=40, driver_bytes=30,
    )  # fmt: skip
    assert found["model.x.fits"] == Work(stages=1, tasks=1)
    assert found[NO_NODE].shuffle_bytes == 1


def test_a_log_is_printed_with_the_most_shuffled_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = [stage(1), task(1, shuffled=1), STATEMENT, stage(2, spark_sql_execution_id="3")]
    log = tmp_path / "log"
    log.write_text("\n".join(map(json.dumps, [*events, task(2, shuffled=9)])))
    assert main([str(log)]) == 0
    said = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert said == ["node", "model.x.orders", NO_NODE]


# A child of its own group, as Spark's Python workers are, that holds memory and uses a processor.
PROGRAM_WITH_CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", '''
import time
held = bytearray(200_000_000)
end = time.process_time() + 1
while time.process_time() < end: pass
time.sleep(1.5)
''', "pyspark.daemon"], preexec_fn=lambda: os.setpgid(0, 0))
open(sys.argv[1], "wb").write(bytes(1000))
child.wait()
"""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="looks into /proc")
def test_a_command_and_its_children_are_watched_together(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    taken = run_watched(
        [sys.executable, "-c", PROGRAM_WITH_CHILD, str(scratch / "file")],
        log=tmp_path / "log", environment={}, scratch=[scratch],
    )  # fmt: skip
    assert taken.cpu_seconds > 0.9
    assert taken.seconds > 2
    assert set(taken.peak_memory_of) == {PROGRAM, "executors' Python"}
    assert taken.peak_memory_of["executors' Python"] > 200e6
    assert taken.peak_memory_of[PROGRAM] < 100e6
    assert taken.peak_memory >= taken.peak_memory_of["executors' Python"]
    assert folder_bytes(scratch) == 1000


def test_the_event_log_is_read_when_spark_has_ended_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = tmp_path / "app-1.inprogress"
    written.write_text("events")
    ended = tmp_path / "app-1"
    # Spark ends while we wait.
    monkeypatch.setattr("benchmarks.spark.run.time.sleep", lambda seconds: written.rename(ended))
    assert ended_event_log(tmp_path) == ended
    # An application that was killed never renames it.
    ended.rename(written)
    monkeypatch.setattr("benchmarks.spark.run.LAST_EVENT_SECONDS", -1.0)
    assert ended_event_log(tmp_path) == written


def test_a_command_that_fails_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="no such thing"):
        run_watched(
            [sys.executable, "-c", "raise SystemExit('no such thing')"],
            log=tmp_path / "log",
            environment={},
        )


def test_the_page_says_what_is_stored() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    results = report.stored()
    compared = [result["comparison"] for result in results if "comparison" in result]
    assert [found["different"] for found in compared] == [[]] * len(compared)
    assert len(results) >= 2
    assert report.written(page, results) == page


def test_what_was_not_shuffled_at_the_smaller_size_has_no_ratio() -> None:
    assert report.times_as_many(0, 7.0) == ""
    assert report.times_as_many(2.0, 7.0) == "3.5"


def test_another_result_is_another_page() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    results = copy.deepcopy(report.stored())
    node = next(iter(results[0]["engines"]["spark"]["nodes"].values()))
    node["shuffle_bytes"] += 10**12
    assert report.written(page, results) != page
    with pytest.raises(ValueError, match="has no part between"):
        report.written("no marks", results)
