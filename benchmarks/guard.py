"""Whether a change has made a part slower: its ratio to the plain way against the one that is stored.

A ratio is about the same on a slow and on a quick machine, while seconds are not. Everything is measured on a small
synthetic set, of which a model is built only when a part begins with it, so that `make benchmark QUICK=1` is for every
day. The ratios are not those of docs/performance.md, which are of the whole set.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from benchmarks.builds import build_environment, run_timed
from benchmarks.job import PROJECT, SHARES, Job, project_vars
from benchmarks.measure import measure_part
from benchmarks.parts import Load

STORED = PROJECT / "benchmarks" / "results" / "quick.json"
# Below this share of the stored ratio a part has become slower.
LOWEST_SHARE = 0.7
# So many that the generator has no order that we refuse, which the plain way would keep.
CUSTOMERS = 15_000
ROUNDS = 3
# The others are made of the same kernels and take longer.
QUICK_PARTS = (
    "load",
    "rfm",
    "kmeans",
    "silhouette",
    "spectral",
    "bootstrap",
    "ks",
    "drift",
    "ageing",
    "stability",
    "traits",
    "segments",
)
# On so few customers ten random starts may miss the optimum that ten others meet, at some date; whether they do on the
# whole set, `make benchmark` says.
LEFT_TO_CHANCE = frozenset({"kmeans"})
QUICK_SHARES = SHARES | {"drift_pairs": 20, "ageing_pairs": 5, "bootstraps": 3}
MODELS = (
    *Load.made,
    "segment_profiles",
    "study_description",
    "model_agreement",
    "stability_measures",
    "feature_changes",
)


class Verdict(NamedTuple):
    """What the comparison says: a sentence for each part, and whether a part has become slower or is missing."""

    sentences: tuple[str, ...]
    is_sound: bool


def judge(
    measured: Mapping[str, float], stored: Mapping[str, float], *, wanted: Sequence[str]
) -> Verdict:
    """Compare ratios with those that are stored.

    Parameters
    ----------
    measured : mapping of str to float
        By part, how many times as fast as the plain way it is.
    stored : mapping of str to float
    wanted : sequence of str
        Parts that were to be measured. One that is stored and was not measured is as bad as a slow one; one that is
        not stored is said and passes.

    Returns
    -------
    Verdict
    """
    sentences, is_sound = [], True
    for name in wanted:
        was, found = stored.get(name), measured.get(name)
        if found is None:
            sentences.append(
                f"MISSING: {name} was not measured, so nobody knows whether it is slower;"
                f" take it out of {STORED.name} if there is no such part any more."
            )
            is_sound = False
        elif was is None:
            sentences.append(
                f"not stored: {name} is {found:.2f} times as fast as the plain way;"
                " `make benchmark QUICK=1 STORE=1` stores it."
            )
        elif found < LOWEST_SHARE * was:
            sentences.append(
                f"SLOWER: {name} is {found:.2f} times as fast as the plain way, and was"
                f" {was:.2f} times: {found / was:.2f} of it, less than {LOWEST_SHARE}. On a busy"
                " machine measure again. Else find the commit that did it (`make benchmark"
                f" QUICK=1 PARTS={name}` on each), and if the loss is meant, say why in"
                " CHANGELOG.md and store it with STORE=1."
            )
            is_sound = False
        else:
            sentences.append(f"as before: {name}, {found:.2f} times; stored {was:.2f}.")
    return Verdict(tuple(sentences), is_sound)


def quick_job(work: Path, *, threads: int, say: Callable[[str], None]) -> Job:
    """Make the small set and the models that the parts begin with.

    Parameters
    ----------
    work : Path
        Folder; raw data in it of an earlier run are used again.
    threads : int
    say : callable
        Receives lines of progress.

    Returns
    -------
    Job
    """
    job = Job(
        raw_dir=work / "quick-raw",
        database=work / "quick.duckdb",
        target=work / "quick-target",
        work=work,
        shares=QUICK_SHARES,
        study=project_vars()["study"],
        threads=threads,
    )
    if not job.raw_dir.exists():
        say(f"Synthetic data of {CUSTOMERS:,} customers")
        partial = work / "quick-raw.partial"
        command = ["-m", "olist", "sample", "--to", str(partial), "--customers", str(CUSTOMERS)]
        run_timed(
            [sys.executable, *command],
            log=work / "sample.log",
            environment={"PYTHONPATH": str(PROJECT / "python")},
        )
        partial.rename(job.raw_dir)
    say("The models that the parts begin with")
    # One of another commit may have other tables.
    job.database.unlink(missing_ok=True)
    run_timed(
        [
            str(Path(sys.executable).with_name("dbt")),
            "build",
            "--select",
            *(f"+{name}" for name in MODELS),
            "--exclude-resource-type",
            "test",
            "unit_test",
        ],
        log=work / "quick-build.log",
        environment=build_environment(
            raw_dir=job.raw_dir, database=job.database, target=job.target
        ),
    )
    return job


def measure_ratios(
    job: Job, names: Sequence[str], *, say: Callable[[str], None]
) -> tuple[dict[str, float], list[str]]:
    """Measure the parts.

    Parameters
    ----------
    job : Job
    names : sequence of str
    say : callable

    Returns
    -------
    ratios : dict of str to float
        Of the best runs of both sides, which a busy moment does not touch.
    different : list of str
        Parts whose results are not equal.
    """
    ratios, different = {}, []
    for name in names:
        found = measure_part(name, job, repeats=ROUNDS, yardsticks=("plain",), report=say)
        ratios[name] = found["plain"]["lowest"] / found["ours"]["lowest"]
        if not all(check["is_equal"] for check in found["checks"]):
            different.append(name)
    return ratios, different


def guard(
    work: Path,
    *,
    names: Sequence[str] = (),
    commit: str,
    processors: int,
    threads: int,
    is_stored: bool,
    say: Callable[[str], None],
    path: Path = STORED,
) -> int:
    """Measure, compare, and store when asked to.

    Parameters
    ----------
    work : Path
    names : sequence of str
        Parts; default: `QUICK_PARTS`.
    commit : str
    processors : int
        Of this machine.
    threads : int
    is_stored : bool
        Whether to store the ratios instead of comparing them.
    say : callable
    path : Path
        Of the stored ratios: by part, the ratio, its commit and date, and the processors of the machine.

    Returns
    -------
    int
        0 when no part has become slower and all results are equal, else 1; 2 when there is nothing to compare with.
    """
    is_whole = not names
    names = names or QUICK_PARTS
    known = json.loads(path.read_text()) if path.exists() else {}
    if not known and not is_stored:
        say(
            f"{path.name} is missing: `make benchmark QUICK=1 STORE=1` stores the ratios of this commit."
        )
        return 2
    job = quick_job(work, threads=threads, say=say)
    ratios, different = measure_ratios(job, names, say=say)
    stored = {name: part["ratio"] for name, part in known.items()}
    if not is_stored:
        slow = [name for name in names if ratios[name] < LOWEST_SHARE * stored.get(name, 0.0)]
        if slow:
            say(f"Once more, to tell a slow part from a busy moment: {', '.join(slow)}")
            again, _ = measure_ratios(job, slow, say=say)
            ratios |= {name: max(ratios[name], again[name]) for name in slow}
        # What is stored and is no part any more must be taken out there.
        gone = [name for name in stored if is_whole and name not in names]
        verdict = judge(ratios, stored, wanted=[*names, *gone])
        others = {known[name]["processors"] for name in names if name in known} - {processors}
        if others:
            say(
                f"Stored on a machine with {', '.join(map(str, sorted(others)))} processors; this one has {processors},"
                " which by itself changes ratios."
            )
        for sentence in verdict.sentences:
            say(sentence)
    else:
        now = {"commit": commit, "date": date.today().isoformat(), "processors": processors}
        known |= {name: {"ratio": ratio, **now} for name, ratio in ratios.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(known, indent=1) + "\n")
        say(f"Stored in {path.name}: {', '.join(f'{n} {r:.2f}' for n, r in ratios.items())}")
    different = [name for name in different if name not in LEFT_TO_CHANCE]
    for name in different:
        say(
            f"DIFFERENT: {name} gives other results than the plain way;"
            f" `make benchmark PARTS={name}` says in what."
        )
    return 1 if different or not (is_stored or verdict.is_sound) else 0
