"""What each part cannot be faster than the way it is done: bytes to read and write, distances."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd

from benchmarks.job import Job
from customer_segmentation.cluster import standardise
from customer_segmentation.distance import DistanceTree

# Values of a kernel that stays in the processor's first cache.
CACHED_VALUES = 2_048
# Each rate is the best of so many windows of so many seconds.
SECONDS = 0.15
WINDOWS = 5
# Of all dates, to count the distances that the silhouettes of each take.
MAXIMUM_ROWS = 3_000_000
# Of the graph of nearest neighbours: place and weight.
EDGE_BYTES = 12
# What keeps a part from its limit and what would close the distance, or why that is not worth it.
CLOSING = {
    "load": "Each value is judged as text while it is typed, keys that occur twice are looked for, and every table is"
    " written to disk: of a million points the compression takes half of the time.",
    "rfm": "The events of each customer are sorted, and the result is compressed on its way to disk.",
    "kmeans": "The seeding of the starts and the hand-over of the rows, which the limit leaves out.",
    "silhouette": "Nodes of the tree that are visited and end without a distance.",
    "kmeans_silhouettes": "As both of its parts.",
    "grid": "The starts of all candidates and of the gap statistic, which the limit leaves out.",
    "spectral": "The limit knows nothing of the eigenvectors, whose factors take most of the time.",
    "spectral_grid": "As spectral, and the silhouettes of the cuts.",
    "bootstrap": "Resamples are drawn and gathered, and each start is seeded.",
    "finalists": "As bootstrap, and the graphs of the spectral resamples.",
    "ks": "Samples are sorted, where the limit reads them. Not worth it: it is over at once.",
    "drift": "Two dates are merged for each pair, where the limit reads each date once.",
    "ageing": "Seeding, and the agreement of the labels. Starting where the old model ended would be quicker and would"
    " answer another question.",
    "stability": "As ageing.",
    "traits": "Orders, lines and payments are joined by texts of 32 letters and written to disk for others, too.",
    "segments": "The result is compressed on its way to disk. Not worth it: the table is the product.",
}


def machine_rates(raw_dir: Path, *, threads: int) -> dict[str, float]:
    """Measure what the machine can do, each on all threads.

    Parameters
    ----------
    raw_dir : Path
    threads : int

    Returns
    -------
    dict
        read_bytes (a second, of the raw files from the page cache), copy_bytes (memory to
        memory), square_roots and double_roots (of float32 and float64, as exact as the kernels need
        them) and multiplications (of float64, each with an addition), all of values in cache.
    """
    files = [path for path in raw_dir.iterdir() if path.is_file()]

    def read(_: int) -> int:
        total = 0
        for path in files:
            with path.open("rb", buffering=0) as file:
                while block := file.read(1 << 20):
                    total += len(block)
        return total

    source = np.ones(8_000_000)
    target = np.empty_like(source)
    # Each thread its own, so that they do not wait for each other's cache.
    singles = [np.linspace(1, 2, CACHED_VALUES, dtype=np.float32) for _ in range(threads)]
    doubles = [np.linspace(1, 2, CACHED_VALUES) for _ in range(threads)]

    def copy(_: int) -> int:
        np.copyto(target, source)
        return source.nbytes

    def roots(thread: int) -> int:
        return _roots(singles[thread], np.zeros_like(singles[thread]), 1_000)

    def double_roots(thread: int) -> int:
        return _roots(doubles[thread], np.zeros_like(doubles[thread]), 1_000)

    def products(thread: int) -> int:
        return _products(doubles[thread], np.zeros_like(doubles[thread]), 1_000)

    read(0)
    for compiled in (roots, double_roots, products):
        compiled(0)
    return {
        "read_bytes": _rate(read, threads=1),
        "copy_bytes": _rate(copy, threads=1),
        "square_roots": _rate(roots, threads=threads),
        "double_roots": _rate(double_roots, threads=threads),
        "multiplications": _rate(products, threads=threads),
    }


def part_limits(job: Job, rates: dict[str, float]) -> dict[str, dict[str, Any]]:
    """Count the least work of each part and divide it by what the machine can do.

    Parameters
    ----------
    job : Job
    rates : dict
        From `machine_rates`.

    Returns
    -------
    dict
        By part: what (in words), amount, rate (name of it) and seconds.
    """
    settings = job.settings()
    n_features = len(job.features())
    rows = job.frame(
        "select as_of_date, count(*) as n from segmentation_work.segmentation_features"
        " where is_in_fit group by as_of_date order by as_of_date"
    )["n"].to_numpy(dtype=float)
    rfm = job.frame("select count(*) as n from marts.rfm")["n"][0]
    segments = job.frame("select count(*) as n from segmentation.customer_segments")["n"][0]
    fits = job.frame(
        "select as_of_date, any_value(training_rows) as n, any_value(iterations) as iterations"
        " from segmentation_work.kmeans_fits where cluster is not null group by as_of_date"
    )
    studied = job.frame(
        "select feature_set, algorithm, n_clusters, is_finalist, customers"
        " from segmentation_work.study_candidates"
    )
    sets = studied.drop_duplicates("feature_set")["customers"].to_numpy(dtype=float)
    raw = float(sum(path.stat().st_size for path in job.raw_dir.iterdir()))
    # A visit of one row by one centroid is a multiplication a feature.
    visit = settings["n_clusters"] * n_features
    fit_work = float((fits["n"] * fits["iterations"]).sum()) * settings["engine"]["n_init"] * visit
    latest = float(rows[-1])
    # The rows of all dates are only looked at where they fit into memory.
    dates = job.customers().values() if rows.sum() < MAXIMUM_ROWS else []
    distances = [_distances(table[table["is_in_fit"]][job.features()]) for table in dates]
    iterations = float(fits["iterations"].median()) if len(fits) else 1.0
    engine = settings["engine"]
    # Multiplications of one fit of so many rows, each start of it as long as the starts of the fits are.
    starts = engine["n_init"] * iterations * visit
    repeats = engine["null_seeds"] + engine["null_bootstraps"]
    later = rows[len(rows) - len(job.models()) + 1 :]
    finalists = studied[studied["is_finalist"] & (studied["n_clusters"] > 1)]
    judged = job.study["judged_clusters"]
    resampled = sum(
        row.customers
        * row.n_clusters
        * n_features
        * engine["n_init"]
        * iterations
        * job.study[
            "resamples"
            if row.n_clusters == (judged.get(row.feature_set) or settings["n_clusters"])
            else "screening_resamples"
        ]
        for row in finalists[finalists["algorithm"] == "kmeans"].itertuples()
    )
    edges = EDGE_BYTES * max(job.study["spectral_neighbors"] or [0])
    found = {
        "load": ("bytes of the nine files to read once", raw, "read_bytes"),
        "rfm": ("bytes of the result to write (80 a row)", 80.0 * rfm, "copy_bytes"),
        "kmeans": ("multiplications of the iterations", fit_work, "multiplications"),
        "silhouette": ("distances that the tree measures", sum(distances[-1:]), "double_roots"),
        "kmeans_silhouettes": (
            "distances of all pairs, each once, or those that the tree measures",
            sum(distances),
            "double_roots",
        ),
        "grid": (
            "distances of all pairs, once for all candidates",
            float((sets**2).sum() / 2),
            "square_roots",
        ),
        "spectral": (
            "bytes of the graph's edges, written and read once",
            2.0 * EDGE_BYTES * 10 * latest,
            "copy_bytes",
        ),
        "spectral_grid": (
            "bytes of the edges of the largest graph of each feature set, written and read once",
            2.0 * edges * float(sets.sum()),
            "copy_bytes",
        ),
        "bootstrap": (
            "multiplications of the iterations",
            job.study["resamples"] * starts * latest,
            "multiplications",
        ),
        "finalists": (
            "multiplications of the iterations of K-means",
            float(resampled),
            "multiplications",
        ),
        "ageing": (
            "multiplications of a refit for every pair of dates, of the earlier one's customers",
            float(sum(n * (len(rows) - 1 - i) for i, n in enumerate(rows))) * starts,
            "multiplications",
        ),
        "stability": (
            "multiplications of the refits of every later date, twice",
            2.0 * repeats * starts * float(later.sum()),
            "multiplications",
        ),
        "traits": (
            "bytes of the files of orders, lines and payments, read once",
            float(sum(path.stat().st_size for path in job.raw_dir.iterdir() if is_read(path))),
            "read_bytes",
        ),
        "ks": (
            "bytes of the features to sort, read once",
            latest * 8 * (n_features + 4),
            "copy_bytes",
        ),
        "drift": ("bytes of the features, read once", 32.0 * rfm, "copy_bytes"),
        "segments": ("bytes of the result to write (80 a row)", 80.0 * segments, "copy_bytes"),
    }
    return {
        name: {
            "what": what,
            "amount": amount,
            "rate": rate,
            "seconds": amount / rates[rate],
            "closing": CLOSING[name],
        }
        for name, (what, amount, rate) in found.items()
        if amount > 0
    }


def is_read(path: Path) -> bool:
    """Say whether traits are made of a raw file."""
    return path.name.split(".")[0] in {
        f"olist_{name}_dataset" for name in ("orders", "customers", "order_items", "order_payments")
    }


def _distances(rows: pd.DataFrame) -> float:
    scaled = standardise(rows).transform(rows)
    return min(DistanceTree.of(scaled).evaluations, len(rows) ** 2 / 2)


@numba.njit(nogil=True, fastmath=True)
def _roots(values, totals, times):
    for time_ in range(times):
        for j in range(values.shape[0]):
            totals[j] += np.sqrt(values[j] + values.dtype.type(time_))
    return times * values.shape[0]


@numba.njit(nogil=True, fastmath=True)
def _products(values, totals, times):
    for time_ in range(times):
        for j in range(values.shape[0]):
            totals[j] += values[j] * time_
    return times * values.shape[0]


def _rate(work: Callable[[int], int], *, threads: int) -> float:
    def one(thread: int) -> int:
        total, end = 0, time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            total += work(thread)
        return total

    rates = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(WINDOWS):
            start = time.perf_counter()
            total = sum(pool.map(one, range(threads)))
            rates.append(total / (time.perf_counter() - start))
    # A limit is what the machine can do when nothing is in its way.
    return max(rates)
