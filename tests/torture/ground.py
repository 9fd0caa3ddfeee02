"""Where the campaign runs commands of the project: folders, environment, and what a command said."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
# Nothing that the campaign runs takes longer than this on a slow machine.
LONGEST_SECONDS = 600
# Settings of the caller that would change what is tried.
OWN_SETTINGS = ("OLIST_", "SEGMENTATION_", "DBT_", "TZ", "LC_", "LANG", "PYTEST_")


class TortureError(AssertionError):
    """The project did not do what it must; the message says what was seen."""


@dataclasses.dataclass(frozen=True)
class Done:
    """A command that has ended.

    Attributes
    ----------
    status : int
        Exit status; negative for a signal.
    out, err : str
        What it wrote.
    """

    status: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Return both streams."""
        return f"{self.out}\n{self.err}"

    @property
    def end(self) -> str:
        """Return the errors that dbt lists, or the last words, and what went to the error stream."""
        listed = self.out.rpartition("Completed with ")[2][:1500]
        return f"{listed if listed != self.out else self.out[-1500:]}\n{self.err[-1500:]}".strip()

    @property
    def has_traceback(self) -> bool:
        """Whether Python itself spoke to the user."""
        return "Traceback (most recent call last)" in self.said


def require(condition: object, message: str, done: Done | None = None) -> None:
    """Fail with a message, and with the end of what a command said."""
    if condition:
        return
    raise TortureError(message if done is None else f"{message}\n{done.end}")


def environment(**settings: str) -> dict[str, str]:
    """Return the caller's environment without its settings of the project, and with these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN_SETTINGS)}
    paths = (PROJECT / "python", PROJECT / "tests")
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_USE_COLORS": "false",
        **settings,
    }


def run(*command: str, folder: Path, settings: Mapping[str, str]) -> Done:
    """Run a module of Python in a folder, and wait for it."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LONGEST_SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def start(
    *command: str, folder: Path, settings: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start a module of Python as the leader of a process group of its own."""
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-u", "-m", *command],
            cwd=folder,
            env=environment(PYTHONUNBUFFERED="1", **settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def kill_group(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    """Send a signal to a process and everything that it started."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def processes_of_group(group: int) -> list[str]:
    """Return what still runs in a process group, as `id command`."""
    done = subprocess.run(
        ["ps", "-A", "-o", "pgid=,stat=,pid=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 3) for line in done.stdout.splitlines()]
    return [" ".join(row[2:]) for row in rows if row[0] == str(group) and row[1][0] != "Z"]


def copy_tree(source: Path, target: Path) -> Path:
    """Copy a folder with its hard links and times."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--", str(source), str(target)], check=True)
    return target


def make_sample(folder: Path, customers: int, seed: int) -> Path:
    """Write a small synthetic Olist."""
    done = run(
        "olist",
        *("sample", "--to", str(folder), "--customers", str(customers), "--seed", str(seed)),
        folder=PROJECT,
        settings={},
    )
    require(done.status == 0, "the synthetic sample could not be made", done)
    return folder


def without_machine(text: str, *folders: Path) -> str:
    """Take from a message what differs from run to run: folders, process ids, times."""
    for folder in folders:
        text = text.replace(f"{folder}/", "").replace(str(folder), ".")
    text = re.sub(r"\b[Pp]rocess \d+ \([^)]*\)", "Process 4711 (python)", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d[\w.]*", "<time>", text)
    return re.sub(r"^\d\d:\d\d:\d\d +", "", text, flags=re.MULTILINE)
