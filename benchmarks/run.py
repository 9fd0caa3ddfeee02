"""Measure our study and the yardstick, and store what was found.

Run as ``python -m benchmarks.run``, or `make benchmark`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.builds import BuildError, build, node_counts, run_timed
from benchmarks.floor import measure_floor
from benchmarks.guard import QUICK_PARTS, STORED, guard
from benchmarks.history import table_fingerprints, truncate_raw_data
from benchmarks.job import PROJECT, SHARES, Job, project_vars
from benchmarks.limits import machine_rates, part_limits
from benchmarks.measure import YARDSTICKS, BenchmarkError, measure_part, ratio_names
from benchmarks.parts import PARTS
from benchmarks.warehouse import read_manifest
from benchmarks.words import text_table

OLIST_CUSTOMERS = 96_096
LIBRARIES = (
    "dbt-core",
    "dbt-duckdb",
    "duckdb",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "numba",
)
# Besides the parts: the build from nothing, with a month added, again, dbt's floor.
OTHERS = ("build", "month", "again", "floor")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument(
        "--size", type=int, default=1, help="multiple of Olist; above 1 always synthetic"
    )
    parser.add_argument(
        "--parts",
        default="",
        help=f"comma-separated, of {', '.join([*OTHERS, *PARTS])}; default: all that fit the size",
    )
    parser.add_argument("--repeats", type=int, default=3, help="pairs of runs (default 3)")
    parser.add_argument("--builds", type=int, help="builds from nothing; default: as --repeats")
    parser.add_argument("--name", help="of the stored result; default: after the data")
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="folder to store into")
    parser.add_argument(
        "--work", type=Path, help="folder for databases, kept; default: a temporary one"
    )
    parser.add_argument(
        "--selector",
        help="build only what a selector of selectors.yml names: without_study, spine (large sizes)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="compare the ratios of a small set with those that are stored; exit 1 when a part has become slower",
    )
    parser.add_argument("--store", action="store_true", help="with --quick: store the ratios")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Measure what the command line asks for.

    Parameters
    ----------
    arguments : list of str, optional

    Returns
    -------
    int
        0 when every result of both sides was equal, and of both ways to a database.
    """
    options = build_parser().parse_args(arguments)
    wanted = [name for name in options.parts.split(",") if name]
    known = QUICK_PARTS if options.quick else (*OTHERS, *PARTS)
    unknown = [name for name in wanted if name not in known]
    problems = {
        f"there is no part {', '.join(unknown)} here; there are {', '.join(known)}.": unknown,
        "SIZE and REPEATS are whole numbers of at least 1.": min(options.size, options.repeats) < 1,
        "STORE=1 goes with QUICK=1; without it everything is stored.": options.store
        and not options.quick,
    }
    for problem, is_so in problems.items():
        if is_so:
            print(f"make benchmark: {problem}", file=sys.stderr)
            return 2
    # So that what was started is ended, as with Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    temporary = options.work is None
    work = Path(tempfile.mkdtemp(prefix="benchmark-")) if temporary else options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    try:
        if options.quick:
            return guard(
                work,
                names=wanted,
                commit=commit(),
                processors=machine()["processors"],
                threads=threads(),
                is_stored=options.store,
                path=options.results / STORED.name,
                say=say,
            )
        result = run(options, wanted or default_parts(options.size), work)
    except (BuildError, BenchmarkError) as error:
        print(f"make benchmark: {error}", file=sys.stderr)
        return 1
    finally:
        if temporary:
            shutil.rmtree(work, ignore_errors=True)
    print(f"\n{report.headline(result)}\n{report.about(result)}\n")
    print(text_table(report.PART_HEADINGS, report.part_rows(result)))
    is_equal = all(
        check["is_equal"]
        for part in result["parts"].values()
        for side in YARDSTICKS
        for check in part.get(ratio_names(side)[1], [])
    )
    return 0 if is_equal and not result.get("month", {}).get("differing_tables") else 1


def default_parts(size: int) -> list[str]:
    """Return all parts that fit a size."""
    return [*OTHERS, *(name for name, part in PARTS.items() if part.largest_size >= size)]


def threads() -> int:
    """Return how many threads a build has."""
    return int(os.environ.get("SEGMENTATION_THREADS", "2"))


def run(options: argparse.Namespace, wanted: list[str], work: Path) -> dict[str, Any]:
    """Measure and store after every part, so that a run that is cut short has its results."""
    say("Data")
    raw_dir = data_folder(options.size, work)
    database, target = work / "olist.duckdb", work / "target"
    name = options.name
    full: list[dict[str, Any]] = []
    build_options = ["--selector", options.selector] if options.selector else []
    if "build" in wanted or not database.exists():
        repeats = (options.builds or options.repeats) if "build" in wanted else 1
        for repeat in range(repeats):
            say(f"Build from nothing {repeat + 1}/{repeats}")
            database.unlink(missing_ok=True)
            full.append(
                build(
                    raw_dir=raw_dir,
                    database=database,
                    target=target,
                    options=["--full-refresh", *build_options],
                )
            )
            say(f"  {full[-1]['seconds']:.1f} s, {full[-1]['peak_memory'] / 1e6:,.0f} MB")
        facts = {
            **sorted(full, key=lambda b: b["seconds"])[len(full) // 2],
            "all_seconds": [b["seconds"] for b in full],
            "all_model_seconds": [b["by_type"]["model"]["seconds"] for b in full],
            "commit": commit(),
        }
        (work / "build.json").write_text(json.dumps(facts))
    else:
        facts = json.loads((work / "build.json").read_text())
        if facts["commit"] != commit():
            raise BenchmarkError(
                f"{database} was built from commit {facts['commit']}, and this is {commit()}: delete it."
            )
    # A database that was only made to measure the parts on says nothing of how long a build takes.
    builds = {"full": facts} if "build" in wanted else {}
    if name is None:
        name = ("synthetic" if facts["is_synthetic"] else "olist") + f"-{options.size}x"
        name += f"-{options.selector}" if options.selector else ""
    job = Job(
        raw_dir=raw_dir,
        database=database,
        target=target,
        work=work,
        shares=SHARES,
        study=project_vars()["study"],
        threads=threads(),
    )
    say("Machine")
    result: dict[str, Any] = {
        "date": date.today().isoformat(),
        "commit": commit(),
        "size": options.size,
        "rounds": options.repeats,
        "machine": machine(),
        "versions": {library: version(library) for library in LIBRARIES},
        "data": {key: facts[key] for key in ("customers", "orders", "raw_bytes", "is_synthetic")},
        "rates": machine_rates(raw_dir, threads=job.threads),
        "builds": builds,
        "parts": {},
    }
    result["selector"] = options.selector
    report.store(result, name, options.results)
    if "month" in wanted:
        result["month"] = add_month(job, build_options)
        report.store(result, name, options.results)
    if "again" in wanted or "floor" in wanted:
        result |= again_and_floor(job, build_options, repeats=options.repeats)
        builds["again"] = result.pop("again")
        report.store(result, name, options.results)
    parts = [part for part in PARTS if part in wanted]
    for position, part in enumerate(parts, start=1):
        say(f"Part {position}/{len(parts)}: {PARTS[part]().title}")
        is_compared = PARTS[part]().largest_size >= options.size
        result["parts"][part] = measure_part(
            part,
            job,
            repeats=options.repeats,
            yardsticks=YARDSTICKS if is_compared else (),
            report=say,
        )
        if "full" in builds and not options.selector:
            result["whole"] = whole(result)
        report.store(result, name, options.results)
    # Last: what this process holds would count as memory of those that it starts.
    if not options.selector:
        result["limits"] = part_limits(job, result["rates"])
        report.store(result, name, options.results)
    return result


def add_month(job: Job, options: list[str]) -> dict[str, Any]:
    """Build without what came after the last full month, then with all of it.

    Parameters
    ----------
    job : Job
        Its database is that of a build from nothing with all of it.
    options : list of str
        Of ``dbt build``.

    Returns
    -------
    dict
        cut: what the first build does not know happened on this date or later. seconds, peak_memory and so on: of the
        second build, as `build` returns them. differing_tables: those with other rows than in the build from nothing.
    """
    cut = job.frame(
        "select strftime(max(as_of_date), '%Y-%m-%d') as cut from marts.periods"
        " where not is_sparse and not is_latest"
    )["cut"].item()
    if cut is None:
        raise BenchmarkError("There is no full month before the latest date; leave out part month.")
    say(f"Build with what came after {cut}, in a database that was built without it")
    folder = job.work / "month"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    database, target = folder / "olist.duckdb", folder / "target"
    before = truncate_raw_data(job.raw_dir, cut, folder / "raw")
    build(raw_dir=before, database=database, target=target, options=options)
    added = build(raw_dir=job.raw_dir, database=database, target=target, options=options)
    found, expected = table_fingerprints(database), table_fingerprints(job.database)
    differing = sorted(
        table for table in found | expected if found.get(table) != expected.get(table)
    )
    say(f"  {added['seconds']:.1f} s, {len(differing)} of {len(expected)} tables differ")
    shutil.rmtree(folder)
    return {**added, "cut": cut, "tables": len(expected), "differing_tables": differing}


def again_and_floor(job: Job, options: list[str], *, repeats: int) -> dict[str, Any]:
    """Build again with everything re-used, and the floor of dbt, in pairs.

    Parameters
    ----------
    job : Job
    options : list of str
        Of ``dbt build``.
    repeats : int

    Returns
    -------
    dict
        again and floor: of each the run of median length (the longer of two). floors: median, lowest and highest of
        the ratios of the pairs.
    """
    folder = job.work / "floor"
    shutil.rmtree(folder, ignore_errors=True)
    counts = node_counts(read_manifest(job.target))
    pairs = []
    for repeat in range(repeats):
        say(f"Build again, everything re-used, and dbt's floor {repeat + 1}/{repeats}")
        # In turns, so that a machine that gets slower does not favour one.
        sides = [
            lambda: build(
                raw_dir=job.raw_dir, database=job.database, target=job.target, options=options
            ),
            lambda: measure_floor(folder, counts, threads=job.threads),
        ]
        if repeat % 2:
            floor, again = sides[1](), sides[0]()
        else:
            again, floor = sides[0](), sides[1]()
        pairs.append((again, floor))
        say(f"  {again['seconds']:.1f} s and {floor['seconds']:.1f} s")
    ratios = sorted(again["seconds"] / floor["seconds"] for again, floor in pairs)
    again, floor = (
        sorted(side, key=lambda b: b["seconds"])[repeats // 2] for side in zip(*pairs, strict=True)
    )
    return {
        "again": again,
        "floor": floor,
        "floors": {
            "median": statistics.median(ratios),
            "lowest": ratios[0],
            "highest": ratios[-1],
        },
    }


def whole(result: dict[str, Any]) -> dict[str, Any]:
    """Compare the build from nothing with the sum of the yardstick's parts.

    Parameters
    ----------
    result : dict

    Returns
    -------
    dict
        ours: the build. plain_seconds and ratio only when every counted part was measured.
    """
    found: dict[str, Any] = {"ours": result["builds"]["full"]}
    counted = [name for name, part in PARTS.items() if part.is_counted]
    measured = {name: result["parts"].get(name, {}).get("plain") for name in counted}
    if all(measured.values()):
        found["plain_seconds"] = sum(side["seconds"] for side in measured.values())
        found["ratio"] = found["plain_seconds"] / found["ours"]["seconds"]
    return found


def data_folder(size: int, work: Path) -> Path:
    """Return the folder with the raw files: the real ones when named, else synthetic ones."""
    named = os.environ.get("OLIST_RAW_DIR")
    if size == 1 and named:
        return Path(named).resolve()
    folder = work / f"raw-{size}x"
    if not folder.exists():
        partial = work / f"raw-{size}x.partial"
        shutil.rmtree(partial, ignore_errors=True)
        run_timed(
            [
                sys.executable,
                "-m",
                "olist",
                "sample",
                "--to",
                str(partial),
                "--customers",
                str(OLIST_CUSTOMERS * size),
                "--format",
                "csv" if size == 1 else "parquet",
            ],
            log=work / "sample.log",
            environment={"PYTHONPATH": str(PROJECT / "python")},
        )
        partial.rename(folder)
    return folder


def machine() -> dict[str, Any]:
    """Describe the machine."""
    info = Path("/proc/cpuinfo")
    model = "unknown"
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    return {
        "processors": len(os.sched_getaffinity(0)),
        "model": model,
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load": os.getloadavg()[0],
        # Of DuckDB, where it is not the default.
        "memory_limit": os.environ.get("SEGMENTATION_MEMORY_LIMIT"),
    }


def commit() -> str:
    """Return the commit that is measured, marked when files differ from it, results of ours aside."""

    def git(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
        )

    name = git("rev-parse", "--short", "HEAD").stdout.strip()
    measured = ("--", ".", ":!benchmarks/results", ":!docs/performance.md")
    is_dirty = bool(git("status", "--porcelain", *measured).stdout.strip())
    return f"{name}-dirty" if name and is_dirty else name or "unknown"


def say(line: str) -> None:
    """Print a line of progress."""
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
