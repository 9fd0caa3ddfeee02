"""How dbt Charts is run, and what is taken out of what it draws."""

from __future__ import annotations

import os
import types
from pathlib import Path

import pytest

from customer_segmentation.boards import drawing
from customer_segmentation.boards.words import Words
from customer_segmentation.publishing import CommandError

# In place of dbt Charts: each board is the number of the process, and what is called bad fails.
RENDER = """
import os, sys
from pathlib import Path
for name in sys.argv[2:sys.argv.index("--format")]:
    stem = name.removesuffix(".yml")
    if stem == "bad":
        sys.exit("ERR-OF-A-BOARD: bad")
    Path("ready").mkdir(exist_ok=True)
    Path(stem).write_text(str(os.getpid()))
    Path(stem).replace(Path("ready", stem + ".html"))
    print("Rendered", name, file=sys.stderr)
    print("WARN-OF-A-BOARD:", stem, "\\u00e9", file=sys.stderr)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a project, for dbt Charts of this module and three processors."""
    monkeypatch.setattr(drawing, "dct_program", lambda: None)
    monkeypatch.setattr(drawing, "SELDOM", RENDER)
    monkeypatch.setattr(drawing, "check_threads", lambda _: 3)
    return tmp_path


def processes_of(project: Path) -> dict[str, int]:
    return {path.stem: int(path.read_text()) for path in (project / "ready").glob("*.html")}


@pytest.mark.parametrize(("count", "processes"), [(1, 1), (2, 2), (3, 3), (7, 3)])
def test_boards_are_shared_among_the_processors(
    project: Path, capfd: pytest.CaptureFixture[str], count: int, processes: int
) -> None:
    stems = [f"board_{number}" for number in range(count)]
    drawing.run_dct(stems, project, kind="html")
    found = processes_of(project)
    assert sorted(found) == stems
    assert len(set(found.values())) == processes
    said = capfd.readouterr().err.splitlines()
    assert said[0] == f"Drawing {count} boards as html."
    assert sorted(said[1:]) == [f"WARN-OF-A-BOARD: {stem} é" for stem in stems]


def test_no_more_processes_than_have_room(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "check_threads", lambda _: 64)
    drawing.run_dct([f"board_{number}" for number in range(9)], project, kind="html")
    assert len(set(processes_of(project).values())) == drawing.MOST_PROCESSES


@pytest.mark.parametrize("place", [0, 1, 4])
def test_one_that_fails_fails_all_and_says_why(
    project: Path, capfd: pytest.CaptureFixture[str], place: int
) -> None:
    stems = [f"board_{number}" for number in range(4)]
    stems.insert(place, "bad")
    with pytest.raises(CommandError, match="could not render every board as html"):
        drawing.run_dct(stems, project, kind="html")
    assert "ERR-OF-A-BOARD: bad" in capfd.readouterr().err


def test_whoever_stops_it_leaves_no_process(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "SELDOM", f"{RENDER}\nimport time; time.sleep(600)")

    def interrupt(_: float) -> None:
        if len(processes_of(project)) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(drawing, "time", types.SimpleNamespace(sleep=interrupt))
    with pytest.raises(KeyboardInterrupt):
        drawing.run_dct(["a", "b", "c"], project, kind="html")
    for process in processes_of(project).values():
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


@pytest.mark.parametrize("first", [1, 37])
def test_a_drawing_does_not_depend_on_what_was_drawn_before(first: int) -> None:
    text = (
        '<svg xmlns="http://www.w3.org/2000/svg"><g class="dbt-chart" data-chart-id="shares"'
        ' data-chart-width="10" data-chart-height="5">'
        f'<clipPath id="clip{first}-ab-shares"/><clipPath id="clip{first + 1}-ab-shares"/>'
        f'<g clip-path="url(#clip{first + 1}-ab-shares)"/><text>clip{first}</text></g></svg>'
    )
    panel = drawing.Panel(
        name="shares", chart={"type": "bar"}, title="Shares", subtitle="", rows=[]
    )
    page = drawing.Page(
        stem="overview", board=None, name="", headline="", blocks=[("panels", [panel])]
    )
    drawing.take_drawings(text, page, "desk", Words("en"))
    drawn = panel.drawings["desk"]
    own = "overview-desk-shares-clip"
    assert f'id="{own}1-ab-shares"' in drawn
    assert f'id="{own}2-ab-shares"' in drawn
    assert f"url(#{own}2-ab-shares)" in drawn
    assert f">clip{first}<" in drawn
