"""All pages of a database into a folder."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from customer_segmentation._outputs import copy_whole, write_whole, writing_to
from customer_segmentation.boards.drawing import (
    Edition,
    Furniture,
    draw,
    segment_colours,
    take_pictures,
)
from customer_segmentation.boards.pages import Link, index_html, page_html, pages_of
from customer_segmentation.boards.sources import (
    CHARTS,
    NO_CURRENCY,
    TABLE,
    board_names,
    read_board,
    tables_in,
    with_currency,
)
from customer_segmentation.boards.words import (
    LANGUAGES,
    Language,
    Words,
    read_catalogue,
    read_names,
)
from customer_segmentation.publishing import CommandError, one_row, reading

FORMATS = ("html", "png", "pdf")
USUAL_FORMATS = ("html", "png")


def render(
    database: Path,
    folder: Path,
    *,
    boards: Sequence[str] = (),
    formats: Sequence[str] = USUAL_FORMATS,
    languages: Sequence[Language] = LANGUAGES,
) -> list[Path]:
    """Render boards; those that the database cannot answer are left out with a sentence.

    Parameters
    ----------
    database : Path
        Published database.
    folder : Path
        Made when missing. Each file replaces its older version only when it is complete. French
        pages go to its folder ``fr``.
    boards : sequence of str, optional
        Names of files in ``charts/`` without ending; all by default.
    formats : sequence of str, optional
        Of html, png and pdf; the first two by default.
    languages : sequence of str, optional
        Of en and fr; both by default.

    Returns
    -------
    list of Path
        The files; with all the boards also an index.
    """
    chosen = board_names(boards)
    written: list[Path] = []
    with reading(database) as connection, tempfile.TemporaryDirectory(prefix="boards-") as place:
        chosen = [name for name in chosen if can_be_answered(connection, name, database)]
        if not chosen:
            raise CommandError(
                f"{database} has none of the tables that the boards read; run `make build`."
            )
        with writing_to(folder):
            # Before a minute of drawing.
            folder.mkdir(parents=True, exist_ok=True)
        editions = [edition_of(connection, chosen, language) for language in languages]
        furniture = draw(editions, Path(place) / "html") if "html" in formats else []
        pictures = {
            kind: take_pictures(editions, Path(place) / kind, kind=kind)
            for kind in formats
            if kind != "html"
        }
        for edition in editions:
            language = edition.words.language
            to = folder if language == "en" else folder / language
            with writing_to(folder):
                to.mkdir(parents=True, exist_ok=True)
                written += _write_edition(
                    connection,
                    to,
                    edition,
                    furniture=furniture.pop(0) if furniture else None,
                    pictures={kind: found.pop(0) for kind, found in pictures.items()},
                    with_index=not boards,
                    has_other=len(languages) > 1,
                )
    return written


def words_of(connection: duckdb.DuckDBPyConnection, language: Language) -> Words:
    """Return the words of a language, with the names that the database itself translates."""
    existing = tables_in(connection)
    (currency,) = (
        one_row(connection, "select currency from marts.data_origin")
        if "marts.data_origin" in existing
        else (NO_CURRENCY,)
    )
    catalogue = {
        with_currency(english, currency): with_currency(french, currency)
        for english, french in read_catalogue(CHARTS / "french.csv").items()
    }
    words = Words(language, catalogue, read_names(CHARTS / "names.csv", language))
    if language == "fr":
        for table, sql in {
            "seeds.segment_labels": "select en.name, fr.name from seeds.segment_labels as en"
            " inner join seeds.segment_labels as fr on en.segment_code = fr.segment_code"
            " where en.language = 'en' and fr.language = 'fr'",
            "seeds.rfm_segments": "select rfm_segment, rfm_segment_french from seeds.rfm_segments",
            "segmentation.segment_rules": "select distinct rule_english, rule_french"
            " from segmentation.segment_rules where rule_english is not null and rule_french is not null",
            "seeds.states": "select distinct region, region_french from seeds.states",
        }.items():
            if table in existing:
                words.learn(dict(connection.execute(sql).fetchall()))
    return words


def can_be_answered(connection: duckdb.DuckDBPyConnection, name: str, database: Path) -> bool:
    """Tell whether the database has what a board's headline reads, and say what it has not."""
    board = read_board(name)
    existing = tables_in(connection)
    missing = sorted(set(TABLE.findall(board.queries["findings"])) - existing)
    others = {table for sql in board.queries.values() for table in TABLE.findall(sql)}
    lacking = missing or sorted(others - existing)
    if lacking:
        is_shop = "input_work.shop_lines" in existing
        why = (
            "which somebody's own orders do not have."
            if is_shop
            else "run `make build` without a selection."
        )
        what = "left out" if missing else "some panels are left out"
        print(
            f"{name}: {what}, the database has no {', '.join(lacking)}{',' if is_shop else ';'} {why}",
            file=sys.stderr,
        )
    return not missing


def edition_of(
    connection: duckdb.DuckDBPyConnection, chosen: Sequence[str], language: Language
) -> Edition:
    """Return the pages of boards in one language, with the colours of their segments."""
    words = words_of(connection, language)
    (currency,) = one_row(connection, "select currency from marts.data_origin")
    sources = [read_board(name, currency=currency) for name in chosen]
    segments = connection.execute(
        "select segment_name from segmentation.segment_profiles group by 1 order by min(cluster)"
        if "segmentation.segment_profiles" in tables_in(connection)
        else "select '' where false"
    ).fetchall()
    colours = segment_colours(sources[0].brand, [row[0] for row in segments])
    return Edition(
        words=words,
        pages=[page for board in sources for page in pages_of(connection, board, words)[0]],
        colours={words.text(name): colour for name, colour in colours.items()},
    )


def _write_edition(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    edition: Edition,
    *,
    furniture: Furniture | None,
    pictures: Mapping[str, Mapping[str, Path]],
    with_index: bool,
    has_other: bool,
) -> list[Path]:
    """Write the pages of one language where they are drawn, its pictures and its index."""
    words, pages = edition.words, edition.pages
    links = [Link(page.stem, page.name) for page in pages]
    if with_index or (folder / "index.html").exists():
        links.insert(0, Link("index", words.text("All pages")))
    up = "../" if words.language == "fr" else "fr/"
    written = []
    if furniture:
        for page in pages:
            other = f"{up}{page.stem}.html" if has_other else None
            text = page_html(page, links, words, furniture, other_language=other)
            written.append(_put(folder / f"{page.stem}.html", text))
    for kind, taken in pictures.items():
        for stem, picture in taken.items():
            written.append(copy_whole(picture, folder / f"{stem}.{kind}"))
            print(written[-1])
    if with_index:
        is_synthetic, as_of_date = one_row(
            connection, "select is_synthetic, latest_as_of_date from marts.data_origin"
        )
        text = index_html(
            pages,
            links,
            words,
            furniture or Furniture(styles="", script=""),
            as_of_date=as_of_date,
            is_synthetic=is_synthetic,
            other_language=f"{up}index.html" if has_other else None,
        )
        written.append(_put(folder / "index.html", text))
    return written


def _put(path: Path, text: str) -> Path:
    """Write a page and name it."""
    print(write_whole(path, text))
    return path
