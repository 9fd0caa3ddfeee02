"""Every command that reads the published database says in a sentence why it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from conftest import PROJECT
from customer_segmentation.__main__ import main
from customer_segmentation.publishing import CommandError, InUseError, open_to_read
from tools import readme_pictures

COMMANDS = {
    "audience": ["--all"],
    "boards": [],
    "contract": [],
    "metrics": ["--metrics", "revenue"],
    "postgres": ["--dsn", "dbname=x"],
    "superset": [],
    "pictures": [],
}
NEEDS = {"boards": "dct", "metrics": "mf", "pictures": "dct"}
WRITER = """
import sys
import duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["missing", "folder", "empty file", "text", "SQLite", "cut off", "locked"])
def unreadable(request: pytest.FixtureRequest, tmp_path: Path):
    """Return a path that is no database that can be read."""
    path = tmp_path / "olist.duckdb"
    content = {"empty file": b"", "text": b"a,b\n" * 5000, "SQLite": b"SQLite format 3\0" * 999}
    if request.param == "folder":
        path.mkdir()
    elif request.param in content:
        path.write_bytes(content[request.param])
    elif request.param != "missing":
        with duckdb.connect(str(path)) as connection:
            connection.execute("create table numbers as from range(100000)")
    if request.param == "cut off":
        path.write_bytes(path.read_bytes()[:5000])
    if request.param != "locked":
        yield path
        return
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout.readline() == "open\n"
    yield path
    writer.communicate("", timeout=60)


def test_why_it_cannot_be_read_is_a_sentence(unreadable: Path, monkeypatch, capsys) -> None:
    existed = unreadable.exists()
    with pytest.raises(CommandError) as refused:
        open_to_read(unreadable)
    is_locked = isinstance(refused.value, InUseError)
    assert str(unreadable) in str(refused.value)
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("SEGMENTATION_DATABASE", str(unreadable))
    for name, arguments in COMMANDS.items():
        needed = NEEDS.get(name)
        if needed and not Path(sys.executable).with_name(needed).exists():
            continue
        if name == "postgres":
            pytest.importorskip("psycopg")
        if name == "metrics" and is_locked:
            # It answers from a copy.
            continue
        status = readme_pictures.main([]) if name == "pictures" else main([name, *arguments])
        assert status == 1, name
        said = capsys.readouterr().err
        assert str(refused.value) in said
        assert said.count("\n") == 1
    assert unreadable.exists() == existed


def test_a_reader_does_not_lock_another_out(tmp_path: Path) -> None:
    path = tmp_path / "olist.duckdb"
    duckdb.connect(str(path)).close()
    program = "import sys, duckdb; duckdb.connect(sys.argv[1], read_only=True)"
    with open_to_read(path):
        done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == 0
