"""The YAML that describes models and seeds: short files in one style, and nothing described over and over."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from conftest import PROJECT, model_properties

FILES = sorted(path for folder in ("models", "seeds") for path in (PROJECT / folder).rglob("*.yml"))
LONGEST_LINES = 200
# A column that more tables than this have in common is described in models/shared_columns.md.
MOST_COPIES = 3


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_a_file_has_one_topic_and_the_style_of_the_others(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST_LINES
    assert [line for line in lines if re.match(r"\s+- \{name: ", line)] == []


def test_columns_that_recur_are_described_once() -> None:
    copies = Counter(
        (column["name"], " ".join(column["description"].split()))
        for properties in model_properties()
        for model in properties.get("models", [])
        for column in model.get("columns", [])
    )
    assert len(copies) > 300
    typed = {text: count for text, count in copies.items() if "doc(" not in text[1]}
    assert {text: count for text, count in typed.items() if count > MOST_COPIES} == {}


def test_every_shared_description_is_used() -> None:
    shared = (PROJECT / "models" / "shared_columns.md").read_text(encoding="utf-8")
    names = re.findall(r"{% docs (\w+) %}", shared)
    described = "".join(path.read_text(encoding="utf-8") for path in FILES)
    assert len(names) == len(set(names)) > 25
    assert [name for name in names if f'doc("{name}")' not in described] == []
