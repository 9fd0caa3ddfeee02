"""Render the boards in charts/ from the published database, as HTML pages and PNG pictures.

dbt Charts draws them (`make boards` installs it). There is one page for each segment; a board whose
tables the database does not have is left out, and named.

Examples
--------
  python -m customer_segmentation boards
  python -m customer_segmentation boards overview evolution --format png --to exports
"""

from __future__ import annotations

import argparse
import datetime
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import yaml

from customer_segmentation.publishing import CommandError, one_row, reading

DEFAULT_FOLDER = "boards"
CHARTS = Path("charts")
FORMATS = ("html", "png")
# One page per segment is made of this board.
SEGMENT_BOARD = "segment"
TITLES = {
    "overview": "Overview",
    "segment": "Segment",
    "study": "The study",
    "evolution": "Evolution",
    "experience": "Customer experience",
}
TABLE = re.compile(r"\b(?:from|join)\s+((?:marts|segmentation|maintenance|bi|seeds)\.[a-z_0-9]+)")
# For the segments of a shop that has more than the brand names.
OTHER_COLOURS = ("#56B4E9", "#D55E00", "#000000", "#8C8C8C", "#F0E442", "#882255")
# What is no fault of a page: the rows of the brand are replaced on purpose, a page need not draw
# every segment, and an empty answer is an answer.
EXPECTED_WARNINGS = (
    "WARN-INHERITED-LAYOUT-REPLACED",
    "WARN-CATEGORY-COLOR-PIN-UNSEEN",
    "WARN-QUERY-RETURNED-ZERO-ROWS",
)


@dataclass(frozen=True)
class Page:
    """A page to render: a board, or a board for one segment."""

    stem: str
    board: str
    title: str
    segment: str | None = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "boards", nargs="*", metavar="BOARD", help="its name (default: all of them)"
    )
    parser.add_argument(
        "--to", metavar="FOLDER", default=DEFAULT_FOLDER, help="folder (default: %(default)s)"
    )
    parser.add_argument("--format", choices=FORMATS, help="only this one (default: both)")


def run(options: argparse.Namespace) -> int:
    """Render the boards; those whose tables are missing are named and left out."""
    formats = [options.format] if options.format else FORMATS
    render(options.database, Path(options.to), boards=options.boards, formats=formats)
    return 0


def render(
    database: Path, folder: Path, *, boards: Sequence[str] = (), formats: Sequence[str] = FORMATS
) -> list[Path]:
    """Render boards; those whose tables are missing are left out with a sentence.

    Parameters
    ----------
    database : Path
        Published database.
    folder : Path
        Made when missing. Each file replaces its older version only when it is complete.
    boards : sequence of str, optional
        Names of files in ``charts/`` without ending; all by default.
    formats : sequence of str, optional
        Of html and png; both by default.

    Returns
    -------
    list of Path
        The files; with all the boards also an index.
    """
    chosen = board_names(boards)
    with reading(database) as connection:
        chosen = [name for name in chosen if has_its_tables(connection, name)]
        pages = pages_of(connection, chosen)
        if not chosen:
            raise CommandError(
                f"{database} has none of the tables that the boards read; run `make build`."
            )
        is_synthetic, as_of_date, currency = one_row(
            connection, "select is_synthetic, latest_as_of_date, currency from marts.data_origin"
        )
        segments, has_reviews = segments_and_reviews(connection)
    dct = Path(sys.executable).with_name("dct")
    if not dct.exists():
        raise CommandError("dbt Charts is not installed; run `make boards`, which installs it.")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    # A copy of the project, so that a page per segment needs no file in the repository, and no
    # page contains the place where it was made.
    with tempfile.TemporaryDirectory(prefix="boards-") as place:
        project = Path(place) / "charts"
        shutil.copytree(CHARTS, project)
        adapt(project, currency=currency, segments=segments, has_reviews=has_reviews)
        for page in pages:
            if page.segment is not None:
                text = (project / f"{page.board}.yml").read_text(encoding="utf-8")
                (project / f"{page.stem}.yml").write_text(
                    with_default_segment(text, page.segment), encoding="utf-8"
                )
        for kind in formats:
            written += run_dct(dct, database, project, pages, kind=kind, folder=folder)
    if boards:
        return written
    index = folder / "index.html"
    index.write_text(
        index_page(pages, folder=folder, as_of_date=as_of_date, is_synthetic=is_synthetic),
        encoding="utf-8",
    )
    print(index)
    return [*written, index]


def segments_and_reviews(connection: duckdb.DuckDBPyConnection) -> tuple[list[str], bool]:
    """Return the segments' names, by number, and whether any customer has given a review."""
    existing = {
        row[0]
        for row in connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
        ).fetchall()
    }
    names: list[str] = []
    if "segmentation.segment_profiles" in existing:
        rows = connection.execute(
            "select segment_name from segmentation.segment_profiles group by 1 order by min(cluster)"
        ).fetchall()
        names = [row[0] for row in rows]
    has_reviews = "input.input_reviews" not in existing or bool(
        one_row(connection, "select count(*) from input.input_reviews")[0]
    )
    return names, has_reviews


def adapt(project: Path, *, currency: str, segments: Sequence[str], has_reviews: bool) -> None:
    """Make the copy of the boards that of these data: their currency, their segments, what they have.

    Parameters
    ----------
    project : Path
        The copy.
    currency : str
        Three letters.
    segments : sequence of str
        Names by number; those that the brand does not know get its colours in this order.
    has_reviews : bool
        Without any, nothing of reviews is drawn.
    """
    for board in project.glob("*.yml"):
        text = re.sub(r"\bBRL\b", currency, board.read_text(encoding="utf-8"))
        if not has_reviews:
            text = re.sub(r"(?m)^  review: .*\n", "", text)
            text = text.replace("spent, review]", "spent]").replace(
                "  - marks\n",
                "  - visible: {query: marked, column: is_marked}\n    rows: [marks]\n",
            )
        board.write_text(text, encoding="utf-8")
    brand = project / "_brand.yml"
    described = yaml.safe_load(brand.read_text(encoding="utf-8"))
    pinned = described["style"]["charts"]["category_colors"]["segment"]["values"]
    if set(segments) <= set(pinned):
        return
    colours = [*pinned.values(), *OTHER_COLOURS]
    described["style"]["charts"]["category_colors"]["segment"]["values"] = dict(
        zip(segments, colours, strict=False)
    )
    brand.write_text(yaml.safe_dump(described, sort_keys=False, allow_unicode=True), "utf-8")


def board_names(asked: Sequence[str] = ()) -> list[str]:
    """Return the boards in ``charts/``, or those asked for.

    Raises
    ------
    CommandError
        For an unknown one; it lists those that are known.
    """
    known = [name for name in TITLES if (CHARTS / f"{name}.yml").exists()]
    known += sorted(
        path.stem
        for path in CHARTS.glob("*.yml")
        if path.stem not in TITLES and not path.stem.startswith(("_", "dbt_charts"))
    )
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise CommandError(f"there is no board {unknown[0]!r}. Known boards: {', '.join(known)}.")
    return [name for name in known if not asked or name in asked]


def tables_of(board: str) -> set[str]:
    """Return the tables that a board reads, those of the common brand included."""
    texts = [(CHARTS / f"{name}.yml").read_text(encoding="utf-8") for name in ("_brand", board)]
    return {table for text in texts for table in TABLE.findall(text)}


def has_its_tables(connection: duckdb.DuckDBPyConnection, board: str) -> bool:
    """Tell whether the database has what a board reads, and say so when it has not."""
    existing = {
        row[0]
        for row in connection.execute(
            "select table_schema || '.' || table_name from information_schema.tables"
        ).fetchall()
    }
    missing = sorted(tables_of(board) - existing)
    if missing:
        is_shop = "input_work.shop_lines" in existing
        why = (
            "which somebody's own orders do not have."
            if is_shop
            else "run `make build` without a selection."
        )
        print(
            f"{board}: left out, the database has no {', '.join(missing)}{',' if is_shop else ';'} {why}",
            file=sys.stderr,
        )
    return not missing


def pages_of(connection: duckdb.DuckDBPyConnection, boards: Sequence[str]) -> list[Page]:
    """Return the pages of boards: one each, and one a segment of the segment board."""
    pages = []
    for board in boards:
        title = TITLES.get(board, board)
        if board != SEGMENT_BOARD:
            pages.append(Page(stem=board, board=board, title=title))
            continue
        segments = connection.execute(
            "select profiles.segment_code, profiles.segment_name"
            " from seeds.segment_playbook as playbook"
            " inner join segmentation.segment_profiles as profiles"
            " on playbook.segment_code = profiles.segment_code"
            " where profiles.as_of_date = (select max(as_of_date) from segmentation.segment_profiles)"
            " order by playbook.rule_order"
        ).fetchall()
        pages += [
            Page(stem=f"{board}_{code}", board=board, title=f"{title}: {name}", segment=name)
            for code, name in segments
        ]
    return pages


def with_default_segment(text: str, segment: str) -> str:
    """Return the text of the segment board with another segment shown."""
    quoted = '"' + segment.replace("\\", "\\\\").replace('"', '\\"') + '"'
    changed, count = re.subn(
        r"(?m)^(  segment:\n(?:    .*\n)*?    default: ).*$",
        lambda match: match.group(1) + quoted,
        text,
    )
    if count != 1:
        raise CommandError("charts/segment.yml has no variable segment with a default.")
    return changed


def run_dct(
    dct: Path, database: Path, project: Path, pages: Sequence[Page], *, kind: str, folder: Path
) -> list[Path]:
    """Render pages in one format and move them to their place."""
    if not pages:
        return []
    ready = project.parent / "ready"
    command = [str(dct), "render", *(f"{page.stem}.yml" for page in pages)]
    command += ["--format", kind, "--output", str(ready / f"{{stem}}.{kind}"), "--no-cache"]
    command += ["--project-dir", str(project)]
    for code in EXPECTED_WARNINGS:
        command += ["--ignore-warning", code]
    done = subprocess.run(
        command,
        cwd=project,
        env={**os.environ, "SEGMENTATION_DATABASE": str(database.resolve()), "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith("Rendered ")]
    if said:
        print("\n".join(said), file=sys.stderr)
    if done.returncode != 0:
        raise CommandError(
            f"dbt Charts could not render every board as {kind}; its words are above."
        )
    written = []
    for page in pages:
        path = folder / f"{page.stem}.{kind}"
        part = folder / f".{path.name}.part"
        if kind == "html":
            text = (ready / path.name).read_text(encoding="utf-8")
            part.write_text(with_way_back(text), encoding="utf-8")
        else:
            shutil.copyfile(ready / path.name, part)
        part.replace(path)
        print(path)
        written.append(path)
    return written


def with_way_back(text: str) -> str:
    """Return a page that says its language, and leads to the other pages."""
    text = text.replace("<html>", '<html lang="en">', 1)
    link = '<nav style="margin:1em 2em"><a href="index.html">All pages</a></nav>'
    return text.replace("<body>", f"<body>\n{link}", 1)


def index_page(
    pages: Sequence[Page], *, folder: Path, as_of_date: datetime.date | None, is_synthetic: bool
) -> str:
    """Return a page with a link to every board, what it says first, and its picture.

    Parameters
    ----------
    pages : sequence of Page
    folder : Path
        Holds the pages; what is there as HTML is quoted, and what is there as PNG is shown.
    as_of_date : date or None
        Of the data; None when there is no date.
    is_synthetic : bool

    Returns
    -------
    str
    """
    notice = "<p><strong>SYNTHETIC DATA</strong></p>" if is_synthetic else ""
    date = f"<p>As of {as_of_date:%-d %B %Y}</p>" if as_of_date else ""
    entries = []
    for page in pages:
        headline = ""
        if (folder / f"{page.stem}.html").exists():
            text = (folder / f"{page.stem}.html").read_text(encoding="utf-8")
            headline = html.unescape(text.partition("<title>")[2].partition("</title>")[0])
        picture = (
            f'<img src="{page.stem}.png" alt="" loading="lazy">'
            if (folder / f"{page.stem}.png").exists()
            else ""
        )
        entries.append(
            f'<li><a href="{page.stem}.html">{picture}<strong>{html.escape(page.title)}</strong></a>'
            f"<br>{html.escape(headline)}</li>"
        )
    links = "\n".join(entries)
    style = (
        "body{font:16px/1.5 sans-serif;max-width:64em;margin:2em auto;padding:0 1em;color:#222}"
        "ul{list-style:none;padding:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(15em,1fr));gap:1.5em}"
        "img{display:block;width:100%;height:11em;object-fit:cover;object-position:top;border:1px solid #ccc;"
        "margin-bottom:.5em}"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Customer segments: all pages</title>\n<style>{style}</style>\n"
        f"</head><body><main><h1>Customer segments</h1>{notice}{date}\n<ul>\n{links}\n</ul></main></body></html>\n"
    )
