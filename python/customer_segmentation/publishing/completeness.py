"""Whether a run of dbt built and tested the whole project, from the artifacts that dbt leaves."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

PASSED = {"success", "pass", "warn", "reused"}
# What dbt calls the two kinds of tests.
TESTS = ("test", "unit_test")
# What dbt's artifacts say of whose they are: the file that is built. dbt takes a variable of the environment over
# whose name begins so.
BUILD = "SEGMENTATION_BUILD"
BUILD_VARIABLE = f"DBT_ENV_CUSTOM_ENV_{BUILD}"
# With one of these, dbt builds tables with no rows or with some of them.
SHORTENING_OPTIONS = ("empty", "sample")


@dataclasses.dataclass(frozen=True)
class Run:
    """What one `dbt build` did, against what the project has.

    Attributes
    ----------
    not_built : tuple of str
        Relations of the project, `schema.table`, that the run did not build.
    not_tested : tuple of str
        Names of its tests and unit tests that did not run.
    problem : str
        Why the run says nothing at all; empty when it does.
    """

    not_built: tuple[str, ...] = ()
    not_tested: tuple[str, ...] = ()
    problem: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether everything was built and tested."""
        return not (self.not_built or self.not_tested or self.problem)


def read_run(
    target: Path,
    *,
    since: float,
    relations: Collection[str],
    tests: Collection[str] = TESTS,
    side: Path | None = None,
) -> Run:
    """Compare the last run with its manifest and with the file that it wrote.

    Parameters
    ----------
    target : Path
        Folder that dbt writes to.
    since : float
        Time of the start of the run, in seconds since 1970; an older result is of another run.
    relations : collection of str
        `schema.table` of the tables and views in the file that was built.
    tests : collection of str
        Which of `TESTS` must have run, too.
    side : Path, optional
        The file that the run wrote; results of a build of another one are not its own.

    Returns
    -------
    Run
    """
    results = _artifact(target / "run_results.json", since=since)
    manifest = _artifact(target / "manifest.json", since=None)
    if results is None or manifest is None:
        return Run(
            problem=f"dbt left no results of this run in {target}: it built nothing, or was told to write elsewhere "
            "(--help, --target-path, --no-write-json)"
        )
    of_build = results["metadata"].get("env", {}).get(BUILD)
    if side is not None and of_build not in (None, str(side)):
        return Run(
            problem=f"another build in this folder, of {of_build}, has written its results over those of this one: run "
            "one after the other, or give one of them another DBT_TARGET_PATH"
        )
    if results["args"].get("which") != "build":
        return Run(problem=f"dbt ran `{results['args'].get('which')}`, not `build`")
    for option in SHORTENING_OPTIONS:
        if results["args"].get(option):
            return Run(problem=f"--{option} builds tables without all of their rows")
    passed = {
        result["unique_id"] for result in results["results"] if str(result["status"]) in PASSED
    }
    return _compare(manifest, passed, relations, kinds=tests)


def _compare(
    manifest: Mapping[str, Any],
    passed: set[str],
    relations: Collection[str],
    *,
    kinds: Collection[str],
) -> Run:
    nodes = manifest["nodes"].values()
    built = [
        node
        for node in nodes
        if node["resource_type"] in ("model", "seed", "snapshot")
        and node["config"]["materialized"] != "ephemeral"
        and node["config"].get("enabled", True)
    ]
    names = {node["unique_id"]: f"{node['schema']}.{node['alias']}" for node in built}
    not_built = sorted(
        name for key, name in names.items() if key not in passed or name not in relations
    )
    # A test of what is switched off is listed all the same, and never run.
    tests = [
        node
        for node in nodes
        if node["resource_type"] == "test" and node.get("config", {}).get("enabled", True)
    ]
    if "test" not in kinds:
        tests = []
    if "unit_test" in kinds:
        tests += list(manifest.get("unit_tests", {}).values())
    not_tested = sorted(test["name"] for test in tests if test["unique_id"] not in passed)
    return Run(not_built=tuple(not_built), not_tested=tuple(not_tested))


def _artifact(path: Path, *, since: float | None) -> dict[str, Any] | None:
    """Read an artifact, unless it is missing, damaged or older."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        written = datetime.fromisoformat(content["metadata"]["generated_at"]).timestamp()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if since is not None and written < since else content
