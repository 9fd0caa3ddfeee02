"""What `make build` does around dbt."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from olist_segmentation import publish
from olist_segmentation.publish import (
    PublishError,
    failure_message,
    forget_stale_parse,
    has_met_full_disk,
    put_in_place,
)


@pytest.mark.parametrize(
    ("changed", "is_remembered"),
    [
        (None, True),
        ("models/marts/rfm.sql", False),
        ("macros/study.sql", False),
        # A file has gone.
        ("models/marts", False),
        ("macros", False),
        ("tests/python/test_one.py", True),
    ],
)
def test_a_changed_project_is_parsed_anew(
    tmp_path: Path, changed: str | None, is_remembered: bool
) -> None:
    for name in ("models/marts/rfm.sql", "macros/study.sql", "tests/python/test_one.py"):
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
    published, side = tmp_path / "olist.duckdb", tmp_path / "side" / "olist.duckdb"
    side.parent.mkdir()
    published.write_text("old")
    side.write_text("new")

    def fail(_: Path) -> None:
        raise error("No space left on device")

    monkeypatch.setattr(publish, "complete_last_run", lambda *_, **__: None)
    monkeypatch.setattr(publish, "seal", fail)
    with pytest.raises(PublishError, match="could not be published: No space left on device"):
        put_in_place(side, published)
    assert published.read_text() == "old"


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
    assert "OLIST_TEMP_DIRECTORY" in message
    assert "for a while" not in failure_message(tmp_path / "olist.duckdb", side)
