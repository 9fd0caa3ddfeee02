"""The command-line program: what it offers, what it says, and what it leaves to others."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PROJECT
from customer_segmentation import __main__ as program
from customer_segmentation.commands import COMMANDS, audience, build, rollback
from customer_segmentation.publishing import Stopped
from olist.__main__ import build_parser as olist_parser

FOLDER = PROJECT / "python" / "customer_segmentation" / "commands"
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
TARGETS = dict(re.findall(r"^([a-z-]+):.*?(## .*)$", MAKEFILE, flags=re.M))


def module_of(command: str):
    return importlib.import_module(f"customer_segmentation.commands.{command}")


def options_of(command: str) -> list[argparse.Action]:
    parser = program.build_parser(command, module_of(command))
    chosen = parser._subparsers._group_actions[0].choices[command]
    return [action for action in chosen._actions if action.dest != "help"]


def test_every_module_of_the_room_is_a_command() -> None:
    names = {path.stem for path in FOLDER.glob("[!_]*.py")}
    names |= {path.parent.name for path in FOLDER.glob("[!_]*/__init__.py")}
    assert names == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_help_worth_reading(command: str, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main([command, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    first, _, rest = module_of(command).__doc__.partition("\n\n")
    assert first in said
    assert first.endswith(".")
    assert "Examples" in rest
    for option in options_of(command):
        assert option.help, option
        is_switch = option.nargs == 0
        must_be_given = option.required or (command == "audience" and option.dest == "segment")
        assert is_switch or must_be_given or "default" in option.help or option.dest == "options"
    assert [option.option_strings for option in options_of(command)].count(["--database"]) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_a_command_can_be_typed(command: str) -> None:
    module = module_of(command)
    examples = re.findall(r"^  \S*python -m (\w+) (.+)$", module.__doc__, flags=re.M)
    assert examples
    for package, text in examples:
        assert package == "customer_segmentation"
        words = shlex.split(text)
        options, others = program.build_parser(command, module).parse_known_args(words)
        assert options.command == command
        assert not others or command in ("build", "ducklake", "spark")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_a_make_target_with_a_word_of_help(command: str) -> None:
    assert command in TARGETS
    recipe = MAKEFILE.split(f"\n{command}:")[1].split("\n\n")[0]
    # `build` is called by several targets, through one variable.
    assert f"-m customer_segmentation {command}" in recipe or f"$({command.upper()})" in recipe


def test_what_make_calls_is_there() -> None:
    called = re.findall(r"-m customer_segmentation (\w+)", MAKEFILE)
    assert set(called) == set(COMMANDS)
    known = olist_parser()._subparsers._group_actions[0].choices
    assert set(re.findall(r"-m olist (\w+)", MAKEFILE)) == set(known)
    for module in re.findall(r"-m ((?:tools|benchmarks)\.\w+)", MAKEFILE):
        assert (PROJECT / f"{module.replace('.', '/')}.py").exists()


def test_every_command_of_the_documents_exists() -> None:
    texts = [PROJECT / "README.md", PROJECT / "DECISIONS.md", *(PROJECT / "docs").glob("*.md")]
    for path in texts:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"-m customer_segmentation (\w+)", text)) <= set(COMMANDS), path
        for target in re.findall(r"`make ([a-z-]+)", text):
            assert re.search(rf"^{target}:", MAKEFILE, flags=re.M), (path, target)


def test_help_is_quick_because_it_loads_nothing() -> None:
    code = (
        "import sys\nfrom customer_segmentation.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(PROJECT / "python")},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert not loaded & {"duckdb", "numpy", "numba", "pandas", "pyarrow", "scipy", "sklearn"}
    for command, sentence in COMMANDS.items():
        assert command in done.stdout
        assert sentence.split()[0] in done.stdout


@pytest.mark.parametrize("words", [[], ["nonsense"], ["docs", "--nonsense"], ["docs", "nonsense"]])
def test_what_it_does_not_know_it_refuses(words: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(words)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "for_dbt", "is_partial"),
    [
        ([], [], False),
        (["--partial"], [], True),
        (["--select", "+rfm", "--full-refresh"], ["--select", "+rfm", "--full-refresh"], False),
        (["--vars", "{n_clusters: 5}", "--partial"], ["--vars", "{n_clusters: 5}"], True),
        (["-s", "rfm", "periods", "--fail-fast"], ["-s", "rfm", "periods", "--fail-fast"], False),
        (["--options", "--vars '{a: \"b c\"}' -s rfm"], ["--vars", '{a: "b c"}', "-s", "rfm"], False),
        (["--options=$(touch x) ; y", "--full-refresh"], ["$(touch", "x)", ";", "y", "--full-refresh"], False),
        (["--options="], [], False),
        (["--options=--select customers+  --fail-fast"], ["--select", "customers+", "--fail-fast"], False),
        (['--options=--select "a b" c\\ d'], ["--select", "a b", "c d"], False),
        (["--options=`touch x`\n# $HOME ~ path:models/*"], ["`touch", "x`", "#", "$HOME", "~", "path:models/*"], False),
    ],
)  # fmt: skip
def test_what_build_does_not_know_is_for_dbt(
    monkeypatch, words: list[str], for_dbt: list[str], is_partial: bool
) -> None:
    seen = []
    monkeypatch.setattr(
        build,
        "build_and_publish",
        lambda published, options, *, may_be_partial, is_verbose: (
            seen.append((options, may_be_partial, is_verbose)) or 0
        ),
    )
    assert program.main(["build", *words]) == 0
    assert program.main(["build", "--verbose", *words]) == 0
    assert seen == [(for_dbt, is_partial, False), (for_dbt, is_partial, True)]


@pytest.mark.parametrize("text", ["--vars '{a: 1}", '--select "x', "x\\"])
def test_options_that_are_not_whole_are_refused_in_a_sentence(text: str, capsys) -> None:
    assert program.main(["build", f"--options={text}"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"build: the options {text} cannot be read: No ")
    assert said.count("\n") == 1


def test_what_it_does_not_know_is_not_repeated_since_it_may_be_a_secret(capsys) -> None:
    for words in (
        ["--dns=host=x password=secret"],
        ["--dns", "host=x password=secret"],
        ["secret"],
    ):
        with pytest.raises(SystemExit):
            program.main(["postgres", *words])
        said = capsys.readouterr().err
        assert "does not know" in said
        assert "secret" not in said
        assert "--dns" in said or words == ["secret"]


def test_the_database_of_the_command_line_comes_before_that_of_the_environment(
    monkeypatch, tmp_path: Path
) -> None:
    seen = []
    monkeypatch.setattr(rollback, "choices", lambda published: seen.append(published) or [])
    monkeypatch.delenv("SEGMENTATION_DATABASE", raising=False)
    assert program.main(["rollback", "--list"]) == 0
    monkeypatch.setenv("SEGMENTATION_DATABASE", "of/the/environment.duckdb")
    assert program.main(["rollback", "--list"]) == 0
    assert program.main(["rollback", "--list", "--database", "given.duckdb"]) == 0
    assert list(map(str, seen)) == [
        "warehouse/olist.duckdb",
        "of/the/environment.duckdb",
        "given.duckdb",
    ]


@pytest.mark.parametrize(
    ("error", "said"), [(KeyboardInterrupt, "audience: stopped.\n"), (Stopped, "audience: stopped.\n")]
)  # fmt: skip
def test_a_command_that_is_stopped_says_so(monkeypatch, capsys, error, said: str) -> None:
    def stop(options: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr(audience, "run", stop)
    assert program.main(["audience", "--all"]) == 130
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    "words",
    [
        ["audience", "--all"],
        ["audience", "--segment", "big"],
        ["boards"],
        ["contract"],
        ["postgres", "--dsn", "host=nowhere"],
        ["superset"],
    ],
)
@pytest.mark.parametrize("kind", ["missing", "folder", "text", "empty database"])
def test_what_reads_the_database_says_what_is_wrong_with_it(
    words: list[str], kind: str, tmp_path: Path, monkeypatch, capsys
) -> None:
    if words[0] == "postgres":
        pytest.importorskip("psycopg")
    if words[0] == "superset" and kind == "empty database":
        pytest.skip("it opens the file only; Superset looks for the tables")
    path = tmp_path / "olist.duckdb"
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("no database at all\n" * 1_000)
    elif kind == "empty database":
        import duckdb

        duckdb.connect(str(path)).close()
    monkeypatch.chdir(PROJECT)
    assert program.main([*words, "--database", str(path)]) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith(f"{words[0]}: ")
    assert str(path) in said
    assert "Traceback" not in said
    if kind == "missing":
        assert "make build" in said
