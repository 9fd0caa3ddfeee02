"""What `make build` does around dbt."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from olist_segmentation.publish import forget_stale_parse


@pytest.mark.parametrize(
    ("changed", "is_remembered"),
    [
        (None, True),
        ("models/marts/rfm.sql", False),
        ("macros/study.sql", False),
        # A file has gone.
        ("models/marts", False),
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
