"""dbt as a process of ours: started, waited for, and ended with us."""

from __future__ import annotations

import ctypes
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from customer_segmentation.intake import ROW_GROUP_ROWS
from customer_segmentation.publishing.completeness import BUILD_VARIABLE, TESTS, read_run
from customer_segmentation.publishing.errors import CommandError

# A commit that checkpoints holds up the other thread; nobody reads the side file before it is sealed.
BUILD_CHECKPOINT_THRESHOLD = "1TB"


# Of more models and tests than these, the first are named.
NAMES_IN_A_MESSAGE = 3

# How long dbt may take to stop when it is asked to.
STOP_SECONDS = 10.0

# Where nobody looks at a terminal, progress is said this often.
PROGRESS_SECONDS = 15.0

# What a line of dbt's begins with: colours, the time of day, which node of how many.
_TIME = re.compile(r"^(?:\x1b\[[0-9;]*m)*\d\d:\d\d:\d\d(?:  |$)")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NODE = re.compile(r"\d+ of (\d+) ([A-Z]+(?:-OP)?)\b(.*)")
_GOES_WELL = {"START", "OK", "PASS", "NO-OP", "SKIP"}
# How our Python models begin a line that says how far they are.
STEP = "· "
# Lines that say nothing to whoever waits for a database.
_ROUTINE = re.compile(
    r"|\d+ of \d+ (START|OK) hook: .*|Running with dbt=.*|Registered adapter: .*|Found \d+ .*|Concurrency: .*"
    r"|Unable to do partial parsing.*|Finished running .*|Completed successfully|Done\. PASS=.*|Nothing to do\..*"
)


def run_dbt(
    side: Path,
    options: list[str],
    *,
    environment: Mapping[str, str],
    lock: int | None = None,
    is_verbose: bool = False,
) -> int:
    """Run ``dbt build`` into the side file and return its exit status.

    Parameters
    ----------
    side : Path
    options : list of str
    environment : mapping of str to str
    lock : int, optional
        Descriptor that dbt inherits: should it outlive this process, the database stays locked.
    is_verbose : bool
        Show every line of dbt's, not only progress and what is wrong.
    """
    colours = {} if sys.stdout.isatty() else {"DBT_USE_COLORS": "false"}
    dbt = Path(sys.executable).with_name("dbt")
    if not dbt.exists():
        raise CommandError(f"{dbt} is missing; run `make setup`.")
    project = project_folder(environment)
    forget_stale_parse(project, target_folder(environment))
    process = subprocess.Popen(
        [str(dbt), "build", *options],
        env={
            **environment,
            **colours,
            "SEGMENTATION_DATABASE": str(side),
            BUILD_VARIABLE: str(side),
            "SEGMENTATION_CHECKPOINT_THRESHOLD": BUILD_CHECKPOINT_THRESHOLD,
            "SEGMENTATION_ROW_GROUP_ROWS": str(ROW_GROUP_ROWS),
            # What a Python model says is shown when it is said.
            "PYTHONUNBUFFERED": "1",
            # dbt reads the project, and speaks, in the encoding of the locale.
            "PYTHONUTF8": "1",
        },
        stdout=None if is_verbose else subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        pass_fds=() if lock is None else (lock,),
        preexec_fn=ends_with_its_parent(),
    )
    try:
        if process.stdout is not None:
            follow(process.stdout, sys.stdout)
        return process.wait()
    except BaseException:
        stop(process)
        raise


def builds_whole(
    engine: str,
    side: Path,
    options: Sequence[str],
    *,
    environment: Mapping[str, str],
    relations: Callable[[], Collection[str]],
    tests: Collection[str] = TESTS,
    lock: int | None = None,
    is_verbose: bool = False,
) -> bool:
    """Run ``dbt build`` for another engine, and say why when its readers cannot have what it built.

    Parameters
    ----------
    engine : str
        Target of profiles.yml.
    side, options, environment, lock, is_verbose
        As of `run_dbt`.
    relations : callable
        Gives the ``schema.table`` that were built; called when dbt has passed.
    tests : collection of str
        As of `read_run`.

    Returns
    -------
    bool
        Whether every model was built and every test passed.
    """
    target = target_of(engine, environment)
    started_at = time.time()
    status = run_dbt(
        side,
        [*options, "--target", engine],
        environment={**environment, "DBT_TARGET_PATH": str(target)},
        lock=lock,
        is_verbose=is_verbose,
    )
    problem = "the errors are above"
    if not status:
        run = read_run(target, since=started_at, relations=relations(), tests=tests, side=side)
        if run.is_complete:
            return True
        missing = [*run.not_built, *run.not_tested]
        named = ", ".join(missing[:NAMES_IN_A_MESSAGE])
        more = " …" if len(missing) > NAMES_IN_A_MESSAGE else ""
        problem = run.problem or (
            f"dbt did not build and test everything, which readers rely on ({named}{more}); leave --select and the like"
            " out"
        )
    print(f"\nThe build failed; {problem}. Readers have what they had.", file=sys.stderr)
    return False


def follow(
    lines: Iterable[str], out: TextIO, *, clock: Callable[[], float] = time.monotonic
) -> None:
    """Show how far dbt is, and of its lines those that are not routine.

    Parameters
    ----------
    lines : iterable of str
        What dbt writes, as it comes.
    out : text stream
        A terminal gets one line that is written over; other streams a line every
        `PROGRESS_SECONDS`.
    clock : callable
        Returns seconds.
    """
    begin = said = clock()
    finished, count, skipped, has_failed = 0, "", 0, False
    is_terminal = out.isatty()
    clear = "\r\x1b[K" if is_terminal else ""
    progress = ""
    for line in lines:
        at = clock()
        text = _COLOURS.sub("", _TIME.sub("", line)).strip()
        is_dbt = _TIME.match(line) is not None
        node = _NODE.fullmatch(text) if is_dbt else None
        doing = text.removeprefix(STEP) if text.startswith(STEP) else ""
        if node and " hook: " not in text:
            count, state, rest = node.groups()
            finished += state != "START"
            skipped += state == "SKIP"
            doing = _name_of(rest)
        if count:
            progress = f"  {finished} of {count} models and tests, {at - begin:.0f} s"
        is_routine = bool(doing) or (is_dbt and _ROUTINE.fullmatch(text) is not None)
        if not is_routine or (has_failed and not text):
            has_failed = has_failed or text.startswith("Completed with")
            out.write(f"{clear}{line}" + (progress if is_terminal else ""))
        elif node and node[2] not in _GOES_WELL:
            out.write(f"{clear}{line}" + (progress if is_terminal else ""))
        elif is_terminal and doing:
            out.write(f"{clear}{progress}  {doing}"[:100])
        elif progress and at - said >= PROGRESS_SECONDS:
            said = at
            # One model of many dates may take minutes: it says at which it is.
            out.write(f"{progress}  {doing}".rstrip()[:100] + "\n")
        out.flush()
    if progress:
        out.write(f"{clear}{progress}\n")
    if skipped:
        out.write(f"  {skipped} of them were left out because of what failed before.\n")
    out.flush()


def _name_of(node: str) -> str:
    """Return the name in what dbt says of a node, such as ``sql table model marts.rfm ... [RUN]``, or without dots."""
    words = node.partition(" [")[0].partition(" .")[0].split()
    return words[-1] if words else ""


def ends_with_its_parent() -> Callable[[], None] | None:
    """Return what a child calls so that it is ended when this process is killed; Linux only."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    set_parent_death_signal = 1
    return lambda: libc.prctl(set_parent_death_signal, signal.SIGTERM)


def stop(process: subprocess.Popen[str]) -> None:
    """End a child, by force if it takes longer than `STOP_SECONDS`."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def project_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of the dbt project."""
    return Path(environment.get("DBT_PROJECT_DIR") or ".")


def target_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder that dbt writes to."""
    return Path(environment.get("DBT_TARGET_PATH") or project_folder(environment) / "target")


def target_of(engine: str, environment: Mapping[str, str]) -> Path:
    """Return the folder of another engine: dbt parses everything anew when its profile is another one."""
    return target_folder(environment) / engine


def log_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of dbt's log."""
    return Path(environment.get("DBT_LOG_PATH") or project_folder(environment) / "logs")


def has_met_full_disk(target: Path, *, since: float) -> bool:
    """Say whether a node of the last build found no space; its spilled files are gone by then.

    Parameters
    ----------
    target : Path
        Folder that dbt writes to.
    since : float
        Time of the start of the build, in seconds since 1970; older results are of another one.

    Returns
    -------
    bool
    """
    results = target / "run_results.json"
    return (
        results.exists()
        and results.stat().st_mtime >= since
        and "No space left on device" in results.read_text(encoding="utf-8")
    )


def forget_stale_parse(project: Path, target: Path) -> None:
    """Remove what dbt remembers of an earlier parse when a file of the project is newer.

    Parsing only what has changed fails with "two metrics with the name …" (dbt-core 1.12).

    Parameters
    ----------
    project : Path
        Folder with dbt_project.yml.
    target : Path
        Folder that dbt writes to.
    """
    remembered = target / "partial_parse.msgpack"
    if not remembered.exists():
        return
    parsed_at = remembered.stat().st_mtime
    files = [project / name for name in ("dbt_project.yml", "profiles.yml", "selectors.yml")]
    for folder in ("models", "macros", "seeds", "analyses", "tests/generic", "tests/singular"):
        # The folders too: theirs is the time when a file went.
        files += [project / folder, *(project / folder).rglob("*")]
    if any(file.exists() and file.stat().st_mtime > parsed_at for file in files):
        remembered.unlink()
