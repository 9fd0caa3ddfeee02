"""A build on Spark: what it needs, and its publication, which readers see whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from customer_segmentation.commands import spark
from customer_segmentation.commands.spark import java, publication
from customer_segmentation.publishing import CommandError, InUseError, build_lock

MANIFEST = {
    "nodes": {
        "model.customers": {
            "schema": "marts",
            "alias": "customers",
            "description": "One row per person, isn't it.",
            "config": {"persist_docs": {"relation": True}},
            "columns": {
                "number": {"description": "Of the build."},
                "gone": {"description": "Not in the table."},
            },
        },
        "test.some": {"schema": "x", "alias": "y", "config": {}},
    }
}


@pytest.fixture
def place(tmp_path: Path) -> publication.Place:
    return publication.find_place(tmp_path / "it's here [1]" / "olist.duckdb", {})


def a_build(
    place: publication.Place, *, number: int, tables: tuple[str, ...] = ("customers",)
) -> Path:
    """Write what Spark writes: a folder per table, with its parts and a mark when it is whole."""
    build = publication.new_build(place)
    for table in tables:
        folder = build / "marts.db" / table
        folder.mkdir(parents=True)
        for part in range(2):
            duckdb.sql(f"select {number} as number, i from range(3) as t (i)").write_parquet(
                str(folder / f"part-{part}.parquet")
            )
        (folder / "_SUCCESS").touch()
    return build


def numbers(path: Path) -> list[int]:
    with duckdb.connect(str(path), read_only=True) as reader:
        return [
            row[0]
            for row in reader.execute("select distinct number from marts.customers").fetchall()
        ]


def test_readers_see_the_tables_of_the_last_build(place: publication.Place) -> None:
    done = publication.publish(
        place, a_build(place, number=1, tables=("customers", "orders")), MANIFEST
    )
    assert (done.tables, done.rows, done.lost) == (2, 12, ())
    assert done.bytes > 0
    assert numbers(place.published) == [1]
    with duckdb.connect(str(place.published), read_only=True) as reader:
        found = reader.execute(
            "select comment from duckdb_views() where view_name = 'customers' union all"
            " select comment from duckdb_columns() where table_name = 'customers' and column_name = 'number'"
        ).fetchall()
    assert found == [("One row per person, isn't it.",), ("Of the build.",)]
    done = publication.publish(place, a_build(place, number=2), MANIFEST)
    assert done.lost == ("marts.orders",)
    assert numbers(place.published) == [2]


def test_who_has_the_file_open_goes_on_with_what_he_opened(place: publication.Place) -> None:
    publication.publish(place, a_build(place, number=1), MANIFEST)
    with duckdb.connect(str(place.published), read_only=True) as reader:
        publication.publish(place, a_build(place, number=2), MANIFEST)
        assert reader.execute("select max(number) from marts.customers").fetchone() == (1,)
    assert numbers(place.published) == [2]


def test_the_folder_before_stays_and_older_ones_go(place: publication.Place) -> None:
    builds = [a_build(place, number=number) for number in range(3)]
    for build in builds:
        # Each of them begins when the others are there.
        publication.publish(place, build if build.exists() else a_build(place, number=9), MANIFEST)
    kept = publication.published_builds(place)
    assert len(kept) == 2
    assert sorted(place.builds.iterdir()) == sorted(kept)


def test_what_a_killed_build_left_goes_and_readers_have_what_they_had(
    place: publication.Place,
) -> None:
    publication.publish(place, a_build(place, number=1), MANIFEST)
    a_build(place, number=2)
    half = publication.new_build(place) / "marts.db" / "orders" / "_temporary"
    half.mkdir(parents=True)
    (place.published.parent / f".{place.published.name}.4711").write_text("half")
    publication.forget_builds(place)
    assert list(place.builds.iterdir()) == publication.published_builds(place)
    assert [path.name for path in place.published.parent.iterdir() if path.is_file()] == [
        "olist.duckdb"
    ]
    assert numbers(place.published) == [1]


def test_a_table_that_was_not_written_whole_is_none(place: publication.Place) -> None:
    build = a_build(place, number=1)
    (build / "marts.db" / "orders").mkdir()
    assert list(publication.tables_of(build)) == ["marts.customers"]


def test_what_cannot_be_read_is_not_published(place: publication.Place) -> None:
    publication.publish(place, a_build(place, number=1), MANIFEST)
    build = a_build(place, number=2)
    next((build / "marts.db" / "customers").glob("*.parquet")).write_text("no Parquet")
    with pytest.raises(CommandError, match=r"is not published.*Readers have what they had"):
        publication.publish(place, build, MANIFEST)
    assert numbers(place.published) == [1]


PUBLISHER = """
import json, os, sys
from pathlib import Path
from customer_segmentation.commands.spark import publication
place = publication.Place(Path(sys.argv[1]), Path(sys.argv[2]))
at = sys.argv[4]
describe, replace = publication._describe, Path.replace
def killed(*_):
    os.kill(os.getpid(), 9)
def replaced_and_killed(*given):
    replace(*given)
    killed()
if at == "views made":
    publication._describe = killed
elif at == "file written":
    Path.replace = killed
else:
    Path.replace = replaced_and_killed
publication.publish(place, Path(sys.argv[3]), {"nodes": {}})
"""


@pytest.mark.parametrize(
    ("at", "seen"), [("views made", 1), ("file written", 1), ("file renamed", 2)]
)
def test_a_kill_during_publication_leaves_one_build_or_the_other(
    place: publication.Place, at: str, seen: int
) -> None:
    publication.publish(place, a_build(place, number=1), MANIFEST)
    build = a_build(place, number=2)
    done = subprocess.run(
        [sys.executable, "-c", PUBLISHER, place.published, place.builds, build, at], check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert numbers(place.published) == [seen]
    publication.forget_builds(place)
    assert numbers(place.published) == [seen]
    publication.publish(place, a_build(place, number=3), MANIFEST)
    assert numbers(place.published) == [3]


def test_two_builds_at_once_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark, "refuse_without_spark", lambda environment: None)
    monkeypatch.setattr(spark, "refuse_bad_data", lambda options, environment: None)
    database = tmp_path / "olist.duckdb"
    place = publication.find_place(database, os.environ)
    with build_lock(place.published), pytest.raises(InUseError, match="another build"):
        spark.build(database)


def test_a_file_of_something_else_is_left_alone(place: publication.Place) -> None:
    duckdb.connect(str(place.published)).execute("create table mine as select 1 as one").close()
    with pytest.raises(CommandError, match="move it away"):
        publication.forget_builds(place)


def test_an_address_is_no_folder() -> None:
    with pytest.raises(CommandError, match="name a folder"):
        publication.find_place(Path("x.duckdb"), {"SEGMENTATION_SPARK_WAREHOUSE": "s3://bucket/x"})


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("The operation couldn't be completed.", None),
        ("", None),
    ],
)
def test_the_version_of_java_is_read(said: str, version: int | None) -> None:
    assert java.version_of(said) == version


def test_without_java_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda name: object())
    with pytest.raises(CommandError, match=r"no Java on this machine.*apt install openjdk-17"):
        java.refuse_without_spark({"PATH": str(tmp_path)})
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    old.chmod(0o755)
    with pytest.raises(CommandError, match=r"is version 11.*Java 17 or later"):
        java.refuse_without_spark({"JAVA_HOME": str(tmp_path), "PATH": os.defpath})
    old.write_text("#!/bin/sh\necho 'openjdk version \"17.0.2\"' >&2\n")
    java.refuse_without_spark({"JAVA_HOME": str(tmp_path), "PATH": os.defpath})


def test_without_pyspark_the_sentence_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CommandError, match="run `make spark`"):
        java.refuse_without_spark(os.environ)
