"""Settings that nothing could be built with."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer_segmentation.intake import project_vars
from customer_segmentation.publishing import CommandError
from customer_segmentation.publishing.settings import (
    environment_problems,
    refuse_bad_settings,
    text_of_vars,
    var_problems,
)

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("threads", ["two", "0", "-1", "2.5", "1_0", "\u0662", "100000"])
def test_threads_are_a_whole_number(threads: str) -> None:
    (problem,) = environment_problems({"SEGMENTATION_THREADS": threads})
    assert problem.startswith(f"SEGMENTATION_THREADS is '{threads}'; it is a whole number")


@pytest.mark.parametrize("memory", ["lots", "4", "4 apples"])
def test_memory_is_a_size(memory: str) -> None:
    (problem,) = environment_problems({"SEGMENTATION_MEMORY_LIMIT": memory})
    assert problem == f"SEGMENTATION_MEMORY_LIMIT is '{memory}'; it is a size such as 4GB or 800MB."


def test_the_folder_to_spill_to_must_take_files(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "spill"
    (problem,) = environment_problems({"SEGMENTATION_TEMP_DIRECTORY": str(folder)})
    assert problem.startswith(
        f"SEGMENTATION_TEMP_DIRECTORY={folder} cannot be written to: Not a dir"
    )
    assert (
        environment_problems({"SEGMENTATION_TEMP_DIRECTORY": str(tmp_path / "new" / "spill")}) == []
    )


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {
            "SEGMENTATION_THREADS": "",
            "SEGMENTATION_MEMORY_LIMIT": "",
            "SEGMENTATION_TEMP_DIRECTORY": "",
        },
        {"SEGMENTATION_THREADS": "2", "SEGMENTATION_MEMORY_LIMIT": "800MB"},
        {"SEGMENTATION_THREADS": " 16 ", "SEGMENTATION_MEMORY_LIMIT": "4GiB"},
    ],
)
def test_settings_that_can_be_used_are_taken(environment: dict[str, str]) -> None:
    assert environment_problems(environment) == []


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([], None),
        (["--select", "rfm"], None),
        (["--vars", "{a: 1}"], "{a: 1}"),
        (["--vars={a: 1}"], "{a: 1}"),
        (["--vars", "{a: 1}", "--vars={a: 2}"], "{a: 2}"),
        (["--vars"], None),
    ],
)
def test_the_last_vars_count(options: list[str], text: str | None) -> None:
    assert text_of_vars(options) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{n_clusters: four}", "n_clusters is 'four'; it must be a whole number"),
        ("{n_cluster: 5}", "there is no setting n_cluster; did you mean n_clusters?"),
        ("{day: 2017-13-01}", "--vars '{day: 2017-13-01}' cannot be read as YAML (month must be"),
        ("{n_clusters", "--vars '{n_clusters' cannot be read as YAML (while parsing"),
        ("n_clusters", "--vars 'n_clusters' names no settings; write it as"),
        ("[n_clusters]", "--vars '[n_clusters]' names no settings; write it as"),
    ],
)
def test_a_var_that_cannot_be_used_is_named(text: str, sentence: str) -> None:
    (problem,) = var_problems(text, project=project_vars(PROJECT))
    assert problem.startswith(sentence)


@pytest.mark.parametrize("text", [None, "", "{}", "{n_clusters: 5, engine: {n_init: 1}}"])
def test_vars_that_can_be_used_are_taken(text: str | None) -> None:
    assert var_problems(text, project=project_vars(PROJECT)) == []


def test_every_problem_is_told_at_once() -> None:
    environment = {"SEGMENTATION_THREADS": "two", "DBT_PROJECT_DIR": str(PROJECT)}
    with pytest.raises(
        CommandError, match=r"(?s)SEGMENTATION_THREADS is 'two'.*no setting n_cluster;"
    ):
        refuse_bad_settings(["--vars", "{n_cluster: 5}"], environment=environment)
