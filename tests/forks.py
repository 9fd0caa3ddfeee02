"""Programs of Python in forks of one process that has imported dbt and what our Python models use.

A short run of dbt spends half of its processor time on imports. A fork has them, and is a process in all else:
environment, folder, streams and exit status are its own, and it ends as any process ends.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import gc
import importlib
import inspect
import json
import os
import runpy
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TextIO

# Begins of variables that are read when Python, or a library that is imported before the fork, begins.
READ_AT_THE_START = ("PYTHON", "LD_", "MALLOC_", "OMP_", "OPENBLAS_", "MKL_", "NUMBA_")
TESTS = Path(__file__).resolve().parent
# Classes of dbt by whose schema it checks what a project says; a schema is made when it is first needed.
CHECKED = {
    "ProjectFlags", "ProfileConfig", "Project", "PackageConfig", "SelectorFile", "Configuration", "Contract",
    "ModelConfig", "ModelNode", "NodeConfig", "AnalysisNode", "TestConfig", "SingularTestNode", "GenericTestNode",
    "SeedConfig", "SeedNode", "HookNode", "UnparsedGroup", "UnparsedModelUpdate", "UnparsedUnitTest", "UnitTestConfig",
    "UnparsedExposure", "ExposureConfig", "SemanticModelConfig", "MetricConfig", "UnparsedSourceDefinition",
    "SourceConfig", "UnparsedAnalysisUpdate", "UnparsedNodeUpdate",
}  # fmt: skip
DBT, MF = (Path(sys.executable).with_name(name) for name in ("dbt", "mf"))
# A program of an environment for make and shells: it asks for a fork, and gives it its own streams.
PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as caller:
    caller.connect({address!r})
    line = caller.makefile("rw", encoding="utf-8")
    streams = [f"/proc/{{os.getpid()}}/fd/{{number}}" for number in (1, 2)]
    request = dict(
        command=[*{before!r}, *sys.argv[1:]], cwd=os.getcwd(), environment=dict(os.environ), streams=streams
    )
    line.write(json.dumps(request) + "\\n")
    line.flush()
    status = int(line.readline())
sys.exit(status)
"""


class Forks:
    """Runs programs, one after another, in forks of a process that starts with the first of them.

    Parameters
    ----------
    folder : Path
        For what the programs write to their streams.
    shared_folder : Path
        Those who give the same one have one process that forks; it ends with the last of them.
    """

    def __init__(self, folder: Path, shared_folder: Path) -> None:
        self.folder = folder
        self.shared_folder = shared_folder
        self.known_at_the_start = early(os.environ)
        self.parent: subprocess.Popen[bytes] | None = None

    @functools.cached_property
    def line(self) -> TextIO:
        """The line to the process that forks."""
        address = self.shared_folder / "forks.txt"
        with address.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            line = socket.socket(socket.AF_UNIX)
            try:
                line.connect(address.read_text("utf-8"))
            except OSError:
                # Nobody has asked yet, or everybody who did has ended.
                address.write_text(self.start(), "utf-8")
                line.connect(address.read_text("utf-8"))
        return line.makefile("rw", encoding="utf-8")

    def start(self) -> str:
        """Start the process that forks, and return where it listens: a socket has no long name."""
        place = Path(tempfile.mkdtemp(prefix="forks-")) / "line"
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place))
            listener.listen()
            self.parent = subprocess.Popen(
                [sys.executable, __file__, str(listener.fileno())],
                env=environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[listener.fileno()],
            )
        return str(place)

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
        self.line.write(json.dumps(request) + "\n")
        self.line.flush()
        status = int(self.line.readline())
        return subprocess.CompletedProcess(
            command, status, *(path.read_text("utf-8") for path in streams)
        )

    def dbt(
        self, *command: str, cwd: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run the program dbt of this environment; see `run`."""
        return self.run(str(DBT), *command, cwd=cwd, environment=environment)

    def make_programs(self, folder: Path) -> None:
        """Write python and dbt of an environment into a folder, for commands that name its programs."""
        address = (self.line and self.shared_folder / "forks.txt").read_text("utf-8")
        folder.mkdir(parents=True)
        for name, before in {"python": [], "dbt": [str(DBT)]}.items():
            text = PROGRAM.format(python=sys.executable, address=address, before=before)
            (folder / name).write_text(text, "utf-8")
            (folder / name).chmod(0o755)

    def close(self) -> None:
        """Need the process that forks no more; who has started it waits for its end."""
        if "line" in self.__dict__:
            self.line.close()
        if self.parent:
            self.parent.wait()


def early(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what of an environment must be known before the imports."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(READ_AT_THE_START) and name != "PYTHONPATH"
    }


def serve(listener: socket.socket) -> dict:
    """Fork for each request that comes in, and return it in the fork; end when nobody is there to ask."""
    # Not duckdb and pyarrow, which start threads; a fork has none of them.
    for module in ("dbt.cli.main", "numba", "scipy.stats", "sklearn.cluster"):
        importlib.import_module(module)
    warm()
    # What Jinja makes of macros, models and YAML is the same in each run.
    texts = importlib.import_module("templates").Texts()
    texts.keep()
    place = Path(listener.getsockname()).parent
    json.dump = dump
    # A sixth of dbt's time goes into looking for garbage among the thousands of nodes that it keeps.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    lines: dict[int, TextIO] = {}
    asked_by: dict[int, TextIO] = {}
    while True:
        ready, _, _ = select.select([listener, *lines], [], [], 0.02 if asked_by else None)
        for one in ready:
            if one is listener:
                caller, _ = listener.accept()
                lines[caller.fileno()] = caller.makefile("rw", encoding="utf-8")
                caller.close()
            elif request := lines[one].readline():
                if texts.learn(place):
                    gc.freeze()
                process = os.fork()
                if process == 0:
                    listener.close()
                    for line in lines.values():
                        line.close()
                    return {**json.loads(request), "leave": lambda: texts.write(place)}
                asked_by[process] = lines[one]
            else:
                lines.pop(one).close()
        for process in list(asked_by):
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                line = asked_by.pop(process)
                line.write(f"{os.waitstatus_to_exitcode(status)}\n")
                line.flush()
        if not lines and not select.select([listener], [], [], 0)[0]:
            shutil.rmtree(place)
            sys.exit()


def warm() -> None:
    """Have dbt write the code that it writes in every process anew, when it first reads or checks a kind of node."""
    from dbt_common.dataclass_schema import dbtClassMixin

    classes = [dbtClassMixin]
    for one in classes:
        classes += [other for other in one.__subclasses__() if other not in classes]
    for one in classes[1:]:
        # What is read and written is nothing at all: the code is there before that is found out.
        with contextlib.suppress(Exception):
            one.from_dict({})
        with contextlib.suppress(Exception):
            one.to_dict(object.__new__(one))
        if one.__name__ in CHECKED:
            one.json_schema()
    # dbt asks who has called it, for which Python looks for the files of all modules, once.
    inspect.stack()


def dump(given: object, stream: TextIO, **options: Any) -> None:
    """Do what `json.dump` does, with the encoder in C, which Python keeps for texts.

    dbt writes its manifest twice in every run.
    """
    stream.write(json.dumps(given, **options))


class FromFork(subprocess.Popen):
    """A process like any other, but dbt and MetricFlow: for these a fork waits, made before duckdb began threads."""

    waiting: ClassVar[list[tuple[int, socket.socket]]] = []

    def _execute_child(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *others):
        # Positions of subprocess's own: startupinfo, creationflags, shell, and the pipes.
        pipes = others[3:9]
        if not (self.waiting and pipes[0] == -1 and args[0] in (str(DBT), str(MF))):
            super()._execute_child(
                args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *others
            )
            return
        process, line = FromFork.waiting.pop()
        streams = {b"o": pipes[3], b"e": pipes[5]}
        piped = {kind: stream for kind, stream in streams.items() if stream != -1}
        request = {"command": args, "cwd": cwd or os.getcwd(), "environment": env}
        socket.send_fds(line, [b"".join(piped).ljust(2, b"-")], [*piped.values(), *pass_fds])
        line.sendall(json.dumps(request).encode())
        line.close()
        self.pid = process
        self._child_created = True
        self._close_pipe_fds(*pipes)


def program_to_be() -> dict | None:
    """Let a fork wait to become a program that this process starts; return, in the fork, what to run in it."""
    ours, its = socket.socketpair()
    process = os.fork()
    if process:
        its.close()
        FromFork.waiting.append((process, ours))
        subprocess.Popen = FromFork
        return None
    for line in (ours, *(line for _, line in FromFork.waiting)):
        line.close()
    FromFork.waiting.clear()
    kinds, descriptors, *_ = socket.recv_fds(its, 2, 4)
    if not kinds:
        # The program has ended without needing this one.
        os._exit(0)
    for kind, descriptor in zip(kinds.decode().strip("-"), descriptors, strict=False):
        os.dup2(descriptor, {"o": 1, "e": 2}[kind])
        os.close(descriptor)
    with its.makefile(encoding="utf-8") as text:
        return json.load(text)


def become(request: dict) -> None:
    """Run a program in this process, as if Python had been started with it."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for descriptor, path in enumerate(request["streams"], start=1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        os.dup2(file, descriptor)
        os.close(file)
    atexit.register(request["leave"])
    if "customer_segmentation" in request["command"]:
        # MetricFlow is started up to three times: for an answer, and for two lists of what can be asked.
        for _ in range(4 if "metrics" in request["command"] else 1):
            to_be = program_to_be()
            if to_be:
                request = to_be
                break
    os.environ.clear()
    os.environ.update(request["environment"])
    if "PYTHONUNBUFFERED" in os.environ:
        sys.stdout.reconfigure(line_buffering=True)
    time.tzset()
    os.chdir(request["cwd"])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    is_module = request["command"][0] == "-m"
    program, *arguments = request["command"][is_module:]
    begin = os.getcwd() if is_module else str(Path(program).parent)
    sys.path = [begin, *paths, *(path for path in sys.path if path != str(TESTS))]
    sys.argv = [program, *arguments]
    if is_module:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    become(serve(socket.socket(fileno=int(sys.argv[1]))))
