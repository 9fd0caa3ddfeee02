"""Kills and signals at every step of a swap and of a rollback."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from torture import ground
from torture.campaign import Count, spread, try_all
from torture.ground import Done, require
from torture.miniature import has_edit, number_in

NAME = "olist.duckdb"
# Into these a kill may come halfway.
LONG_STEPS = ("duckdb force", "duckdb close", "subprocess.Popen")
EDITOR = """
import duckdb, sys, os, signal
connection = duckdb.connect(sys.argv[1])
connection.execute("set checkpoint_threshold = '1TB'")
connection.execute("create table edit as select 1 as a")
connection.execute("update marts.orders set build = 0")
os.kill(os.getpid(), signal.SIGKILL)
"""


@dataclasses.dataclass(frozen=True)
class Scene:
    """A folder with databases, a command, and what must be there afterwards.

    Attributes
    ----------
    title : str
    base : Path
        Is copied for every trial.
    command : tuple of str
        For `torture.steps`.
    database : str
        Published name within the folder.
    old, new : int
        Build number before and after the command; 0 for no database.
    below : dict of int to int
        To which build a rollback goes from which; 0 for none.
    has_log : bool
        Whether a program that was killed has left a log.
    """

    title: str
    base: Path
    command: tuple[str, ...]
    old: int
    new: int
    below: dict[int, int]
    database: str = NAME
    has_log: bool = False


@dataclasses.dataclass(frozen=True)
class Kill:
    """One signal at one step of a scene; step 0 for none."""

    scene: Scene
    step: int
    name: str
    number: signal.Signals = signal.SIGKILL
    is_halfway: bool = False

    @property
    def title(self) -> str:
        """Return what a failure is headed by."""
        where = "halfway into" if self.is_halfway else "before"
        return f"{self.scene.title}, {self.number.name} {where} step {self.step} ({self.name})"


def step_command(folder: Path, *command: str, database: str = NAME) -> Done:
    """Run a build or a rollback on miniatures."""
    return ground.run(
        "torture.steps", *command, folder=folder, settings={"SEGMENTATION_DATABASE": database}
    )


def succeed(folder: Path, *command: str, database: str = NAME) -> Done:
    """Run a build or a rollback that must work."""
    done = step_command(folder, *command, database=database)
    require(done.status == 0, f"`{' '.join(command)}` failed", done)
    return done


def leave_log(database: Path) -> None:
    """Edit a database as a program does that is killed before it folds its log in."""
    subprocess.run([sys.executable, "-c", EDITOR, str(database)], check=False)
    require(Path(f"{database}.wal").exists(), "the editor has left no log")


def make_three_builds(folder: Path) -> Path:
    """Publish a database three times in a folder: 1, 2 and 3."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in (1, 2, 3):
        succeed(folder, "build", "--number", str(number))
    return folder


def make_scenes(folder: Path, three: Path) -> list[Scene]:
    """Make the folders that the trials begin with, of one with three builds."""
    folder.mkdir(parents=True)
    empty = folder / "empty"
    empty.mkdir()
    logged = ground.copy_tree(three, folder / "logged")
    leave_log(logged / NAME)
    linked = ground.copy_tree(three, folder / "linked" / "elsewhere").parent
    (linked / NAME).symlink_to(Path("elsewhere") / NAME)
    withdrawn = ground.copy_tree(three, folder / "withdrawn")
    undo = succeed(withdrawn, "rollback").out.split("TO=")[-1].strip()
    build, below = ("build", "--number", "4"), {3: 2, 4: 3}
    return [
        Scene("first build", empty, ("build", "--number", "1"), 0, 1, {0: 0, 1: 0}),
        Scene("build", three, build, 3, 4, below),
        Scene("build beside a log", logged, build, 3, 4, below, has_log=True),
        Scene("build through a link", linked, build, 3, 4, below),
        Scene("rollback", three, ("rollback",), 3, 2, {3: 2, 2: 1}),
        Scene("rollback beside a log", logged, ("rollback",), 3, 2, {3: 2, 2: 1}, has_log=True),
        Scene("rollback undone", withdrawn, ("rollback", "--to", undo), 2, 3, {2: 1, 3: 2}),
    ]


def steps_of(scene: Scene, folder: Path) -> list[str]:
    """Run a scene to its end and return the names of its steps."""
    trial = ground.copy_tree(scene.base, folder)
    names = folder.with_suffix(".steps")
    succeed(trial, *scene.command, "--names", str(names), database=scene.database)
    return names.read_text().split("\n")


def try_whole(scene: Scene, folder: Path) -> None:
    """Do a scene that nobody disturbs."""
    trial = ground.copy_tree(scene.base, folder / "trial")
    done = succeed(trial, *scene.command, database=scene.database)
    check(scene, trial, done, must_be=(scene.new,))
    shutil.rmtree(folder)


def kills_of(
    scene: Scene, steps: list[str], *, number: signal.Signals = signal.SIGKILL
) -> list[Kill]:
    """Return a signal before every step, and halfway into the long ones."""
    numbered = list(enumerate(steps, start=1))
    before = [Kill(scene, step, name, number) for step, name in numbered]
    halfway = [
        Kill(scene, step, name, number, is_halfway=True)
        for step, name in numbered
        if name.startswith(LONG_STEPS)
    ]
    return before + halfway


def try_kill(kill: Kill, folder: Path) -> None:
    """Do a scene, end it at the step, and look at what it leaves."""
    trial = ground.copy_tree(kill.scene.base, folder / "trial")
    done = step_command(
        trial,
        *kill.scene.command,
        *("--at", str(kill.step), "--signal", kill.number.name.removeprefix("SIG")),
        *(["--halfway"] if kill.is_halfway else []),
        database=kill.scene.database,
    )
    require(not done.has_traceback, "a traceback", done)
    if kill.number == signal.SIGKILL:
        # Halfway into a step that ends sooner, the kill finds the command further on, or at its end.
        expected = (-kill.number, 0) if kill.is_halfway else (-kill.number,)
        require(done.status in expected, f"exit status {done.status}", done)
    else:
        check_signal(kill, done, trial)
    check(kill.scene, trial, done, must_be=(kill.scene.old, kill.scene.new))
    shutil.rmtree(folder)


def check_signal(kill: Kill, done: Done, trial: Path) -> None:
    """A signal that can be answered: a sentence and a status that agree with what is published."""
    sentence = done.err.strip().splitlines()[-1] if done.err.strip() else ""
    # A rollback is a rename: it does not answer SIGTERM, and ends where it is.
    silent = kill.scene.command[0] == "rollback" and kill.number == signal.SIGTERM
    if done.status == -kill.number and silent:
        return
    require(done.status in (0, 130), f"exit status {done.status}", done)
    if done.status == 0:
        return
    require(f"{kill.scene.command[0]}: stopped" in sentence, "no sentence", done)
    if "as it was" in sentence:
        seen = published_number(trial / kill.scene.database)
        require(seen == kill.scene.old, f"it says as it was, and build {seen} is published", done)


def published_number(database: Path) -> int:
    """Return the build that readers see; 0 for none."""
    return number_in(database) if database.exists() else 0


def check(scene: Scene, trial: Path, done: Done, *, must_be: tuple[int, ...]) -> None:
    """Look at what is published, at what is kept, at the next build and at the next rollback."""
    database = trial / scene.database
    log = Path(f"{database.resolve()}.wal")
    if log.exists():
        require(scene.has_log, "a log where there was none", done)
        seen = seen_with_log(database, scene)
    else:
        seen = published_number(database)
        require(not (scene.has_log and has_edit(database)), "the log got into the file", done)
    require(seen in must_be, f"build {seen} is published, not one of {must_be}", done)
    kept = numbers_kept(trial)
    for number in {scene.old, seen} - {0}:
        require(number in kept, f"build {number} is lost; there are {sorted(kept)}", done)
    if scene.has_log:
        require(log_is_somewhere(trial), "what the killed editor wrote is lost", done)
    require(
        database.is_symlink() == (scene.base / scene.database).is_symlink(), "the link has gone"
    )
    copy = ground.copy_tree(trial, trial.with_name("rolled_back"))
    check_rollback(scene, copy / scene.database, copy, scene.below[seen])
    succeed(trial, "build", "--number", "9", database=scene.database)
    require(published_number(database) == 9, "the next build is not published")
    leftovers = [path.name for path in trial.rglob("*") if path.name.endswith((".wal", ".tmp"))]
    require(not log.exists(), f"after the next build there are still {leftovers}")
    require(not list(trial.rglob("*.building")), "the side folder is left after the next build")
    check_rollback(scene, database, trial, seen)


def check_rollback(scene: Scene, database: Path, folder: Path, right: int) -> None:
    """Go back, and see that it is to the database before."""
    done = step_command(folder, "rollback", database=scene.database)
    require(not done.has_traceback, "a rollback with a traceback", done)
    if right == 0:
        require(done.status == 1, "a rollback to nothing", done)
        require("rollback: " in done.err, "no sentence", done)
        return
    require(done.status == 0, "the rollback failed", done)
    seen = published_number(database)
    require(seen == right, f"the rollback went to build {seen}, not to {right}", done)
    require(not Path(f"{database.resolve()}.wal").exists(), "a log after the rollback", done)


def seen_with_log(database: Path, scene: Scene) -> int:
    """Return the build whose file lies beside the log; the log may only be that of the old one."""
    copy = database.resolve().parent / "without_log.duckdb"
    try:
        shutil.copy(database, copy)
        seen = number_in(copy)
    finally:
        copy.unlink(missing_ok=True)
    require(seen == scene.old, f"the log of build {scene.old} lies beside build {seen}")
    return seen


def numbers_kept(folder: Path) -> set[int]:
    """Return the builds of all files that end in .duckdb and are no copy with a log."""
    numbers = set()
    for path in folder.rglob("*.duckdb"):
        aside = any(part.startswith("log-") for part in path.relative_to(folder).parts)
        if path.is_symlink() or aside or ".building" in str(path) or not path.stat().st_size:
            continue
        # A log beside the name would be read with it.
        plain = Path(shutil.copy(path, folder / "looked_at"))
        try:
            numbers.add(number_in(plain))
        finally:
            plain.unlink()
    return numbers


def log_is_somewhere(folder: Path) -> bool:
    """Say whether a log, or a database with its content, is still in the folder."""
    if any(path.stat().st_size for path in folder.rglob("*.wal*")):
        return True
    return any(has_edit(path) for path in folder.rglob("log-*/*.duckdb"))


def campaign(
    folder: Path,
    *,
    three_builds: Path | None = None,
    at_most: int | None = None,
    titles: tuple[str, ...] = (),
) -> list[Count]:
    """Kill at every step of every scene, and signal at every step of builds and rollbacks.

    Parameters
    ----------
    folder : Path
        Made; everything happens in it.
    three_builds : Path, optional
        What `make_three_builds` has made; made anew by default.
    at_most : int, optional
        Kills of each scene, evenly spread; default all.
    titles : tuple of str
        Of the scenes; default all.

    Returns
    -------
    list of Count
    """
    three = three_builds or make_three_builds(folder / "three")
    scenes = [
        scene
        for scene in make_scenes(folder / "scenes", three)
        if not titles or scene.title in titles
    ]
    kills, signals = [], []
    for scene in scenes:
        steps = steps_of(scene, folder / "whole" / scene.title)
        some = functools.partial(spread, at_most=at_most or len(steps) * 2)
        kills += some(kills_of(scene, steps))
        if scene.title in ("build", "rollback"):
            for number in (signal.SIGTERM, signal.SIGINT):
                signals += some(kills_of(scene, steps, number=number))
    undisturbed = Count("swaps and rollbacks that nobody disturbs", "right")
    try_all(
        undisturbed,
        [(scene.title, (i, scene)) for i, scene in enumerate(scenes)],
        lambda item: try_whole(item[1], folder / f"undisturbed-{item[0]}"),
    )
    return [
        undisturbed,
        try_kills(Count("kills at steps of swaps and rollbacks", "whole"), kills, folder),
        try_kills(Count("signals at such steps", "whole and truly told"), signals, folder),
    ]


def try_kills(count: Count, kills: list[Kill], folder: Path) -> Count:
    """Do every kill in a folder of its own."""
    named = [(kill.title, (i, kill)) for i, kill in enumerate(kills)]
    return try_all(
        count,
        named,
        lambda item: try_kill(item[1], folder / f"{item[1].number.name}-{item[0]}"),
    )
