"""Two threads import scikit-learn and scipy one after the other: models run side by side, and these import circles."""

from __future__ import annotations

import ast
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from customer_segmentation import _libraries

PROJECT = Path(__file__).resolve().parents[1]
PYTHON = PROJECT / "python"
NAMES = {
    "cluster": "KMeans",
    "cluster._spectral": "discretize",
    "decomposition": "PCA",
    "preprocessing": "RobustScaler",
}
TWO_THREADS = """
import importlib, os, sys, threading
from customer_segmentation._libraries import from_sklearn

failed = []
threading.excepthook = failed.append
begin = threading.Barrier(2)

def take(module, name):
    begin.wait()
    from_sklearn(module, name)

# What it needs itself is imported once for all pairs.
for module in ("pandas", "joblib", "scipy.linalg", "scipy.optimize", "scipy.sparse", "scipy.spatial", "scipy.stats"):
    importlib.import_module(module)
assert "sklearn" not in sys.modules
statuses = []
for pair in sys.argv[1:]:
    process = os.fork()
    if process == 0:
        words = [one.split(":") for one in pair.split(",")]
        threads = [threading.Thread(target=take, args=one) for one in words]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        if failed: print(pair, [one.exc_value for one in failed], file=sys.stderr, flush=True)
        os._exit(bool(failed))
    statuses.append(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
sys.exit(any(statuses))
"""


def test_two_threads_that_begin_at_different_places_get_both() -> None:
    words = [
        ",".join(f"{module}:{NAMES[module]}" for module in pair)
        for pair in itertools.combinations(NAMES, 2)
    ]
    done = subprocess.run(
        [sys.executable, "-c", TWO_THREADS, *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PYTHONPATH": str(PYTHON)},
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "others", [("sklearn", "scipy"), ("scipy", "scipy"), ("sklearn", "sklearn")]
)
def test_what_one_thread_imports_no_other_begins(
    others: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build failed when scipy.optimize and scipy.spatial.distance met in two threads: both import scipy.spatial."""
    importing = threading.Semaphore(1)
    met: list[str] = []

    def import_module(name: str) -> object:
        if not importing.acquire(blocking=False):
            met.append(name)
            return sys
        time.sleep(0.02)
        importing.release()
        return sys

    monkeypatch.setattr(_libraries.importlib, "import_module", import_module)
    take = {"sklearn": _libraries.from_sklearn, "scipy": _libraries.from_scipy}
    begin = threading.Barrier(len(others))

    def use(library: str) -> None:
        begin.wait()
        for _ in range(5):
            assert take[library]("spatial", "version") == sys.version

    with ThreadPoolExecutor(len(others)) as threads:
        list(threads.map(use, others))
    assert met == []


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that code imports when it runs: what stands behind TYPE_CHECKING does not."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from imported(node)


def test_nobody_imports_them_otherwise() -> None:
    paths = [*(PYTHON / "customer_segmentation").rglob("*.py"), *PROJECT.glob("models/**/*.py")]
    assert len(paths) > 100
    for path in paths:
        for module in imported(ast.parse(path.read_text(encoding="utf-8"))):
            assert module.split(".")[0] not in ("sklearn", "scipy"), path
