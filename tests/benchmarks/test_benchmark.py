"""The yardstick of the benchmark gives what we give, so that the two can be timed side by side."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from threadpoolctl import threadpool_limits

from benchmarks import report
from benchmarks.builds import DiskWatch, covered, describe_build
from benchmarks.floor import write_project
from benchmarks.history import truncate_raw_data
from benchmarks.job import SHARES as RUN_SHARES
from benchmarks.job import Job, Meter, project_vars
from benchmarks.limits import CLOSING
from benchmarks.measure import environment, measure_part, ratio, tool_versions
from benchmarks.parts import PARTS, Check, Load, largest_gap
from benchmarks.run import whole
from benchmarks.side import job_from_text, job_to_text, run_side
from conftest import PROJECT, Run, make_sample

CUSTOMERS = 1_500
# Small enough for seconds, large enough for every branch.
SMALL_STUDY = {
    "cluster_counts": [3, 4],
    "inits": ["k-means++"],
    # So many starts that both sides find the best optimum of so few rows.
    "n_inits": [40],
    "max_iters": [300],
    "seeds": [42, 43],
    "spectral_cluster_counts": [4],
    "spectral_neighbors": [10],
    "spectral_assign_labels": ["kmeans", "cluster_qr"],
    "gap_references": 2,
    "resamples": 20,
    "screening_resamples": 2,
    "spectral_resamples": 1,
}
# Enough to compare.
SHARES = RUN_SHARES | {"bootstraps": 20, "grid_fits": 100, "gap_data_sets": 1, "drift_pairs": 30}
# Models that the parts begin with or make again.
MODELS = (
    *Load.made,
    "study_clusters",
    "segment_traits",
    "model_agreement",
    "stability_measures",
    "feature_changes",
    "segment_profiles",
)


@pytest.fixture(scope="module")
def job(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Return a small data set, built without the tests of dbt."""
    folder = tmp_path_factory.mktemp("benchmark")
    raw_dir = make_sample(run, folder / "raw", CUSTOMERS)
    study = project_vars()["study"] | SMALL_STUDY
    done = run(
        "dbt",
        "build",
        "--select",
        " ".join(f"+{name}" for name in MODELS),
        "--exclude-resource-type",
        "test",
        "unit_test",
        "--vars",
        json.dumps({"study": study}),
        raw_dir=raw_dir,
        database=folder / "olist.duckdb",
        DBT_TARGET_PATH=str(folder / "target"),
    )
    assert done.returncode == 0, done.stdout[-4000:]
    (folder / "work").mkdir()
    return Job(
        raw_dir=raw_dir,
        database=folder / "olist.duckdb",
        target=folder / "target",
        work=folder / "work",
        shares=SHARES,
        study=study,
    )


@pytest.mark.build
@pytest.mark.parametrize("name", PARTS)
@pytest.mark.thorough
def test_yardstick_and_ours_agree(job: Job, name: str) -> None:
    # On so few rows several threads only wait for each other.
    with threadpool_limits(1):
        _, ours = run_side(name, "ours", job)
        _, plain = run_side(name, "plain", job)
    checks = PARTS[name]().compare(job, ours, plain)
    assert checks
    assert [check for check in checks if not check.is_equal] == []


@pytest.mark.build
@pytest.mark.parametrize("name", [name for name, part in PARTS.items() if part.expert_tools])
@pytest.mark.thorough
def test_the_expert_and_ours_agree(job: Job, name: str) -> None:
    missing = [tool for tool, one in tool_versions(PARTS[name].expert_tools).items() if not one]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed (requirements-benchmarks.txt)")
    with threadpool_limits(1):
        _, ours = run_side(name, "ours", job)
    _, expert = run_side(name, "expert", job)
    checks = PARTS[name]().compare(job, ours, expert)
    assert checks
    assert [check for check in checks if not check.is_equal] == []


def test_a_share_is_extrapolated_in_proportion() -> None:
    meter = Meter()
    with meter.piece("fits", done=2, of=10):
        pass
    meter.pieces[0].seconds = 4.0
    # Two of ten took 4 s, so ten take 20; the second beside them counts as it is.
    assert meter.estimate(5.0) == 21.0
    assert meter.note() == "fits 2 of 10"


def test_a_yardstick_that_ran_once_is_paired_with_every_run() -> None:
    found = ratio([{"estimate": 1.0}, {"estimate": 2.0}, {"estimate": 4.0}], [{"estimate": 8.0}])
    assert found == {"ratio": 4.0, "ratio_lowest": 2.0, "ratio_highest": 8.0}


def test_a_difference_is_told_from_a_missing_value() -> None:
    assert largest_gap([1.0, float("nan")], [1.5, float("nan")]) == 0.5
    assert largest_gap([1.0], [float("nan")]) == float("inf")
    assert not Check("x", float("nan"), 1.0).is_equal


def test_the_whole_counts_every_part_or_is_not_said() -> None:
    side = {"seconds": 10.0}
    result = {
        "builds": {"full": {"seconds": 20.0}},
        "parts": {name: {"plain": side} for name in PARTS},
    }
    counted = sum(part.is_counted for part in PARTS.values())
    assert whole(result)["ratio"] == counted * 10 / 20
    del result["parts"]["traits"]
    assert "ratio" not in whole(result)


def test_nodes_that_overlap_are_counted_once() -> None:
    assert covered([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0)]) == 4.0


def test_time_outside_of_nodes() -> None:
    def node(name: str, start: str, end: str, seconds: float) -> dict:
        step = {"name": "execute", "started_at": f"{start}Z", "completed_at": f"{end}Z"}
        return {"unique_id": name, "timing": [step], "execution_time": seconds}

    found = describe_build(
        [
            node("model.p.a", "2020-01-01T00:00:00.0", "2020-01-01T00:00:04.0", 4.0),
            node("test.p.b.1", "2020-01-01T00:00:02.0", "2020-01-01T00:00:06.0", 4.0),
        ],
        seconds=10.0,
    )
    assert found["node_seconds"] == pytest.approx(6.0)
    assert found["outside_seconds"] == pytest.approx(4.0)
    assert found["by_type"]["test"] == {"nodes": 1, "seconds": 4.0}


def test_floor_has_the_nodes_that_were_asked_for(tmp_path: Path) -> None:
    counts = {"table": 3, "view": 2, "seed": 1, "test": 5, "unit_test": 2}
    write_project(tmp_path, counts, threads=2)
    assert len(list((tmp_path / "models").glob("*.sql"))) == 5
    assert len(list((tmp_path / "seeds").iterdir())) == 1
    assert len(list((tmp_path / "tests").iterdir())) == 5
    assert (tmp_path / "models" / "unit.yml").read_text().count("name: unit_") == 2


def test_a_job_survives_the_way_to_another_process(tmp_path: Path) -> None:
    job = Job(tmp_path, tmp_path / "d", tmp_path / "t", tmp_path / "w", {"grid_fits": 1}, {"a": 1})
    assert job_from_text(job_to_text(job)) == job


EQUAL = {"what": "rows", "difference": 0.0, "tolerance": 0.0, "is_equal": True}


def small_result(*, customers: int, is_synthetic: bool, seconds: float) -> dict:
    """Return a result as `benchmarks.run` stores it."""
    side = {"seconds": 2.0, "peak_memory": 1e8, "note": ""}
    build = {
        "seconds": seconds,
        "customers": customers,
        "node_seconds": 8.0,
        "outside_seconds": 2.0,
        "peak_memory": 1e9,
        "peak_disk": 7e8,
        "database_bytes": 3e8,
        "by_type": {"model": {"nodes": 3, "seconds": 5.0}},
        "nodes": {"model rfm": 2.0},
    }
    return {
        "date": "2020-01-01",
        "commit": "abc",
        "machine": {
            "processors": 2,
            "model": "m",
            "memory": 8e9,
            "load": 0.1,
            "memory_limit": "2GB",
        },
        "versions": {"numpy": "2"},
        "data": {"customers": customers, "is_synthetic": is_synthetic},
        "rates": dict.fromkeys(
            ("read_bytes", "copy_bytes", "square_roots", "double_roots", "multiplications"), 1e9
        ),
        "limits": {"rfm": {"what": "bytes", "amount": 1e9, "rate": "copy_bytes", "seconds": 1.0}},
        "builds": {"full": build | {"all_model_seconds": [5.0, 4.0]}, "again": build},
        "month": build
        | {
            "by_type": {"model": {"nodes": 3, "seconds": 2.0}},
            "cut": "2020-01-01",
            "tables": 7,
            "differing_tables": [],
        },
        "floor": build | {"counts": {"table": 3}},
        "floors": {"median": 2.5, "lowest": 2.25, "highest": 2.75},
        "parts": {
            "rfm": {
                "title": "RFM at all dates",
                "ours": side,
                "plain": side | {"seconds": 8.0, "note": "fits 1 of 9"},
                "ratio": 4.0,
                "ratio_lowest": 3.0,
                "ratio_highest": 5.0,
                "checks": [EQUAL],
                "expert": side | {"seconds": 3.0},
                "expert_ratio": 1.5,
                "expert_ratio_lowest": 1.4,
                "expert_ratio_highest": 1.6,
                "expert_checks": [EQUAL],
                "expert_tools": {"polars": "2.1.0"},
            }
        },
        "whole": {"ours": build, "plain_seconds": 80.0, "ratio": 8.0},
    }


def test_page_is_made_of_what_was_measured(tmp_path: Path) -> None:
    report.store(
        small_result(customers=1_000, is_synthetic=False, seconds=10.0), "olist-1x", tmp_path
    )
    report.store(
        small_result(customers=10_000, is_synthetic=True, seconds=50.0), "synthetic-10x", tmp_path
    )
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".md", ".svg"}
    page = report.performance_page(report.stored(tmp_path))
    assert page.index("The real Olist, 1,000") < page.index("Synthetic Olist, 10,000")
    # The plain way was extrapolated, the expert's measured whole.
    assert "| RFM at all dates | 2 s | ≈ 8 s | 3 s | ≈ 4 (3 to 5) | 1.5 (1.4 to 1.6) |" in page
    assert "| polars 2.1.0 | plain: fits 1 of 9 |" in page
    assert "| RFM at all dates | expert | rows | 0 | 0 | yes |" in page
    # Ten times the customers for five times the cost: log10(5).
    assert "to the power 0.70" in page
    assert "the build again took 2.50 floors (2.25 to 2.75)" in page
    assert "took 2 s, 0.50 of the 4 s of the quickest build from nothing; of 7 tables none" in page
    # The part took the same time at both sizes.
    assert "| RFM at all dates, abc | 0.00 |" in page
    assert "| from nothing | 10 s | 8 s | 2 s | 1.0 GB | 700 MB | 300 MB |" in page
    assert "numpy 2. SEGMENTATION_MEMORY_LIMIT=2GB." in page
    assert "different commits" not in page


def test_the_most_on_disk_is_seen_though_it_is_gone_at_the_end(tmp_path: Path) -> None:
    raw, spilled = tmp_path / "raw", tmp_path / ".building" / "spilled"
    for path in (raw / "orders.csv", spilled):
        path.parent.mkdir()
        path.write_bytes(b"1" * 1_000_000)
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    disk = DiskWatch(tmp_path, but=[raw])
    with disk:
        deadline = time.monotonic() + 30
        while not disk.peak and time.monotonic() < deadline:
            time.sleep(0.01)
        spilled.unlink()
    assert 1_000_000 <= disk.peak < 1_100_000


def test_page_says_that_its_runs_are_of_different_commits(tmp_path: Path) -> None:
    first = small_result(customers=1_000, is_synthetic=True, seconds=10.0)
    second = small_result(customers=10_000, is_synthetic=True, seconds=50.0) | {"commit": "def"}
    report.store(first, "synthetic-1x", tmp_path)
    report.store(second, "synthetic-10x", tmp_path)
    # Ratios of the guard are no run.
    (tmp_path / "quick.json").write_text("{}")
    page = report.performance_page(report.stored(tmp_path))
    assert "The runs below are of 2 different commits** (abc, def)" in page
    assert "the rows are of different commits" in page
    assert "| 1,000 | abc |" in page
    assert "| 10,000 | def |" in page
    # How a part grows is not told from the code of two commits.
    assert "| RFM at all dates, abc |" not in page


def test_of_runs_of_one_day_that_without_limit_and_with_most_parts_comes_first_and_counts(
    tmp_path: Path,
) -> None:
    limited = small_result(customers=1_000, is_synthetic=True, seconds=70.0)
    unlimited = {"machine": limited["machine"] | {"memory_limit": None}}
    whole_run = small_result(customers=1_000, is_synthetic=True, seconds=10.0) | unlimited
    some = small_result(customers=1_000, is_synthetic=True, seconds=99.0) | unlimited
    large = small_result(customers=10_000, is_synthetic=True, seconds=50.0) | unlimited
    named = {"0": limited, "a": some | {"parts": {}}, "b": whole_run, "c": large}
    for name, result in named.items():
        report.store(result, name, tmp_path)
    results = report.stored(tmp_path)
    assert list(results) == ["b", "a", "0", "c"]
    page = report.performance_page(results)
    assert page.count("\n## Synthetic Olist, 1,000 customers\n") == 1
    assert page.count("\n## Synthetic Olist, 1,000 customers, some parts again\n") == 1
    assert page.count("\n## Synthetic Olist, 1,000 customers, DuckDB limited to 2GB\n") == 1
    # Five times the 10 seconds.
    assert "to the power 0.70" in page


def test_of_two_runs_on_one_data_set_the_later_comes_first(tmp_path: Path) -> None:
    for name, day in (("a", "2020-01-01"), ("b", "2020-02-01")):
        result = small_result(customers=1_000, is_synthetic=False, seconds=10.0) | {"date": day}
        report.store(result, name, tmp_path)
    assert list(report.stored(tmp_path)) == ["b", "a"]


def test_raw_files_are_truncated_in_either_format(run: Run, tmp_path: Path) -> None:
    def rows(folder: Path, name: str) -> list[tuple]:
        with duckdb.connect() as connection:
            path = next(folder.glob(f"{name}.*"))
            source = f"'{path}'"
            if path.suffix == ".csv":
                source = f"read_csv({source}, all_varchar = true)"
            return connection.execute(f"select * from {source} order by all").fetchall()

    whole_folder = make_sample(run, tmp_path / "csv", 300)
    as_parquet = tmp_path / "parquet"
    as_parquet.mkdir()
    with duckdb.connect() as connection:
        for path in whole_folder.glob("*.csv"):
            connection.execute(
                f"copy (from read_csv('{path}', all_varchar = true)) to '{as_parquet / path.stem}.parquet'"
            )
    first = truncate_raw_data(whole_folder, "2018-01-01", tmp_path / "first")
    second = truncate_raw_data(as_parquet, "2018-01-01", tmp_path / "second")
    orders = rows(first, "olist_orders_dataset")
    assert 0 < len(orders) < len(rows(whole_folder, "olist_orders_dataset"))
    times = [str(value) for row in orders for value in row[3:7] if value is not None]
    assert max(times) < "2018-01-01"
    for path in whole_folder.glob("*.csv"):
        assert repr(rows(first, path.stem)) == repr(rows(second, path.stem)), path.stem
    assert (first / "_synthetic.json").exists()


def test_every_part_has_a_word_on_what_keeps_it_from_its_limit() -> None:
    assert set(CLOSING) == set(PARTS)


def test_what_is_started_is_ended_with_the_benchmark(tmp_path: Path) -> None:
    # As publish starts dbt: a child that has a child of its own.
    started = tmp_path / "started"
    script = f"sh -c 'echo $$ > {started}; exec sleep 60'; true"
    program = (
        "import signal, sys\n"
        "from pathlib import Path\n"
        "from benchmarks.builds import run_timed\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))\n"
        f"run_timed(['sh', '-c', {script!r}], log=Path({str(tmp_path / 'log')!r}), environment={{}})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=PROJECT, env=environment())
    wait_until(lambda: started.exists() and started.read_text().strip())
    grandchild = int(started.read_text())
    process.terminate()
    assert process.wait(30) == 1
    wait_until(lambda: has_ended(grandchild))


def has_ended(process: int) -> bool:
    """Say whether a process is gone, or waits for nothing but a parent that asks how it ended."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def wait_until(is_so: Callable[[], object], *, seconds: float = 30) -> None:
    """Wait for something, and fail when it does not come."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_an_expert_whose_tool_is_missing_is_left_out_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PARTS["rfm"], "expert_tools", ("no-such-package",))
    monkeypatch.setattr("benchmarks.measure._Worker", FakeWorker)
    monkeypatch.setattr("benchmarks.measure._compare", lambda *_: [Check("rows", 0.0, 0.0)])
    job = Job(tmp_path, tmp_path / "d", tmp_path / "t", tmp_path, None, {})
    lines: list[str] = []
    found = measure_part("rfm", job, repeats=2, report=lines.append)
    assert "  rfm: the expert's way is left out, no-such-package is not installed" in lines
    assert "expert" not in found
    assert found["ratio"] == 4.0
    assert report.expert_tools_of(found) == "no-such-package is not installed"


class FakeWorker:
    """A side that takes a known time."""

    def __init__(self, name: str, side: str, job: Job) -> None:
        self.seconds = {"ours": 2.0, "plain": 8.0}[side]

    def ask(self, command: str) -> dict:
        took = {"seconds": self.seconds, "estimate": self.seconds, "note": ""}
        return took | {"peak_memory": 1e8, "memory_before": 0}

    def close(self) -> None:
        pass


@pytest.mark.parametrize("side", ["plain", "expert"])
def test_a_yardstick_stands_on_libraries_alone(side: str) -> None:
    paths = list((PROJECT / "benchmarks" / side).glob("*.py"))
    assert paths
    for path in paths:
        lines = path.read_text().splitlines()
        assert not [line for line in lines if "import" in line and "customer_segmentation" in line]


def test_results_page_says_of_speed_what_is_stored() -> None:
    result = report.stored()["olist-1x"]
    page = (PROJECT / "docs/results.md").read_text(encoding="utf-8")
    section = page.split("## How fast?")[1].split("\n## ")[0]
    said = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"][2:]
    # The spread stands on the performance page only.
    measured = [
        [
            part["title"],
            *(report.ratio_of(part, side).split(" (")[0] for side in ("plain", "expert")),
        ]
        for part in result["parts"].values()
    ]
    assert said == measured
    assert f"(commit {result['commit']})" in section
