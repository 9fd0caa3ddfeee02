"""What a build on Spark leaves for readers: a DuckDB file whose views read the Parquet files of that build.

A build writes into a folder of its own, which nobody reads. Publishing is one rename of the DuckDB file:
before it readers have the tables of the build before, after it those of this one, and whoever has the
file open goes on with what he opened. The folder that was published before is kept for them.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from customer_segmentation._sql import sql_text
from customer_segmentation.publishing import CommandError

# Of the folders of builds.
PREFIX = "build_"
# Where the DuckDB file says which folder it reads, and which one was read before.
SOURCE = "main.spark_builds"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where builds and readers meet.

    Attributes
    ----------
    published : Path
        The DuckDB file.
    builds : Path
        Folder of the folders of builds, which every executor must reach under this name.
    """

    published: Path
    builds: Path


@dataclasses.dataclass(frozen=True)
class Published:
    """What was put before readers.

    Attributes
    ----------
    tables, rows, bytes : int
    lost : tuple of str
        ``schema.table`` of the build before that this one does not have.
    """

    tables: int
    rows: int
    bytes: int
    lost: tuple[str, ...]


def find_place(database: Path, environment: Mapping[str, str]) -> Place:
    """Say where the published file and the folders of builds are.

    Parameters
    ----------
    database : Path
        DuckDB's own database, beside which they lie.
    environment : mapping of str to str
        SEGMENTATION_SPARK_WAREHOUSE, when builds are elsewhere.

    Raises
    ------
    CommandError
    """
    folder = (database.parent / "spark").absolute()
    given = environment.get("SEGMENTATION_SPARK_WAREHOUSE", "").strip()
    if "://" in given:
        raise CommandError(
            f"SEGMENTATION_SPARK_WAREHOUSE is {given}; name a folder that this machine and every executor can open"
            " under the same name, such as a network drive."
        )
    builds = Path(given).expanduser().absolute() if given else folder / "tables"
    for path in (folder, builds):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(f"{path} cannot be made: {error.strerror}.") from None
    return Place(folder / database.name, builds)


def new_build(place: Place) -> Path:
    """Return the folder of a build that begins; it does not exist."""
    return place.builds / f"{PREFIX}{uuid.uuid4().hex[:12]}"


def published_builds(place: Place) -> list[Path]:
    """Return the folder that readers read and the one that they read before, as far as there are any."""
    if not place.published.exists():
        return []
    try:
        with duckdb.connect(str(place.published), read_only=True) as connection:
            rows = connection.execute(f"select folder from {SOURCE} order by age").fetchall()
    except duckdb.Error as error:
        raise CommandError(
            f"{place.published} is not what a build on Spark leaves ({str(error).splitlines()[0]}); move it away."
        ) from None
    return [Path(folder) for (folder,) in rows]


def tables_of(build: Path) -> dict[str, Path]:
    """Return the folder of each ``schema.table`` that was written whole."""
    return {
        f"{path.parent.parent.name.removesuffix('.db')}.{path.parent.name}": path.parent
        for path in sorted(build.glob("*.db/*/_SUCCESS"))
    }


def publish(place: Place, build: Path, manifest: Mapping[str, Any]) -> Published:
    """Put a build before readers, as a whole.

    Parameters
    ----------
    place : Place
    build : Path
        Folder of a build that is complete.
    manifest : mapping
        dbt's, for the descriptions.

    Raises
    ------
    CommandError
        When a table cannot be read; readers have what they had.
    """
    tables = tables_of(build)
    before = published_builds(place)[:1]
    side = place.published.with_name(f".{place.published.name}.{os.getpid()}")
    side.unlink(missing_ok=True)
    try:
        with duckdb.connect(str(side)) as connection:
            connection.execute(f"create table {SOURCE} (age integer, folder varchar)")
            for age, folder in enumerate([build, *before]):
                connection.execute(f"insert into {SOURCE} values (?, ?)", [age, str(folder)])
            rows = sum(_make_view(connection, name, path) for name, path in tables.items())
            _describe(connection, manifest, set(tables))
        with side.open("rb") as file:
            os.fsync(file.fileno())
        side.replace(place.published)
    except duckdb.Error as error:
        raise CommandError(
            f"what was built cannot be read, and is not published: {error} Readers have what they had."
        ) from None
    finally:
        side.unlink(missing_ok=True)
    size = sum(path.stat().st_size for path in build.rglob("*.parquet"))
    lost = sorted(set(tables_of(before[0])) - set(tables)) if before else []
    _delete_all_but(place, {build, *before})
    return Published(len(tables), rows, size, tuple(lost))


def forget_builds(place: Place) -> None:
    """Delete the folders of builds that were killed, or that nobody reads any more.

    The published folder stays, and the one before it, for those who have its file still open.

    Parameters
    ----------
    place : Place
        Under the lock: nobody builds.
    """
    _delete_all_but(place, set(published_builds(place)))


def _delete_all_but(place: Place, kept: set[Path]) -> None:
    """Delete the folders of builds that are not kept, and files that were never renamed."""
    for folder in place.builds.glob(f"{PREFIX}*"):
        if folder not in kept:
            shutil.rmtree(folder, ignore_errors=True)
    for file in place.published.parent.glob(f".{place.published.name}.*"):
        file.unlink(missing_ok=True)


def _make_view(connection: duckdb.DuckDBPyConnection, name: str, path: Path) -> int:
    """Make the view of one table, and return how many rows it has."""
    schema, table = name.split(".")
    connection.execute(f'create schema if not exists "{schema}"')
    files = re.sub(r"([*?\[])", r"[\1]", str(path)) + "/*.parquet"
    connection.execute(
        f"""create view "{schema}"."{table}" as from read_parquet({sql_text(files)})"""
    )
    row = connection.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
    return int(row[0]) if row else 0


def _describe(
    connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any], names: set[str]
) -> None:
    """Write the descriptions of tables and columns into the catalogue."""
    found = connection.execute(
        "select schema_name || '.' || table_name, column_name from duckdb_columns()"
        " where database_name = current_database()"
    ).fetchall()
    columns = set(found)
    for node in manifest["nodes"].values():
        name = f"{node.get('schema')}.{node.get('alias')}"
        if name not in names or not node["config"].get("persist_docs", {}).get("relation"):
            continue
        schema, table = name.split(".")
        relation = f'"{schema}"."{table}"'
        if node["description"]:
            connection.execute(f"comment on view {relation} is {sql_text(node['description'])}")
        for column, stated in node["columns"].items():
            if stated["description"] and (name, column) in columns:
                connection.execute(
                    f'comment on column {relation}."{column}" is {sql_text(stated["description"])}'
                )


def read_manifest(target: Path) -> dict[str, Any]:
    """Read dbt's manifest."""
    manifest: dict[str, Any] = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    return manifest
