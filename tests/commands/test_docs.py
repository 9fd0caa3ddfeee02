"""The documentation as one page: a front page, every public model, and no path of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from conftest import PROJECT
from customer_segmentation.commands.docs import OF_OLIST, of_a_shop, without_places


def test_folders_are_replaced_longest_first(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    raw, target = tmp_path / "olist", tmp_path / "elsewhere"
    text = f'read "{raw}/a.csv" {target}/compiled/x {tmp_path}/models "{raw}" data/sample/a.csv'
    found = without_places(text, raw_dir=raw, target=target)
    assert found == 'read "raw/a.csv" target/compiled/x ./models "raw" data/sample/a.csv'


def test_the_page_of_a_shop_speaks_of_no_other() -> None:
    raw = {"original_file_path": "models/adapters/olist/staging/_sources.yml"}
    own = {"depends_on": {"nodes": []}, "raw_code": "{% if 'olist' %}", "compiled_code": "select 1"}
    manifest = {
        "disabled": {"model.stg_orders": [{"raw_code": "Olist"}]},
        "sources": {"source.raw": raw},
        "nodes": {
            "model.rfm": {**own, "unrendered_config": {"enabled": "{{ var('adapter') == 'olist' }}"}},
            "model.plain": {**own, "raw_code": "select 2", "unrendered_config": {}},
            "test.grain": {"resource_type": "test", "original_file_path": "models/adapters/olist/x.yml"},
            "test.raw": {"depends_on": {"nodes": ["source.raw"]}},
        },
        "parent_map": {"test.raw": ["source.raw"], "model.rfm": ["source.raw", "model.plain"]},
        "child_map": {"source.raw": ["test.raw"], "model.plain": ["model.rfm", "test.raw"]},
        "macros": {"macro.a": {"macro_sql": "BRL", "description": ""}, "macro.b": {"macro_sql": "x"}},
        "docs": {"doc.front": {"block_contents": "Front\n- **Zip-code prefixes** x\n| `staging` | y\nEnd"}},
    }  # fmt: skip
    found = of_a_shop(manifest)
    assert not OF_OLIST.search(str(found))
    assert {name: node["raw_code"] for name, node in found["nodes"].items()} == {
        "model.rfm": "select 1",
        "model.plain": "select 2",
    }
    assert found["parent_map"] == {"model.rfm": ["model.plain"]}
    assert found["child_map"] == {"model.plain": ["model.rfm"]}
    assert found["docs"]["doc.front"]["block_contents"] == "Front\nEnd"
    assert found["macros"]["macro.b"]["macro_sql"] == "x"


def folders_of(part: dict, name: str = "models"):
    """Yield each folder of dbt_project.yml with what is set for it."""
    for key, value in part.items():
        if isinstance(value, dict) and not key.startswith("+"):
            yield f"{name}/{key}", value
            yield from folders_of(value, f"{name}/{key}")


def test_what_is_private_is_out_of_the_readers_way() -> None:
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    folders = dict(folders_of(project["models"]))
    private = {name for name, own in folders.items() if own.get("+access") == "private"}
    hidden = {name for name, own in folders.items() if own.get("+docs") == {"show": False}}
    assert len(private) >= 4
    assert hidden == private


@pytest.mark.build
@pytest.mark.thorough
def test_the_page_explains_and_tells_no_place(
    run, sample_folder: Path, sample_database: Path, tmp_path: Path
) -> None:
    page, target = tmp_path / "docs.html", tmp_path / "target"
    done = run(
        "customer_segmentation", "docs", "--to", str(page),
        raw_dir=sample_folder, database=sample_database, in_project=True, DBT_TARGET_PATH=str(target),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text(encoding="utf-8")
    assert "Who are our customers, are the segments real" in text
    assert "Payments × lines fan out" in text or "Payments \\u00d7 lines fan out" in text
    for name in ("customer_360", "board_overview", "audience_files", "average_order_value"):
        assert name in text
    places = (PROJECT, Path.home(), tmp_path, sample_folder, sample_database.parent)
    # Of a page this long, pytest's own account of a failure would take for ever.
    assert [place for place in places if str(place) in text] == []
