"""Where files cannot be written, a sentence says so before any work is done, and nothing half-written is left."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

import customer_segmentation.__main__ as program
import olist.__main__ as olist_program
from customer_segmentation import _outputs
from customer_segmentation._outputs import copy_whole, write_whole, writing_to
from customer_segmentation.commands import docs, superset
from customer_segmentation.publishing import CommandError
from olist.folders import DataError, replaced_folder

# Of a file, and what is said of it: a folder under it, and a folder of a system that takes none.
PLACES = {
    "file": "a file is in the way",
    "file/below": "a file is in the way",
    "/proc/none": "No such file",
}


@pytest.mark.build
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", ["audience --all", "boards quality", "contract"])
def test_a_folder_that_cannot_be_is_said(
    command: str,
    place: str,
    sample_database: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").write_text("mine")
    # Drawing takes a minute: nobody waits for it in vain.
    monkeypatch.setattr("customer_segmentation.boards.rendering.draw", None)
    folder = tmp_path / place
    options = [*command.split(), "--to", str(folder), "--database", str(sample_database)]
    assert program.main(options) == 1
    name = command.split()[0]
    assert capsys.readouterr().err.startswith(
        f"{name}: {folder} cannot be written to ({PLACES[place]}"
    )
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("place", ["file/docs.html", "/proc/none/docs.html"])
def test_a_page_that_cannot_be_is_said_before_dbt_works(
    place: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(docs, "subprocess", None)
    page = tmp_path / place
    assert program.main(["docs", "--to", str(page), "--database", str(tmp_path / "none")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"docs: {page.parent} cannot be written to (")
    assert program.main(["docs", "--to", str(tmp_path), "--database", str(tmp_path / "none")]) == 1
    assert f"{tmp_path} is a folder; name a file with --to" in capsys.readouterr().err


@pytest.mark.parametrize("place", PLACES)
def test_a_sample_that_cannot_be_is_said(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    folder = str(tmp_path / place)
    assert olist_program.main(["sample", "--to", folder, "--customers", "300"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {folder} ")
    assert said.endswith("choose another folder with --to\n")


@pytest.mark.parametrize("place", PLACES)
def test_a_home_that_cannot_be_is_said(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        CommandError, match=r"cannot be written to .*name another folder with --home"
    ):
        superset.prepare_home(tmp_path / place)


def test_a_secret_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(superset.secrets, "token_urlsafe", lambda _: no_room())
        with pytest.raises(CommandError, match="No space left"):
            superset.prepare_home(tmp_path)
    assert list(tmp_path.iterdir()) == []
    superset.prepare_home(tmp_path)
    assert len((tmp_path / "secret_key").read_text()) > 40


def no_room(*_: object, **__: object) -> str:
    """Do as a write on a full disk does, of which the system does not say which file it is."""
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("is_copied", [False, True])
def test_what_was_there_stays_when_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_copied: bool
) -> None:
    page, source = tmp_path / "folder" / "page.html", tmp_path / "source"
    page.parent.mkdir()
    source.write_text("one")

    def put() -> Path:
        return copy_whole(source, page) if is_copied else write_whole(page, source.read_text())

    assert put() == page
    assert page.read_text() == "one"

    def half(part: Path, *_: object, **__: object) -> None:
        with part.open("w") as file:
            file.write("tw")
        no_room()

    source.write_text("two")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", half)
        patch.setattr(_outputs.shutil, "copyfile", lambda _, part: half(part))
        with pytest.raises(CommandError) as caught, writing_to(page.parent):
            put()
    assert str(caught.value) == (
        f"{page.parent} cannot be written to (No space left on device); name another folder with TO=folder."
    )
    assert page.read_text() == "one"
    assert [path.name for path in page.parent.iterdir()] == ["page.html"]
    put()
    assert page.read_text() == "two"


def test_an_error_of_another_place_is_not_blamed_on_this_one(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    other = tmp_path / "other" / "template.html"
    with pytest.raises(FileNotFoundError), writing_to(mine):
        other.read_text()
    with pytest.raises(FileNotFoundError), replaced_folder(mine / "sample"):
        other.read_text()
    with pytest.raises(DataError, match="No space left"), replaced_folder(mine / "sample"):
        no_room()
    assert list(mine.iterdir()) == []
