"""Where the lake is, and how DuckDB reaches it: its extensions, secrets, lock, and the lakes of builds."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from customer_segmentation._sql import sql_text
from customer_segmentation.commands._postgres_server import connection_parameters, without_secrets
from customer_segmentation.commands.ducklake.server import started
from customer_segmentation.publishing import CommandError, InUseError

if TYPE_CHECKING:
    import psycopg

EXTENSIONS = ("ducklake", "postgres_scanner")
# Names of DuckDB's secrets, and so of the databases.
BUILT = "lake"
PUBLISHED = "published_lake"
# Schemas of the catalogue in PostgreSQL: the lake that readers see, and the beginning of those of builds.
PUBLISHED_SCHEMA = "segmentation"
BUILD_PREFIX = "segmentation_build_"

# Nobody misses the lake of a build when the machine goes down: its commits do not wait for the disk.
NOT_KEPT = " options='-c synchronous_commit=off'"

NEEDED = "run `make ducklake`, which installs what it needs into .venv-ducklake."


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a lake has its parts.

    Attributes
    ----------
    folder : Path
        For what is of this machine: our own server, extensions, scratch.
    catalogue : str
        Connection string of PostgreSQL.
    data : str
        Folder of the Parquet files, as every reader must be able to open it.
    is_ours : bool
        Whether the server is one that we started.
    """

    folder: Path
    catalogue: str
    data: str
    is_ours: bool


def find_place(database: Path, environment: Mapping[str, str]) -> Place:
    """Say where the lake is; start a server of our own when none is named.

    Parameters
    ----------
    database : Path
        The published database; the lake lies beside it.
    environment : mapping of str to str
        SEGMENTATION_DUCKLAKE_CATALOGUE and SEGMENTATION_DUCKLAKE_DATA.

    Returns
    -------
    Place

    Raises
    ------
    CommandError
    """
    folder = folder_beside(database)
    catalogue = environment.get("SEGMENTATION_DUCKLAKE_CATALOGUE", "").strip()
    data = environment.get("SEGMENTATION_DUCKLAKE_DATA", "").strip() or str(folder / "data")
    if "://" not in data:
        data = str(Path(data).expanduser().absolute())
        Path(data).mkdir(parents=True, exist_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    if catalogue:
        return Place(folder, catalogue, data, is_ours=False)
    return Place(folder, started(folder / "postgres"), data, is_ours=True)


def folder_beside(database: Path) -> Path:
    """Return the folder of the lake beside a database."""
    return (database.parent / "ducklake").absolute()


def connected(place: Place) -> psycopg.Connection:
    """Open the catalogue's server, outside of transactions."""
    try:
        import psycopg
    except ImportError:
        raise CommandError(f"psycopg is not installed; {NEEDED}") from None
    parameters = connection_parameters(place.catalogue)
    try:
        return psycopg.connect(**parameters, autocommit=True)
    except psycopg.Error as error:
        said = without_secrets(" ".join(str(error).split()), place.catalogue, parameters)
        raise CommandError(
            f"PostgreSQL cannot be reached: {said.rstrip('.?')}. Mend SEGMENTATION_DUCKLAKE_CATALOGUE,"
            " or leave it out for a server of our own."
        ) from None


@contextlib.contextmanager
def lake_lock(server: psycopg.Connection) -> Iterator[None]:
    """Keep a second build of the lake out, on whatever machine; the lock dies with the connection.

    Raises
    ------
    InUseError
    """
    row = server.execute("select pg_try_advisory_lock(hashtext(%s))", [PUBLISHED_SCHEMA]).fetchone()
    if not (row and row[0]):
        raise InUseError("another build of this lake is running; wait for it. Nothing was changed.")
    yield


def install_extensions(folder: Path) -> Path:
    """Put DuckDB's extensions, which are Python packages here, where DuckDB looks for them.

    Parameters
    ----------
    folder : Path
        Of the lake on this machine.

    Returns
    -------
    Path
        DuckDB's setting extension_directory.

    Raises
    ------
    CommandError
        When a package is missing, or is one for another DuckDB.
    """
    directory = folder / "extensions"
    directory.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"extension_directory": str(directory)}) as connection:
        for name in EXTENSIONS:
            file = extension_file(name)
            installed = directory / f"v{duckdb.__version__}"
            if not any(installed.glob(f"*/{name}.duckdb_extension")):
                connection.execute(f"install {sql_text(str(file))}")
    return directory


def extension_file(name: str) -> Path:
    """Return the file of an extension in its Python package.

    Raises
    ------
    CommandError
    """
    package = f"duckdb_extension_{name}"
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise CommandError(f"DuckDB's extension {name} is not installed; {NEEDED}")
    folder = Path(spec.origin).parent / "extensions"
    file = folder / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not file.exists():
        versions = ", ".join(sorted(path.name for path in folder.glob("v*"))) or "none"
        raise CommandError(
            f"DuckDB's extension {name} is for DuckDB {versions}, and this is v{duckdb.__version__}; {NEEDED}"
        )
    return file


def secret_sql(name: str, place: Place, *, schema: str, data: str) -> str:
    """Return the statement that makes a lake known to DuckDB under a name."""
    return (
        f"create or replace persistent secret {name} (type ducklake,"
        f" metadata_path {sql_text('postgres:' + place.catalogue)},"
        f" metadata_schema {sql_text(schema)}, data_path {sql_text(data)})"
    )


@contextlib.contextmanager
def secrets(place: Place, extensions: Path, *, build: str | None) -> Iterator[Path]:
    """Give the folder in which DuckDB finds where the lakes are; it goes at the end.

    A connection string may hold a password: so it is in no command line and in no log.

    Parameters
    ----------
    place : Place
    extensions : Path
    build : str, optional
        Name of the lake that is being built.
    """
    folder = Path(tempfile.mkdtemp(prefix=".secrets-", dir=place.folder))
    try:
        with open_duckdb(extensions, folder) as connection:
            connection.execute("load ducklake")
            connection.execute(
                secret_sql(
                    PUBLISHED, place, schema=PUBLISHED_SCHEMA, data=f"{place.data}/published"
                )
            )
            if build:
                quick = dataclasses.replace(place, catalogue=place.catalogue + NOT_KEPT)
                connection.execute(
                    secret_sql(
                        BUILT,
                        quick if place.is_ours else place,
                        schema=build,
                        data=f"{place.data}/{build}",
                    )
                )
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def open_duckdb(extensions: Path, secret_folder: Path) -> duckdb.DuckDBPyConnection:
    """Open DuckDB in memory, knowing extensions and secrets."""
    return duckdb.connect(
        config={
            "extension_directory": str(extensions),
            "secret_directory": str(secret_folder),
        }
    )


@contextlib.contextmanager
def with_published(database: Path) -> Iterator[tuple[Path, Path]]:
    """Give extensions and secrets to read the published lake beside a database.

    Raises
    ------
    CommandError
        When nothing has been published.
    """
    place = find_place(database, os.environ)
    extensions = install_extensions(place.folder)
    with connected(place) as server:
        if not has_schema(server, PUBLISHED_SCHEMA):
            raise CommandError("no lake has been published yet; run `make ducklake`.")
    with secrets(place, extensions, build=None) as folder:
        yield extensions, folder


def new_build() -> str:
    """Return a name for the lake of a build, which no other build has."""
    return f"{BUILD_PREFIX}{uuid.uuid4().hex[:12]}"


def has_schema(server: psycopg.Connection, name: str) -> bool:
    """Say whether a lake has a catalogue."""
    return bool(server.execute("select 1 from pg_namespace where nspname = %s", [name]).fetchone())


def forget_builds(server: psycopg.Connection, place: Place) -> list[str]:
    """Remove the lakes of builds, whether they ended or were killed; called under the lock.

    Parameters
    ----------
    server : psycopg.Connection
    place : Place

    Returns
    -------
    list of str
        Their names.
    """
    from psycopg import sql

    found = server.execute(
        "select nspname from pg_namespace where starts_with(nspname, %s) order by nspname",
        [BUILD_PREFIX],
    ).fetchall()
    names = [name for (name,) in found]
    for name in names:
        server.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(name)))
    if "://" not in place.data:
        for folder in Path(place.data).glob(f"{BUILD_PREFIX}*"):
            shutil.rmtree(folder, ignore_errors=True)
    for folder in place.folder.glob(".secrets-*"):
        shutil.rmtree(folder, ignore_errors=True)
    return names
