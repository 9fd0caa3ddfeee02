"""What `make build` does around dbt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

import customer_segmentation
from customer_segmentation.__main__ import main
from customer_segmentation.publishing import CommandError
from customer_segmentation.publishing import build as publish
from customer_segmentation.publishing.build import (
    failure_message,
    put_in_place,
)
from customer_segmentation.publishing.completeness import read_run
from customer_segmentation.publishing.database_file import logs_beside
from customer_segmentation.publishing.dbt_process import forget_stale_parse, has_met_full_disk
from databases import execute, holder, leave_log, make_database, number_in


@pytest.mark.parametrize(
    ("changed", "is_remembered"),
    [
        (None, True),
        ("models/marts/rfm.sql", False),
        ("macros/as_of.sql", False),
        # A file has gone.
        ("models/marts", False),
        ("macros", False),
        ("tests/steps/test_one.py", True),
    ],
)
def test_a_changed_project_is_parsed_anew(
    tmp_path: Path, changed: str | None, is_remembered: bool
) -> None:
    for name in ("models/marts/rfm.sql", "macros/as_of.sql", "tests/steps/test_one.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "dbt_project.yml").write_text("")
    target = tmp_path / "target"
    forget_stale_parse(tmp_path, target)
    target.mkdir()
    (target / "partial_parse.msgpack").write_text("")
    for path in tmp_path.rglob("*"):
        os.utime(path, (1_000, 1_000))
    if changed:
        os.utime(tmp_path / changed, (2_000, 2_000))
    forget_stale_parse(tmp_path, target)
    assert (target / "partial_parse.msgpack").exists() == is_remembered


@pytest.mark.parametrize("error", [OSError, duckdb.FatalException, duckdb.TransactionException])
def test_what_cannot_be_sealed_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    published = make_database(tmp_path / "olist.duckdb", 1)
    side = make_database(tmp_path / "side" / "olist.duckdb", 2)

    def fail(_: Path) -> None:
        raise error("No space left on device")

    monkeypatch.setattr(publish, "seal", fail)
    with pytest.raises(CommandError, match="could not be published: No space left on device"):
        put_in_place(side, published)
    assert number_in(published) == 1


def test_a_disk_that_was_full_only_while_dbt_spilled_is_named(tmp_path: Path) -> None:
    results = tmp_path / "run_results.json"
    assert not has_met_full_disk(tmp_path, since=1_000)
    results.write_text('{"results": [{"message": "IO Error: No space left on device"}]}')
    os.utime(results, (2_000, 2_000))
    assert has_met_full_disk(tmp_path, since=1_000)
    # Of an earlier build.
    assert not has_met_full_disk(tmp_path, since=3_000)
    results.write_text('{"results": [{"message": "Runtime Error"}]}')
    assert not has_met_full_disk(tmp_path, since=1_000)
    side = tmp_path / "side.duckdb"
    message = failure_message(tmp_path / "olist.duckdb", side, was_full=True)
    assert "was full for a while" in message
    assert "SEGMENTATION_TEMP_DIRECTORY" in message
    assert "for a while" not in failure_message(tmp_path / "olist.duckdb", side)


def test_a_dbt_that_was_ended_by_a_signal_is_not_said_to_have_errors(tmp_path: Path) -> None:
    message = failure_message(tmp_path / "olist.duckdb", tmp_path / "side", status=-signal.SIGKILL)
    assert "dbt was ended by signal 9 (SIGKILL)" in message
    assert "errors are above" not in message


# --- a run of dbt that is made up: which runs are published ----------------------------------------------

NODES = {
    "model.p.sellers": ("model", "marts", "sellers"),
    "seed.p.segment_playbook": ("seed", "seeds", "segment_playbook"),
    "test.p.unique_customers": ("test", "dbt_test__audit", "unique_customers"),
}


def write_artifacts(
    target: Path,
    *,
    statuses: dict[str, str] | None = None,
    command: str = "build",
    when: float | None = None,
    of_build: str = "",
    **arguments: Any,
) -> None:
    """Write what dbt leaves of a run over `NODES` and one unit test."""
    if statuses is None:
        statuses = {
            key: "pass" if "test" in key else "success" for key in (*NODES, "unit_test.p.u")
        }
    metadata = {"generated_at": datetime.fromtimestamp(when or time.time() + 1, UTC).isoformat()}
    target.mkdir(parents=True, exist_ok=True)
    manifest = {
        "metadata": metadata,
        "nodes": {
            key: {
                "unique_id": key,
                "resource_type": kind,
                "schema": schema,
                "alias": name,
                "name": name,
                "config": {"materialized": "table", "enabled": True},
            }
            for key, (kind, schema, name) in NODES.items()
        },
        "unit_tests": {"unit_test.p.u": {"unique_id": "unit_test.p.u", "name": "u"}},
    }
    (target / "manifest.json").write_text(json.dumps(manifest))
    results = {
        "metadata": metadata | {"env": {"SEGMENTATION_BUILD": of_build} if of_build else {}},
        "args": {"which": command, **arguments},
        "results": [{"unique_id": key, "status": status} for key, status in statuses.items()],
    }
    (target / "run_results.json").write_text(json.dumps(results))


def write_period_models(database: Path, models: list[str | None]) -> None:
    """Write which model is in force at so many dates; None is a date without segments."""
    rows = ", ".join(
        f"(date '2018-0{month}-01', {'null' if model is None else repr(model)}, 'note {month}.')"
        for month, model in enumerate(models, start=1)
    )
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema segmentation")
        connection.execute(
            "create table segmentation.period_models as select *, false as is_fallback"
            f" from (values {rows}) as t(as_of_date, model_id, note)"
        )


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Do what `make build` does with a dbt that writes database `number` and artifacts."""
    published = tmp_path / "warehouse" / "olist.duckdb"
    monkeypatch.setenv("SEGMENTATION_DATABASE", str(published))
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setattr(publish, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(publish, "problems", lambda _, project: [])

    def run(
        number: int, *options: str, status: int = 0, during=lambda: None, models=None, **artifacts
    ) -> int:
        def run_dbt(side: Path, given: list[str], **_: Any) -> int:
            assert "--partial" not in given
            make_database(side, number)
            if models is not None:
                write_period_models(side, models)
            if artifacts.get("when") != 0:
                write_artifacts(tmp_path / "target", **artifacts)
            during()
            return status

        monkeypatch.setattr(publish, "run_dbt", run_dbt)
        return main(["build", *options])

    run.published = published
    return run


def test_a_whole_run_is_published_and_a_failed_one_is_not(build, capsys) -> None:
    assert build(1) == 0
    assert number_in(build.published) == 1
    assert f"Published {build.published}" in capsys.readouterr().out
    assert build(2, status=1) == 1
    assert number_in(build.published) == 1


@pytest.mark.parametrize(
    ("artifacts", "sentence"),
    [
        ({"statuses": {}}, "it did not build marts.sellers, seeds.segment_playbook, and it did"),
        (
            {"statuses": {"model.p.sellers": "success", "seed.p.segment_playbook": "success"}},
            "it did not run u, unique_customers",
        ),
        (
            {
                "statuses": {
                    "model.p.sellers": "skipped",
                    "seed.p.segment_playbook": "success",
                    "test.p.unique_customers": "warn",
                    "unit_test.p.u": "pass",
                }
            },
            "it did not build marts.sellers.",
        ),
        ({"empty": True}, "--empty builds tables without all of their rows"),
        ({"command": "seed"}, "dbt ran `seed`, not `build`"),
        ({"when": 1000.0}, "dbt left no results of this run"),
        ({"when": 0}, "dbt left no results of this run"),
        # Two builds at once, of two databases, in one folder: these results are the other's.
        (
            {"of_build": "/.other.building/other.duckdb"},
            "another build in this folder, of /.other.",
        ),
    ],
)
def test_a_run_that_left_something_out_is_published_only_when_asked_for(
    build, capsys, artifacts: dict[str, Any], sentence: str
) -> None:
    assert build(1) == 0
    (build.published.parents[1] / "target" / "run_results.json").unlink()
    with duckdb.connect(str(build.published)) as connection:
        connection.execute("create schema bi; create table bi.calendar as select 1 as day")
    capsys.readouterr()
    assert build(2, **artifacts) == 1
    said = capsys.readouterr().err
    assert sentence in said
    assert "Readers would lose bi.calendar." in said
    assert "PARTIAL=1" in said
    assert number_in(build.published) == 1
    assert build(3, "--partial", **artifacts) == 0
    said = capsys.readouterr().out
    assert "Partial, as asked for:" in said
    assert "In the database before, and not in this one: bi.calendar." in said
    assert number_in(build.published) == 3


def test_results_are_known_by_the_file_that_was_built(tmp_path: Path) -> None:
    side = tmp_path / "side.duckdb"
    relations = {"marts.sellers", "seeds.segment_playbook"}
    for of_build, is_ours in (("", True), (str(side), True), ("elsewhere.duckdb", False)):
        write_artifacts(tmp_path, of_build=of_build)
        run = read_run(tmp_path, since=0, relations=relations, side=side)
        assert run.is_complete == is_ours


def test_a_table_that_dbt_says_it_built_must_be_in_the_file(tmp_path: Path) -> None:
    write_artifacts(tmp_path)
    run = read_run(tmp_path, since=0, relations={"marts.sellers"})
    assert run.not_built == ("seeds.segment_playbook",)
    assert read_run(
        tmp_path, since=0, relations={"marts.sellers", "seeds.segment_playbook"}
    ).is_complete


def test_raw_files_that_cannot_be_read_stop_before_dbt(build, monkeypatch, capsys) -> None:
    monkeypatch.setattr(publish, "problems", lambda _, project: ["a.csv is empty.", "b.csv too."])
    assert build(1, during=lambda: pytest.fail("it was built")) == 1
    said = capsys.readouterr().err
    assert said.startswith("build: the raw data in ")
    assert "\n  - a.csv is empty.\n  - b.csv too.\n" in said


def test_a_shop_without_segments_is_published_and_said_until_there_are_segments(
    build, capsys
) -> None:
    said = "make build: no as-of date could be segmented. note 2. What does not need segments is"
    assert build(1, models=[None, None]) == 1
    assert said in capsys.readouterr().err
    assert number_in(build.published) == 1
    assert build(2, models=[None, None]) == 1
    assert number_in(build.published) == 2
    assert build(3, models=[None, "a model"]) == 0
    assert build(4, models=[None, None]) == 1
    assert "readers would lose them all" in capsys.readouterr().err
    assert number_in(build.published) == 3
    assert build(5, "--partial", models=[None, None]) == 1
    assert number_in(build.published) == 5


def test_an_empty_file_that_a_dbt_without_data_left_is_not_kept(build) -> None:
    build.published.parent.mkdir()
    duckdb.connect(str(build.published)).close()
    assert build(1) == 0
    assert number_in(build.published) == 1
    assert list(build.published.parent.glob(".olist.previous/*")) == []


def test_help_builds_nothing(build, capsys) -> None:
    with pytest.raises(SystemExit):
        build(1, "--help")
    assert "options of dbt build" in capsys.readouterr().out
    assert not build.published.exists()


def test_a_log_that_was_left_before_the_build_does_not_reach_the_new_file(build, capsys) -> None:
    build(1)
    leave_log(build.published, "drop table marts.sellers")
    assert build(2) == 0
    assert number_in(build.published) == 2
    assert logs_beside(build.published) == []
    assert "left a log of" in capsys.readouterr().err


def test_a_log_without_its_database_does_not_reach_the_new_file(build, capsys) -> None:
    build(1)
    leave_log(build.published, "drop table marts.sellers")
    build.published.unlink()
    assert build(2) == 0
    assert number_in(build.published) == 2
    assert logs_beside(build.published) == []
    assert "without a database" in capsys.readouterr().err


def test_a_log_that_is_left_during_the_build_does_not_either(build) -> None:
    build(1)
    changes = "update marts.sellers set number = 99"
    assert build(2, during=lambda: leave_log(build.published, changes)) == 0
    assert number_in(build.published) == 2
    assert logs_beside(build.published) == []


def test_a_writer_stops_a_build_before_it_begins_and_before_it_is_published(build, capsys) -> None:
    build(1)
    with holder(build.published) as editor:
        assert build(2) == 1
        said = capsys.readouterr().err
        assert f"Process {editor.pid} (" in said
        assert "Close it there" in said
    editors = []

    def open_an_editor() -> None:
        editors.append(holder(build.published))
        execute(editors[0].__enter__(), "update marts.sellers set number = 99")

    assert build(3, during=open_an_editor) == 1
    said = capsys.readouterr().err
    assert "was built and could not be published" in said
    assert "has" in said
    assert "open for writing" in said
    editors[0].__exit__(None, None, None)
    assert build(4) == 0
    assert number_in(build.published) == 4


def test_what_is_announced_is_what_is_read(build, capsys, monkeypatch) -> None:
    build(1)
    summaries = iter(["tested", "something else"])
    monkeypatch.setattr(publish, "summary", lambda *_: next(summaries))
    assert build(2) == 1
    said = capsys.readouterr()
    assert "does not read as the database that was tested" in said.err
    assert "tested" not in said.out


@pytest.mark.parametrize("name", ["link", "chain"])
def test_a_link_stays_a_link_and_the_mode_stays(build, monkeypatch, name: str) -> None:
    build(1)
    real = build.published
    real.chmod(0o640)
    link = real.parents[1] / "link.duckdb"
    link.symlink_to(real)
    chain = real.parents[1] / "chain.duckdb"
    chain.symlink_to(link)
    monkeypatch.setenv("SEGMENTATION_DATABASE", str(real.parents[1] / f"{name}.duckdb"))
    assert build(2) == 0
    assert link.is_symlink()
    assert chain.is_symlink()
    assert number_in(link) == 2
    assert real.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SEGMENTATION_DATABASE", ":memory:", "names no file"),
        ("SEGMENTATION_DATABASE", "/dev/null", "is no regular file"),
        ("SEGMENTATION_DATABASE", "x" * 300, "too long"),
        ("SEGMENTATION_KEEP_DATABASES", "two", "whole number"),
    ],
)
def test_a_setting_that_cannot_be_used_stops_before_anything_is_built(
    build, monkeypatch, capsys, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)
    assert build(1, during=lambda: pytest.fail("it was built")) == 1
    said = capsys.readouterr().err
    assert said.startswith("build: ")
    assert sentence in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_a_build_that_is_ended_takes_its_dbt_with_it(tmp_path: Path, number: int) -> None:
    # A dbt that sleeps, beside a link to this Python.
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "dbt").write_text("#!/bin/sh\necho $$ > started\nexec sleep 100\n")
    (programs / "dbt").chmod(0o755)
    code = (
        "import sys; from customer_segmentation.__main__ import main; "
        "from customer_segmentation.publishing import build; build.refuse_bad_raw_files = lambda *_, **__: None; "
        f"sys.executable = {str(programs / 'python')!r}; sys.exit(main(['build']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(customer_segmentation.__file__).parents[1]),
            "SEGMENTATION_DATABASE": "o.duckdb",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    started = tmp_path / "started"
    while not started.exists() or not started.read_text().strip():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    child = int(started.read_text())
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert said == "build: stopped. The published database is as it was.\n"
    elif sys.platform != "linux":
        pytest.skip("only Linux tells a child that its parent was killed")
    for _ in range(100):
        if not is_alive(child):
            break
        time.sleep(0.05)
    assert not is_alive(child)


def is_alive(process: int) -> bool:
    """Say whether a process runs; one that has ended and was not waited for does not."""
    done = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return bool(done.stdout.strip()) and not done.stdout.strip().startswith("Z")
