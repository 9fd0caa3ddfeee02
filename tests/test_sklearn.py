"""scikit-learn is imported by one thread at a time: models run side by side, and its packages import each other."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

PYTHON = Path(__file__).resolve().parents[1] / "python"
NAMES = {
    "cluster": "KMeans",
    "cluster._spectral": "discretize",
    "decomposition": "PCA",
    "preprocessing": "RobustScaler",
}
TWO_THREADS = """
import sys, threading
from customer_segmentation._sklearn import from_sklearn

failed = []
threading.excepthook = failed.append
begin = threading.Barrier(2)

def take(module, name):
    begin.wait()
    from_sklearn(module, name)

words = sys.argv[1:]
threads = [threading.Thread(target=take, args=words[place : place + 2]) for place in (0, 2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(str([one.exc_value for one in failed]) if failed else 0)
"""


@pytest.mark.parametrize("modules", list(itertools.combinations(NAMES, 2)), ids=" and ".join)
def test_two_threads_that_begin_at_different_places_get_both(modules: tuple[str, str]) -> None:
    words = [word for module in modules for word in (module, NAMES[module])]
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
