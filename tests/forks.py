"""Programs of Python in forks of one process that has imported dbt and what our Python models use.

A short run of dbt spends half of its processor time on imports. A fork has them, and is a process in all else:
environment, folder, streams and exit status are its own, and it ends as any process ends.
"""

from __future__ import annotations

import functools
import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

# Begins of variables that are read when Python, or a library that is imported before the fork, begins.
READ_AT_THE_START = ("PYTHON", "LD_", "MALLOC_", "OMP_", "OPENBLAS_", "MKL_", "NUMBA_")
TESTS = Path(__file__).resolve().parent


class Forks:
    """Runs programs, one after another, in forks of a process that starts with the first of them.

    Parameters
    ----------
    folder : Path
        For what the programs write to their streams.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known_at_the_start = early(os.environ)

    @functools.cached_property
    def parent(self) -> subprocess.Popen[str]:
        """The process that forks."""
        return subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(
        self, *command: str, cwd: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Do what `subprocess.run` does with captured output; a process of its own when the imports depend on it.

        Parameters
        ----------
        *command : str
            A file with a program, or ``-m`` and a module, and the arguments.
        cwd : Path
        environment : mapping of str to str
            The whole of it.
        """
        if early(environment) != self.known_at_the_start:
            return subprocess.run(
                [sys.executable, *command],
                cwd=cwd,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
        streams = [self.folder / name for name in ("stdout", "stderr")]
        request = {
            "command": command,
            "cwd": str(cwd),
            "environment": dict(environment),
            "streams": [str(path) for path in streams],
        }
        self.parent.stdin.write(json.dumps(request) + "\n")
        self.parent.stdin.flush()
        status = int(self.parent.stdout.readline())
        return subprocess.CompletedProcess(
            command, status, *(path.read_text("utf-8") for path in streams)
        )

    def close(self) -> None:
        """End the process that forks."""
        if "parent" in self.__dict__:
            self.parent.communicate()


def early(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what of an environment must be known before the imports."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(READ_AT_THE_START) and name != "PYTHONPATH"
    }


def serve() -> dict:
    """Fork for each request that comes in, and return it in the fork."""
    # Not duckdb and pyarrow, which start threads; a fork has none of them.
    for module in ("dbt.cli.main", "numba", "scipy.stats", "sklearn.cluster"):
        importlib.import_module(module)
    # A sixth of dbt's time goes into looking for garbage among the thousands of nodes that it keeps.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            return json.loads(line)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    sys.exit()


def become(request: dict) -> None:
    """Run a program in this process, as if Python had been started with it."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for descriptor, path in enumerate(request["streams"], start=1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["cwd"])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    program, *arguments = request["command"]
    if program == "-m":
        program, *arguments = arguments
    begin = os.getcwd() if request["command"][0] == "-m" else str(Path(program).parent)
    sys.path = [begin, *paths, *(path for path in sys.path if path != str(TESTS))]
    sys.argv = [program, *arguments]
    if request["command"][0] == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    become(serve())
