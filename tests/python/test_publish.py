"""What `make build` does around dbt."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from olist_segmentation import publish
from olist_segmentation.publish import PublishError, forget_stale_parse, put_in_place


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
