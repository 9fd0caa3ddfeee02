"""dbt as people call it without make: from another folder, without data, again after a failure."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from conftest import PROJECT, Run, make_sample, query
from forks import Forks

pytestmark = [pytest.mark.build, pytest.mark.thorough]

OURS = ("OLIST_", "SEGMENTATION_", "DBT_", "PYTHONPATH")
# One model, without the tests of what it reads.
ALONE = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")


class Project:
    """A copy of the project, called from a folder that has nothing to do with it."""

    def __init__(self, folder: Path, elsewhere: Path, forks: Forks) -> None:
        self.folder = folder
        self.forks = forks
        self.elsewhere = elsewhere
        for name in ("models", "macros", "seeds", "analyses", "tests", "python"):
            (folder / name).symlink_to(PROJECT / name)
        for path in PROJECT.glob("*.yml"):
            shutil.copy(path, folder)
        (folder / "warehouse").mkdir()
        self.database = folder / "warehouse" / "olist.duckdb"

    def dbt(
        self, *command: str, profiles: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess:
        """Run a command of dbt with the settings that a new shell has."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        places = ("--project-dir", self.folder, "--profiles-dir", profiles or self.folder)
        return self.forks.dbt(
            *command,
            *map(str, places),
            cwd=self.elsewhere,
            environment={**kept, "DBT_USE_COLORS": "false", **environment},
        )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Project:
    # A blank in a path is nothing special.
    folders = (tmp_path_factory.mktemp(name) for name in ("a project", "elsewhere"))
    return Project(*folders, forks)


@pytest.fixture
def project_with_data(project: Project, run: Run) -> Project:
    """Return the project with a small sample where it is looked for, whichever test comes first."""
    if not (project.folder / "data").exists():
        make_sample(run, project.folder / "data" / "sample", 900)
    return project


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("ls", "--select", "customers", "--resource-type", "model"), "marts.customers"),
        (("docs", "generate"), "Catalog written"),
    ],
)
def test_what_needs_no_data_works_without(
    project: Project, command: tuple[str, ...], said: str
) -> None:
    done = project.dbt(*command)
    assert done.returncode == 0, done.stdout[-3000:]
    assert said in done.stdout
    assert list(project.elsewhere.iterdir()) == []


@pytest.fixture
def project_without_data(project: Project) -> Iterator[Project]:
    """Return the project without what an earlier test has put where data are looked for."""
    data, aside = project.folder / "data", project.folder / "aside"
    if data.exists():
        data.rename(aside)
    yield project
    if aside.exists():
        aside.rename(data)


def test_a_build_without_data_says_so_before_any_table_is_made(
    project_without_data: Project,
) -> None:
    project = project_without_data
    done = project.dbt("build", "--select", "stg_customers", *ALONE)
    assert done.returncode == 2
    assert f"The raw data in {project.folder}/data/sample cannot be used" in done.stdout
    assert "there is no such folder; OLIST_RAW_DIR says which is read" in done.stdout


def test_a_build_from_another_folder_finds_modules_data_and_database(
    project_with_data: Project,
) -> None:
    project = project_with_data
    done = project.dbt("build", "--select", "+kmeans_fits", *ALONE)
    assert done.returncode == 0, done.stdout[-3000:]
    assert query(project.database, "select count(*) > 0 from segmentation_work.kmeans_fits") == [
        (True,)
    ]
    assert list(project.elsewhere.iterdir()) == []


def test_a_profile_elsewhere_without_our_modules_is_refused_before_any_table_is_made(
    project_with_data: Project, tmp_path: Path
) -> None:
    project = project_with_data
    text = (PROJECT / "profiles.yml").read_text("utf-8")
    profile = yaml.safe_load(text)
    for output in profile["customer_segmentation"]["outputs"].values():
        # The plugins are modules of ours, too.
        # That of Spark has none.
        output.pop("module_paths", None)
        output.pop("plugins", None)
    (tmp_path / "profiles.yml").write_text(yaml.safe_dump(profile), "utf-8")
    settings = {"SEGMENTATION_DATABASE": str(tmp_path / "olist.duckdb")}
    command = ("build", "--select", "segment_playbook", *ALONE)
    done = project.dbt(*command, profiles=tmp_path, **settings)
    assert done.returncode == 2
    assert (
        "The Python models cannot find customer_segmentation; nothing was replaced." in done.stdout
    )
    assert f"add module_paths: [{project.folder}/python] to your profile" in done.stdout
    # A path that Python knows is as good.
    (tmp_path / "profiles.yml").write_text(text.replace("module_paths", "# "), "utf-8")
    python = {"PYTHONPATH": f"/nowhere:{PROJECT / 'python'}"}
    done = project.dbt(*command, profiles=tmp_path, **settings, **python)
    assert done.returncode == 0, done.stdout


def test_a_retry_goes_on_with_the_database_of_the_run_before_and_with_no_other(
    project_with_data: Project, tmp_path: Path
) -> None:
    project = project_with_data
    other = tmp_path / "olist.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("create schema marts; create table marts.customers as select 1 as mine")
    # As `make build` does: the run that fails is one on another file than the published one.
    side = {"SEGMENTATION_DATABASE": str(tmp_path / "side" / "olist.duckdb")}
    (tmp_path / "side").mkdir()
    failed = project.dbt("run", "--select", "customers", **side)
    assert "ERROR=1" in failed.stdout
    # dbt parses anew for a database of another name; for the first one it need not do so twice.
    parse = project.folder / "target" / "partial_parse.msgpack"
    parse_of_side = parse.read_bytes()
    results = project.folder / "target" / "run_results.json"
    left_by_the_failure = results.read_bytes()
    for command in (
        ("retry",),
        ("build", "--select", "result:error", "--state", "target"),
    ):
        done = project.dbt(*command, SEGMENTATION_DATABASE=str(other))
        assert done.returncode == 2
        assert f"The run to go on from was not one on {other}" in done.stdout
        assert "nothing was replaced. Run `make build`, or `dbt build`." in done.stdout
        assert "START sql" not in done.stdout
        # dbt writes results for a run that was refused too.
        results.write_bytes(left_by_the_failure)
    assert query(other, "from marts.customers") == [(1,)]
    # On the same file it does what dbt says it does.
    parse.write_bytes(parse_of_side)
    again = project.dbt("retry", **side)
    assert "START sql table model marts.customers" in again.stdout
    assert "The run to go on from" not in again.stdout
