"""Databases to test on, built in subprocesses: DuckDB keeps its file open for as long as a process lives."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
import yaml

from distribution import FilesAndScenarios, Scheduling, in_order_of_start
from forks import DBT, Forks
from olist import is_real

PROJECT = Path(__file__).resolve().parents[1]
# What a database is built from, beside the raw files.
CODE = [
    PROJECT / name
    for name in ("models", "macros", "seeds", "python", "dbt_project.yml", "profiles.yml")
]
# What dbt parses.
PARSED = [
    PROJECT / name
    for name in (
        *("models", "macros", "seeds", "analyses", "tests/generic", "tests/singular"),
        *("dbt_project.yml", "profiles.yml", "selectors.yml"),
    )
]
# What a build does not read, of what it would take from the environment.
NOT_READ = ("SEGMENTATION_DATABASE", "SEGMENTATION_SHOPS_DIR", "SEGMENTATION_TEST_")
# Enough people for every segment at most dates, and quick to build.
SAMPLE_CUSTOMERS = 12_000
# Enough for every table to have rows, and for the last dates to be segmented.
SMALL_CUSTOMERS = 900

# What makes a test one of the second tier, in its own words; see `pytest_collection_modifyitems`.
SECOND_TIER = re.compile(r"\bmark\.(thorough|real|shops)\b|\bpublish\b")

# Each takes a processor, some memory and, in its subprocesses, threads.
MOST_WORKERS = 4

# Other workers use the other processors; a build of a small sample in one thread takes a fifth less processor time.
BESIDE_OTHERS = {"SEGMENTATION_THREADS": "1"} if "PYTEST_XDIST_WORKER" in os.environ else {}
# For a build that others wait for, or that is compared with one of one thread.
TWO_THREADS = {"SEGMENTATION_THREADS": "2"}

Run = Callable[..., subprocess.CompletedProcess]
# Unit tests ask nothing of the data: those of the sample's build are enough.
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
# For a build whose result the test itself looks at.
WITHOUT_TESTS = ("--exclude-resource-type", "test", *WITHOUT_UNIT_TESTS)
# Everything but the study, which looks at two dates only.
WITHOUT_STUDY = ("--selector", "without_study")
# The study where a test looks at something else: every part of it, and few of each.
SMALL_STUDY: dict[str, Any] = {
    "cluster_counts": [3, 4],
    "inits": ["k-means++"],
    "seeds": [42],
    "spectral_cluster_counts": [3],
    "spectral_neighbors": [10],
    "spectral_assign_labels": ["cluster_qr"],
    "gap_references": 2,
    "resamples": 10,
}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files whose tests are all in the first tier, when only the second is asked for."""
    if config.option.markexpr != "thorough" or not collection_path.match("test_*.py"):
        return None
    return not SECOND_TIER.search(collection_path.read_text("utf-8")) or None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say which tests `make test` leaves to `make test-all`, skip those without their data, and order the workers'."""
    for item in items:
        if (
            item.get_closest_marker("real")
            or item.get_closest_marker("shops")
            or "publish" in item._fixtureinfo.argnames
        ):
            item.add_marker(pytest.mark.thorough)
        if item.get_closest_marker("shops") and not os.environ.get("SEGMENTATION_SHOPS_DIR"):
            item.add_marker(pytest.mark.skip(reason="SEGMENTATION_SHOPS_DIR is not set"))
    skip_without_real_data(items)
    for path in {item.path for item in items if item.get_closest_marker("thorough")}:
        if not SECOND_TIER.search(path.read_text("utf-8")):
            raise pytest.UsageError(
                f"{path} has a test of the second tier and does not say so; mark the test itself."
            )
    if hasattr(config, "workerinput"):
        in_order_of_start(items)


def skip_without_real_data(items: list[pytest.Item]) -> None:
    """Skip the tests on real data, saying why, when there are none."""
    folder = os.environ.get("OLIST_RAW_DIR")
    if not folder:
        reason = "OLIST_RAW_DIR is not set"
    elif not is_real(folder):
        reason = f"OLIST_RAW_DIR={folder} does not hold the real set"
    else:
        return
    for item in items:
        if item.get_closest_marker("real"):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return one worker more than there are processors: one often waits for what another builds."""
    return min((os.cpu_count() or 1) + 1, MOST_WORKERS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Hand out whole files, but single tests where each runs dbt for itself."""
    return FilesAndScenarios(config, log)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of this test run see."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def kept_folder(shared_folder: Path, pytestconfig: pytest.Config) -> Path:
    """Return a folder that later runs of the tests see, too, until anything changes that a build is made of."""
    if not hasattr(pytestconfig, "cache"):
        return shared_folder
    builds = pytestconfig.cache.mkdir("builds")
    kept = builds / made_of()

    def forget_others() -> None:
        others = [other for other in builds.iterdir() if other != kept and other.is_dir()]
        # Another run may be using the last one.
        for other in sorted(others, key=os.path.getmtime)[:-1]:
            shutil.rmtree(other, ignore_errors=True)

    made_once(kept / "others", forget_others)
    return kept


def made_of() -> str:
    """Return a hash of what the build of a sample is made of: code, libraries, settings of this machine."""
    digest = hashlib.sha256()
    for path in sorted(files_in({*CODE, *PARSED})):
        digest.update(f"{path.relative_to(PROJECT)} {path.stat().st_size} ".encode())
        digest.update(path.read_bytes())
    libraries = sorted(f"{found.name} {found.version}" for found in metadata.distributions())
    settings = sorted(
        (name, value)
        for name, value in os.environ.items()
        if name.startswith("SEGMENTATION_") and not name.startswith(NOT_READ)
    )
    digest.update(repr((sys.version, libraries, settings, SAMPLE_CUSTOMERS)).encode())
    return digest.hexdigest()[:16]


def made_once(folder: Path, make: Callable[[], object]) -> None:
    """Let the first worker make a folder, and the others wait for it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    done = folder.with_suffix(".done")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            make()
            done.touch()


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory, shared_folder: Path) -> Iterator[Forks]:
    """Return what runs programs without waiting for their imports."""
    found = Forks(tmp_path_factory.mktemp("streams"), shared_folder)
    yield found
    found.close()


class Call(NamedTuple):
    """How a command is called: where, with which environment, and what it leaves of dbt's parse for others."""

    cwd: Path
    environment: dict[str, str]
    parse: Path
    shared_parse: Path


@pytest.fixture(scope="session")
def prepared(
    tmp_path_factory: pytest.TempPathFactory, shared_folder: Path, pytestconfig: pytest.Config
) -> Callable[..., Call]:
    """Say how a module of ours, or dbt, is called on this project with given settings."""
    # Apart from the user's own target folder, so that dbt parses only what changed.
    folder = tmp_path_factory.mktemp("dbt")
    parses = shared_folder / "parses"
    parses.mkdir(exist_ok=True)
    # Also those of earlier runs of the tests, as long as nothing that is parsed has changed.
    kept = pytestconfig.cache.mkdir("parses") if hasattr(pytestconfig, "cache") else parses

    def call(
        *command: str,
        raw_dir: Path | None = None,
        database: Path | None = None,
        in_project: bool = False,
        **environment: str,
    ) -> Call:
        environment = BESIDE_OTHERS | environment
        # dbt parses everything anew when a var or the name of the database differs from those of
        # the last run in the same target folder. So each set of settings has a folder of its own,
        # and the database is named from its own folder.
        variables = [
            value
            for name, value in itertools.pairwise(command)
            if name == "--vars" and value != "{}"
        ]
        machine = [
            f"{name}={environment[name]}"
            for name in sorted(environment)
            if name.startswith("SEGMENTATION_")
        ]
        place = [str(database)] if in_project else []
        words = [command[0], *variables, *machine, *place]
        key = hashlib.sha256("".join(words).encode()).hexdigest()[:12]
        settings = {
            "PYTHONPATH": str(PROJECT / "python"),
            "DBT_PROJECT_DIR": str(PROJECT),
            "DBT_PROFILES_DIR": str(PROJECT),
            "DBT_TARGET_PATH": str(folder / key / "target"),
            "DBT_LOG_PATH": str(folder / key / "logs"),
            "DBT_USE_COLORS": "false",
            # The log would repeat at length what is captured.
            "DBT_LOG_LEVEL_FILE": "none",
        }
        if command[0] == "dbt" and "DBT_TARGET_PATH" not in environment:
            # Two manifests of 10 MB that nobody reads.
            settings["DBT_WRITE_JSON"] = "false"
        where = PROJECT
        if raw_dir is not None:
            settings["OLIST_RAW_DIR"] = str(raw_dir)
        if database is not None and in_project:
            settings["SEGMENTATION_DATABASE"] = str(database)
        elif database is not None:
            settings["SEGMENTATION_DATABASE"] = database.name
            where = database.parent
            where.mkdir(parents=True, exist_ok=True)
        settings |= environment
        # What one worker has parsed the others need not parse.
        parse = Path(settings["DBT_TARGET_PATH"]) / "partial_parse.msgpack"
        shared_parse = (parses if in_project else kept) / f"{key}.msgpack"
        if not parse.exists() and is_younger(shared_parse, than=PARSED):
            parse.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(shared_parse, parse)
        return Call(where, {**os.environ, **settings}, parse, shared_parse)

    return call


@pytest.fixture(scope="session")
def run(prepared: Callable[..., Call], forks: Forks) -> Run:
    """Run a module of ours, or dbt, on this project with given settings."""

    def run_command(*command: str, **options: Any) -> subprocess.CompletedProcess:
        call = prepared(*command, **options)
        program = [str(DBT)] if command[0] == "dbt" else ["-m", command[0]]
        done = forks.run(*program, *command[1:], cwd=call.cwd, environment=call.environment)
        if call.parse.exists() and not is_younger(call.shared_parse, than=PARSED):
            own_copy = call.shared_parse.with_suffix(f".{os.getpid()}")
            shutil.copy2(call.parse, own_copy)
            own_copy.replace(call.shared_parse)
        return done

    return run_command


@pytest.fixture(scope="session")
def publish(run: Run) -> Run:
    """Do what `make build` does, and fail the test with its output unless told that it may fail."""

    def build(
        *options: str,
        raw_dir: Path,
        database: Path,
        may_fail: bool = False,
        may_be_partial: bool = True,
        **environment: str,
    ) -> subprocess.CompletedProcess:
        # Selections are meant here.
        partial = ("--partial", *WITHOUT_UNIT_TESTS)
        done = run(
            "customer_segmentation",
            "build",
            "--verbose",
            *(partial if may_be_partial else ()),
            *options,
            raw_dir=raw_dir,
            database=database,
            **environment,
        )
        if done.returncode != 0 and not may_fail:
            pytest.fail(f"the build failed:\n{done.stdout[-8000:]}\n{done.stderr}")
        return done

    return build


def make_sample(run: Run, folder: Path, customers: int) -> Path:
    """Write a synthetic Olist of so many people."""
    done = run("olist", "sample", "--to", str(folder), "--customers", str(customers))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def sample_folder(run: Run, kept_folder: Path) -> Path:
    """Return a folder with a small synthetic Olist; copy it before changing a file."""
    folder = kept_folder / "sample"
    made_once(folder, lambda: make_sample(run, folder, SAMPLE_CUSTOMERS))
    return folder


@pytest.fixture(scope="session")
def small_folder(run: Run, shared_folder: Path) -> Path:
    """Return a folder with a synthetic Olist that is built in seconds; copy it before changing a file."""
    folder = shared_folder / "small_sample"
    made_once(folder, lambda: make_sample(run, folder, SMALL_CUSTOMERS))
    return folder


@pytest.fixture(scope="session")
def sample_database(publish: Run, sample_folder: Path, kept_folder: Path) -> Path:
    """Return the database published from `sample_folder`; open it read-only."""
    database = kept_folder / "sample_warehouse" / "olist.duckdb"
    made_once(
        database.parent,
        lambda: publish(
            raw_dir=sample_folder, database=database, may_be_partial=False, **TWO_THREADS
        ),
    )
    return database


@pytest.fixture(scope="session")
def plain_database(sample_database: Path) -> Path:
    """Return the database of the sample for tests that build without the study into a copy of it."""
    return sample_database


@pytest.fixture(scope="session")
def compiled_folder(run: Run, sample_folder: Path, kept_folder: Path) -> Path:
    """Return the folder of analyses and singular tests as `dbt compile` writes them; they name no database."""
    folder = kept_folder / "compiled"

    def compile_all() -> None:
        done = run(
            "dbt", "--quiet", "compile", "--select", "path:analyses", "test_type:singular",
            raw_dir=sample_folder, database=folder / "olist.duckdb", DBT_TARGET_PATH=str(folder / "target"),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout

    made_once(folder, compile_all)
    return folder / "target" / "compiled" / "customer_segmentation"


@pytest.fixture(scope="session")
def analyses_folder(compiled_folder: Path) -> Path:
    """Return the folder of the analyses."""
    return compiled_folder / "analyses"


@pytest.fixture(scope="session")
def real_folder() -> Path:
    """Return the folder with the real set."""
    return Path(os.environ["OLIST_RAW_DIR"]).resolve()


@pytest.fixture(scope="session")
def real_database(publish: Run, real_folder: Path, shared_folder: Path) -> Path:
    """Return the database published from the real set; open it read-only.

    The one that SEGMENTATION_DATABASE names is taken as it is when it is younger than the code and the data.
    """
    named = os.environ.get("SEGMENTATION_DATABASE", "")
    built_before = PROJECT / named
    if named and is_younger(built_before, than=[*CODE, real_folder]):
        return built_before
    database = shared_folder / "real_warehouse" / "olist.duckdb"

    def build() -> None:
        if built_before.is_file():
            # Not to be trusted: the build re-uses what has the same fingerprint, and no more.
            database.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(built_before, database)
        publish(raw_dir=real_folder, database=database, may_be_partial=False, **TWO_THREADS)

    made_once(database.parent, build)
    return database


def is_younger(database: Path, *, than: list[Path]) -> bool:
    """Say whether a database, or what dbt has parsed, was written after files, and after those in folders."""
    return database.is_file() and all(
        path.stat().st_mtime < database.stat().st_mtime for path in files_in(than)
    )


@functools.cache
def model_properties() -> list[dict[str, Any]]:
    """Return what each YAML file of the models says; they are read once, since they are long."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [
        yaml.load(path.read_text("utf-8"), loader) or {}
        for path in sorted((PROJECT / "models").rglob("*.yml"))
    ]


def files_in(places: Iterable[Path]) -> Iterator[Path]:
    """Give files, and those in folders, without what Python compiles."""
    for place in places:
        for path in place.rglob("*") if place.is_dir() else [place]:
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def query(database: Path, sql: str) -> list[tuple]:
    """Return the rows of a query on a published database."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def different_rows(first: Path, second: Path, select: str) -> int:
    """Count the rows that one database has and the other has not, for the same query."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{first}' as first_database (read_only)")
        connection.execute(f"attach '{second}' as second_database (read_only)")
        for name, database in (("one", "first_database"), ("other", "second_database")):
            connection.execute(f"use {database}")
            connection.register(name, connection.execute(select).to_arrow_table())
        return connection.execute(
            "select count(*) from ("
            "(select * from one except all select * from other)"
            " union all (select * from other except all select * from one))"
        ).fetchone()[0]
