"""Run one kind of bad input through the real command, and say what became of it."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shutil
from pathlib import Path

from torture import ground
from torture.fingerprints import Fingerprint, fingerprint
from torture.ground import Done, TortureError, require
from torture.kinds import PUBLISHED, REFUSED, STOPPED, Kind, Seen

CUSTOMERS = 900
NAME = "olist.duckdb"
# From the raw files to what they say of each other and of customers, with the tests of these tables.
SELECTION = (
    *(
        "--partial",
        "--select",
        "+raw_loads",
        "+file_completeness",
        "+orders",
        "+rfm",
        "+data_quality",
    ),
    *("--indirect-selection", "buildable", "--exclude-resource-type", "unit_test"),
)
# What dbt says when it begins to build something of ours.
BUILDS = re.compile(r"START (sql|python|seed|test)")
LONGEST_MESSAGE = 400


@dataclasses.dataclass(frozen=True)
class Clean:
    """A sound raw folder and the database that is built from it.

    Attributes
    ----------
    folder : Path
        With ``raw``, the published ``olist.duckdb`` and dbt's ``target``.
    tables : dict
        Fingerprint of the published database.
    """

    folder: Path
    tables: Fingerprint


def make_clean(folder: Path) -> Clean:
    """Make the sample, and publish what is built from it."""
    folder.mkdir(parents=True)
    make_raw(folder)
    done = ground.run(
        *("customer_segmentation", "build", "--verbose"),
        *SELECTION,
        folder=folder,
        settings=settings_of(folder),
    )
    require(done.status == 0, "the clean folder could not be built", done)
    return Clean(folder, fingerprint(folder / NAME))


def make_raw(folder: Path) -> None:
    """Make the sound raw folder."""
    ground.make_sample(folder / "raw", CUSTOMERS, seed=3)


def settings_of(folder: Path, **settings: str) -> dict[str, str]:
    """Return the environment of a command; names are relative, so that dbt parses once."""
    return {
        "SEGMENTATION_DATABASE": NAME,
        "OLIST_RAW_DIR": "raw",
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        **settings,
    }


def make_case(clean: Clean, folder: Path) -> Path:
    """Return a working folder of its own: raw files, the published database, and dbt's parse."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    ground.copy_tree(clean.folder / "raw", folder / "raw")
    shutil.copy(clean.folder / NAME, folder / NAME)
    (folder / "target").mkdir()
    for name in ("partial_parse.msgpack", "manifest.json"):
        if (clean.folder / "target" / name).exists():
            # With its time, by which the project is found to be unchanged.
            shutil.copy2(clean.folder / "target" / name, folder / "target" / name)
    return folder


def judge(kind: Kind, clean: Clean, folder: Path) -> Seen:
    """Run a kind by itself.

    Parameters
    ----------
    kind : Kind
        Of one of the outcomes `refused`, `stopped` and `published`.
    clean : Clean
    folder : Path
        Made for it, and removed when it came out right.

    Returns
    -------
    Seen
    """
    case = make_case(clean, folder / "case")
    if kind.place:
        kind.place(case)
    if kind.damage:
        kind.damage(case / "raw")
    before = contents(case)
    options = kind.options or (() if "rollback" in kind.command else SELECTION)
    done = ground.run(
        *kind.command, *options, folder=case, settings=settings_of(case, **kind.settings)
    )
    outcome = outcome_of(done)
    message = message_of(done, kind.says, outcome)
    try:
        require(not done.has_traceback, "a traceback", done)
        require(outcome == kind.outcome, f"{outcome}, and not {kind.outcome}", done)
        if outcome == PUBLISHED:
            require(done.status == kind.status, f"exit status {done.status}", done)
        require(message or not kind.says, f"no sentence with {', '.join(kind.says)}", done)
        if outcome != PUBLISHED:
            changed = sorted(path for path in contents(case).items() ^ before.items())
            require(not changed, f"changed: {[path for path, _ in changed]}", done)
        if kind.look:
            kind.look(case)
    except TortureError as error:
        return Seen(kind, outcome, shown(message, case), f"{kind.name}: {error}")
    shutil.rmtree(folder)
    return Seen(kind, outcome, shown(message, case))


def outcome_of(done: Done) -> str:
    """Return what a command did, by its status, and by what it says that it published or began to build."""
    if done.status == 0 or re.search(r"^Published ", done.out, re.MULTILINE):
        return PUBLISHED
    return STOPPED if BUILDS.search(done.out) else REFUSED


def message_of(done: Done, says: tuple[str, ...], outcome: str) -> str:
    """Return the first line that holds everything that must be said; without any, the last of the errors.

    A line that only quotes the call is none.
    """
    if outcome == PUBLISHED and not says:
        return ""
    lines = [line.strip() for line in [*done.err.splitlines(), *done.out.splitlines()]]
    if not says:
        return next((line for line in reversed(done.err.splitlines()) if line.strip()), "")
    return next((line for line in lines if all(word in line for word in says)), "")


def shown(message: str, *folders: Path) -> str:
    """Return a message as the page shows it: in one line, without what is of this machine."""
    text = " ".join(ground.without_machine(message, *folders).split()).removeprefix("- ")
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]} …"


def contents(folder: Path) -> dict[str, str]:
    """Return a digest of every file that a command which refuses must leave as it is."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        # dbt's own, the lock, and what was built in the side folder.
        if name.parts[0] in ("target", "logs") or name.name.endswith(".lock"):
            continue
        if any(part.endswith(".building") for part in name.parts) and not path.is_file():
            continue
        if any(part.endswith(".building") for part in name.parts[:-1]):
            continue
        if path.is_symlink():
            found[str(name)] = f"link to {path.readlink()}"
        elif path.is_file():
            found[str(name)] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.is_dir():
            found[str(name)] = "folder"
        else:
            found[str(name)] = "no regular file"
    return found
