"""dbt as a process of ours: started, waited for, and ended with us."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from customer_segmentation.publishing.errors import CommandError

# A commit that checkpoints holds up the other thread; nobody reads the side file before it is sealed.
BUILD_CHECKPOINT_THRESHOLD = "1TB"


# How long dbt may take to stop when it is asked to.
STOP_SECONDS = 10.0


def run_dbt(
    side: Path, options: list[str], *, environment: Mapping[str, str], lock: int | None = None
) -> int:
    """Run ``dbt build`` into the side file and return its exit status.

    Parameters
    ----------
    side : Path
    options : list of str
    environment : mapping of str to str
    lock : int, optional
        Descriptor that dbt inherits: should it outlive this process, the database stays locked.
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
            "SEGMENTATION_CHECKPOINT_THRESHOLD": BUILD_CHECKPOINT_THRESHOLD,
        },
        pass_fds=() if lock is None else (lock,),
        preexec_fn=ends_with_its_parent(),
    )
    try:
        return process.wait()
    except BaseException:
        stop(process)
        raise


def ends_with_its_parent() -> Callable[[], None] | None:
    """Return what a child calls so that it is ended when this process is killed; Linux only."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    set_parent_death_signal = 1
    return lambda: libc.prctl(set_parent_death_signal, signal.SIGTERM)


def stop(process: subprocess.Popen[bytes]) -> None:
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
