"""scikit-learn is imported by one thread at a time: models run side by side, and its packages import each other."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[1] / "python"
NAMES = {
    "cluster": "KMeans",
    "cluster._spectral": "discretize",
    "decomposition": "PCA",
    "preprocessing": "RobustScaler",
}
TWO_THREADS = """
import importlib, os, sys, threading
from customer_segmentation._sklearn import from_sklearn

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


def test_nobody_imports_it_otherwise() -> None:
    for path in sorted((PYTHON / "customer_segmentation").rglob("*.py")):
        if path.name != "_sklearn.py":
            text = path.read_text(encoding="utf-8")
            assert "from sklearn" not in text.replace("from_sklearn", ""), path
            assert "import sklearn" not in text, path
