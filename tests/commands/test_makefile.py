"""What a caller gives to make reaches the command as one argument, to the letter, and no shell runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PROJECT

# Each would leave a file called pwned, or reach the command as something else, if make or a shell read it.
VALUES = [
    "'; touch pwned; '",
    '"; touch pwned; "',
    "\"'; touch pwned; '\"",
    "$(touch pwned)",
    "$$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "x & touch pwned",
    "x || touch pwned",
    "x | tee pwned",
    "> pwned",
    "\ntouch pwned\n",
    "$(shell touch pwned)",
    "${shell touch pwned}",
    "$(eval $(shell touch pwned))",
    "$(error stop)",
    "$(PATH) $HOME ${HOME} $$ $@ $",
    " two  blanks\tand a tab ",
    'Mes données/l\'archive "à moi".zip',
    "\\",
    "\\'\\",
    "# no comment",
    "*",
    "~",
    "%",
    "--all",
    "-n",
    "a=b:c,d!{e,f}[g](h)",
]
# Commands of each target after `python -m`, with V for the value of every variable.
COMMANDS = {
    "sample": ["olist", "sample", "--to", "data/sample", "--customers=V"],
    "data": ["olist", "fetch", "--to", "data/olist", "--from=V"],
    "verify": ["olist", "verify", "--", "V"],
    "build": ["customer_segmentation", "build", "--options=V"],
    "full-refresh": ["customer_segmentation", "build", "--options=V", "--full-refresh"],
    "rollback": ["customer_segmentation", "rollback", "--list", "--to=V"],
    "contract": ["customer_segmentation", "contract", "--to=V"],
    "audience": [
        "customer_segmentation", "audience", "--segment=V", "--as-of=V", "--state=V", "--group=V", "--order=V",
        "--limit=V", "--to=V", "--language", "fr",
    ],
    "audiences": [
        "customer_segmentation", "audience", "--all", "--as-of=V", "--state=V", "--group=V", "--order=V",
        "--limit=V", "--to=V", "--language", "fr",
    ],
    "boards": ["customer_segmentation", "boards", "--to=V", "--", "V"],
    "serve": ["customer_segmentation", "boards", "--serve", "--port=V", "--language", "fr"],
    "pictures": ["tools.readme_pictures", "--to=V"],
    "superset": ["customer_segmentation", "superset"],
    "postgres": ["customer_segmentation", "postgres", "--schema=V"],
    "ducklake": ["customer_segmentation", "ducklake", "--options=V"],
    "spark": ["customer_segmentation", "spark", "--options=V"],
    "parity": ["customer_segmentation", "parity", "--options=V", "--", "V", "V"],
    "metrics": ["customer_segmentation", "metrics", "--metrics=V", "--by=V"],
    "benchmark": [
        "benchmarks.run", "--size=V", "--parts=V", "--repeats=V", "--work=V", "--name=V",
        "--results=V", "--selector=V",
    ],
}  # fmt: skip
VARIABLES = (
    "AS_OF", "BOARD", "BY", "CUSTOMERS", "DSN", "FRENCH", "FROM", "GROUP", "LIMIT", "LIST", "METRICS", "NAME",
    "SEGMENTATION_DATABASE", "OLIST_RAW_DIR", "ONE", "OPTIONS", "ORDER", "OTHER", "PARTS", "PORT", "PYTHON", "REPEATS",
    "RESULTS", "SCHEMA", "SEGMENT", "SELECTOR", "SIZE", "STATE", "SUPERSET_PORT", "SUPERSET_PYTHON", "TO", "WORK",
)  # fmt: skip
# What a command takes from the environment.
FROM_ENVIRONMENT = ("DSN", "SEGMENTATION_DATABASE", "OLIST_RAW_DIR", "SUPERSET_PORT")
RECORDER = f"""#!/bin/sh
printf '%s\\0' "$#" "$@" {" ".join(f'"${{{name}-unset}}"' for name in FROM_ENVIRONMENT)} >> "$RECORD"
"""


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run make, as from a shell: without what a make above this test run would hand down."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEFILES", *VARIABLES}
    }
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**inherited, "RECORD": str(folder.parent / "record"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def program(path: Path, text: str = RECORDER) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def recorded(folder: Path) -> list[tuple[list[str], dict[str, str]]]:
    """Return the arguments and the environment of every call."""
    items = (folder.parent / "record").read_text(encoding="utf-8").split("\0")[:-1]
    calls = []
    while items:
        count = int(items.pop(0))
        calls.append((items[:count], dict(zip(FROM_ENVIRONMENT, items[count:], strict=False))))
        items = items[count + len(FROM_ENVIRONMENT) :]
    return calls


@pytest.fixture
def ready_folder(tmp_path: Path) -> Path:
    """Return a folder with our Makefile, whose environments hold programs that only take notes."""
    folder = tmp_path / "project"
    for environment in (".venv", ".venv-superset", ".venv-ducklake", ".venv-spark"):
        program(folder / environment / "bin" / "python")
    (folder / "superset").mkdir()
    shutil.copy(PROJECT / "Makefile", folder)
    for path in [*PROJECT.glob("requirements*.txt"), *PROJECT.glob("superset/requirements*.txt")]:
        shutil.copy(path, folder / path.relative_to(PROJECT))
    for group in (
        "runtime",
        "dev",
        "fetch",
        "charts",
        "pictures",
        "postgres",
        "metrics",
        "benchmarks",
    ):
        (folder / ".venv" / f".{group}").touch()
    for environment in (".venv-superset", ".venv-ducklake", ".venv-spark"):
        (folder / environment / ".ready").touch()
    return folder


@pytest.mark.parametrize("way", ["on the command line", "in the environment"])
@pytest.mark.parametrize("value", VALUES)
def test_every_variable_reaches_its_command_to_the_letter(
    ready_folder: Path, value: str, way: str
) -> None:
    before = set(ready_folder.rglob("*"))
    given = dict.fromkeys(VARIABLES, value)
    done = (
        make(ready_folder, *COMMANDS, *(f"{name}={text}" for name, text in given.items()))
        if way == "on the command line"
        else make(ready_folder, *COMMANDS, **given)
    )
    assert done.returncode == 0, done.stderr
    if way == "on the command line":
        # Make itself drops the blanks after the equals sign.
        value = value.lstrip()
    assert [arguments for arguments, _ in recorded(ready_folder)] == [
        ["-m", *(word.replace("V", value) if word[-1] == "V" else word for word in command)]
        for command in COMMANDS.values()
    ]
    for _, environment in recorded(ready_folder):
        assert environment == dict.fromkeys(FROM_ENVIRONMENT, value)
    assert set(ready_folder.rglob("*")) == before
    # Neither what make echoes: a connection string may hold a password.
    assert value not in done.stdout + done.stderr or len(value) < 3


def test_what_is_not_given_is_not_passed_on(ready_folder: Path) -> None:
    assert make(ready_folder, *COMMANDS, "SEGMENT=", "TO=").returncode == 0
    bare = {
        "sample": COMMANDS["sample"][:4],
        "data": COMMANDS["data"][:4],
        "verify": ["olist", "verify", "--", "data/olist"],
        "audience": ["customer_segmentation", "audience", "--segment="],
        "audiences": ["customer_segmentation", "audience", "--all"],
        "serve": COMMANDS["serve"][:3],
    }
    assert [arguments[1:] for arguments, _ in recorded(ready_folder)] == [
        bare.get(target, [word for word in command if word not in ("--list", "--", "V") and "=V" not in word])
        for target, command in COMMANDS.items()
    ]  # fmt: skip


def test_files_are_utf_8_whatever_the_locale_says(tmp_path: Path) -> None:
    recipe = (
        f'include {PROJECT / "Makefile"}\nsays:\n\t@$(PYTHON) -c \'open("é", "w").write("ü")\'\n'
    )
    done = subprocess.run(
        ["make", "-f", "-", "says", f"PYTHON={sys.executable}"],
        input=recipe,
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "LC_ALL": "POSIX",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
        },
        encoding="utf-8",
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "é").read_bytes() == "ü".encode()


def test_the_guard_against_slower_parts_needs_no_tools_of_experts(ready_folder: Path) -> None:
    (ready_folder / ".venv" / ".benchmarks").unlink()
    assert make(ready_folder, "benchmark", "QUICK=1", "STORE=1").returncode == 0
    assert make(ready_folder, "benchmark").returncode == 0
    quick, *whole = (arguments for arguments, _ in recorded(ready_folder))
    assert quick == ["-m", "benchmarks.run", "--quick", "--store"]
    # Installed first, by whatever there is.
    assert "requirements-benchmarks.txt" in whole[0]
    assert whole[-1] == ["-m", "benchmarks.run"]


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (("test",), ["-m", "not thorough"]),
        (("test-all",), []),
        (("test-all", "REST=1"), ["-m", "thorough"]),
    ],
)
def test_the_tiers_of_tests_have_nothing_in_common_and_are_all_tests(
    ready_folder: Path, words: tuple[str, ...], chosen: list[str]
) -> None:
    assert make(ready_folder, *words).returncode == 0
    ((arguments, _),) = recorded(ready_folder)
    assert arguments == [
        *("-m", "pytest", "--numprocesses", "auto", "--no-loadscope-reorder"),
        *chosen,
    ]


@pytest.mark.parametrize("name", ["FOO", "GIVEN", "SETTINGS", "as_text", "option", "BIN", "BUILD"])
def test_a_variable_that_nobody_knows_is_not_run_either(ready_folder: Path, name: str) -> None:
    done = make(ready_folder, "build", "audience", f"{name}=$(shell touch pwned); touch pwned")
    assert done.returncode == 0, done.stderr
    assert recorded(ready_folder)[-1][0] == [
        "-m",
        "customer_segmentation",
        "audience",
        "--segment=",
    ]
    assert not (ready_folder / "pwned").exists()


@pytest.mark.parametrize("name", ["VENV", "SUPERSET_VENV"])
@pytest.mark.parametrize("value", ["", "a b", "a;touch pwned", "a'", "$(shell touch pwned)", "`x`"])
def test_the_folder_of_an_environment_has_a_plain_name(
    ready_folder: Path, name: str, value: str
) -> None:
    done = make(ready_folder, "setup", f"{name}={value}")
    assert done.returncode == 2
    assert f"{name} is a path without blanks, quotes and the like" in done.stderr
    assert not (ready_folder / "pwned").exists()


def test_another_environment_can_be_named(ready_folder: Path) -> None:
    (ready_folder / ".venv").rename(ready_folder / "other-3.12")
    assert make(ready_folder, "build", "VENV=other-3.12", "OLIST_RAW_DIR=x").returncode == 0
    assert len(recorded(ready_folder)) == 1


@pytest.mark.parametrize("value", VALUES)
def test_a_python_that_is_not_there_is_named_and_not_run(ready_folder: Path, value: str) -> None:
    shutil.rmtree(ready_folder / ".venv")
    shutil.rmtree(ready_folder / ".venv-superset")
    shutil.rmtree(ready_folder / ".venv-ducklake")
    shutil.rmtree(ready_folder / ".venv-spark")
    done = make(ready_folder, "setup", f"PYTHON={value}")
    assert done.returncode == 2
    assert f"No {value.lstrip()} found: install Python" in done.stderr
    assert make(ready_folder, "superset", f"SUPERSET_PYTHON={value}").returncode == 2
    assert make(ready_folder, "ducklake", "OLIST_RAW_DIR=x", f"PYTHON={value}").returncode == 2
    assert {path.name for path in ready_folder.iterdir()} == {
        path.name for path in [*PROJECT.glob("requirements*.txt"), Path("Makefile"), Path("superset")]
    }  # fmt: skip


def test_a_python_in_a_folder_with_blanks_is_run(ready_folder: Path, tmp_path: Path) -> None:
    shutil.rmtree(ready_folder / ".venv")
    shutil.rmtree(ready_folder / ".venv-superset")
    python = tmp_path / "it's a $folder" / "python"
    program(
        python,
        f'{RECORDER}\n[ "$2" != venv ] || {{ mkdir -p "$3"/bin && cp "$0" "$3"/bin/python; }}\n',
    )
    done = make(ready_folder, "setup", "superset", f"PYTHON={python}")
    assert done.returncode == 0, done.stderr
    calls = [arguments for arguments, _ in recorded(ready_folder)]
    assert [call[1:] for call in calls if call[1] == "venv"] == [
        ["venv", ".venv"],
        ["venv", ".venv-superset"],
    ]


def test_without_java_nothing_is_made_and_the_sentence_says_what_to_install(
    ready_folder: Path,
) -> None:
    shutil.rmtree(ready_folder / ".venv-spark")
    done = make(ready_folder, "spark", "OLIST_RAW_DIR=x", JAVA_HOME=str(ready_folder / "nowhere"))
    assert done.returncode == 2
    assert "Spark needs Java 17 or later" in done.stderr
    assert "apt install openjdk-17-jre-headless" in done.stderr
    assert not (ready_folder / ".venv-spark").exists()
