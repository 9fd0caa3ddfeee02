"""The pictures of the README: small, of the boards, and nothing in them but pixels."""

from __future__ import annotations

import re
import struct

import pytest
import yaml

from conftest import PROJECT
from tools import readme_pictures

FOLDER = PROJECT / readme_pictures.DEFAULT_FOLDER
LARGEST_BYTES = 150_000


def chunks(data: bytes) -> dict[str, bytes]:
    """Return the chunks of a PNG file by kind."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    found, at = {}, 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found[kind.decode()] = data[at + 8 : at + 8 + length]
        at += length + 12
    return found


def test_every_picture_is_shown() -> None:
    pages = [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")]
    links = {
        (page.parent / link).resolve()
        for page in pages
        for link in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    }
    shown = {link for link in links if link.parent == FOLDER}
    drawn = {PROJECT / readme_pictures.DEFAULT_FOLDER / f"{s}.png" for s in readme_pictures.STEMS}
    assert shown == drawn == set(FOLDER.iterdir())


@pytest.mark.parametrize("stem", readme_pictures.STEMS)
def test_a_picture_is_small_and_has_no_words_about_who_made_it(stem: str) -> None:
    data = (FOLDER / f"{stem}.png").read_bytes()
    assert len(data) < LARGEST_BYTES
    # No tEXt, iTXt, zTXt, tIME or eXIf.
    assert set(chunks(data)) <= {"IHDR", "PLTE", "IDAT", "IEND"}


def test_segments_have_their_colours() -> None:
    """A reduced palette may merge two of them."""
    brand = yaml.safe_load((PROJECT / "charts" / "_brand.yml").read_text(encoding="utf-8"))
    colours = brand["style"]["charts"]["category_colors"]["segment"]["values"]
    for stem in ("overview", "evolution"):
        palette = chunks((FOLDER / f"{stem}.png").read_bytes())["PLTE"]
        entries = {palette[at : at + 3].hex() for at in range(0, len(palette), 3)}
        for name, colour in colours.items():
            assert colour[1:].lower() in entries, f"{name} is not {colour} in {stem}"


def test_boards_with_single_customers_or_sellers_are_not_drawn() -> None:
    assert not {"study", "experience"} & set(readme_pictures.BOARDS)


def test_without_a_database_it_says_what_to_do(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("SEGMENTATION_DATABASE", str(tmp_path / "none.duckdb"))
    assert readme_pictures.main(["--to", str(tmp_path)]) == 1
    assert "make pictures: " in capsys.readouterr().err
