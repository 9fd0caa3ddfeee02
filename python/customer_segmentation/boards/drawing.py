"""Drawings of charts, made by dbt Charts: each in the width of a desk and in that of a phone.

dbt Charts draws a board as one picture, which a phone shows a third as large. So it is given two
boards of the charts alone, and the drawing of each chart is taken out of them: the page around
them is ours.
"""

from __future__ import annotations

import contextlib
import copy
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from tqdm import tqdm

from customer_segmentation._validation import check_threads
from customer_segmentation.boards.sources import CHARTS, Board, Rows
from customer_segmentation.boards.words import Words
from customer_segmentation.publishing import CommandError

Size = Literal["desk", "phone"]
# Pixels: the content of a page on a desk, and that of a phone of 390 pixels less its margins.
WIDTHS: dict[Size, int] = {"desk": 1128, "phone": 358}
SIZES: tuple[Size, ...] = ("desk", "phone")
# These are HTML, as text that can be read aloud, copied and wrapped.
NOT_DRAWN = ("kpi", "table", "callout")
# For the segments of a shop that has more than the brand names.
OTHER_COLOURS = ("#56B4E9", "#D55E00", "#000000", "#8C8C8C", "#F0E442", "#882255")
# What is no fault of a page: a page need not draw every segment, a shop may have a single date,
# and what is short of room on a phone has its title and its figures in the text of the page.
EXPECTED_WARNINGS = (
    "WARN-INHERITED-LAYOUT-REPLACED",
    "WARN-CATEGORY-COLOR-PIN-UNSEEN",
    "WARN-QUERY-RETURNED-ZERO-ROWS",
    "WARN-TABLE-CRAMPED",
    "WARN-TEMPORAL-SINGLE-POINT",
)
# What dbt Charts says, in English, of what is no mark.
DESCRIPTION = re.compile(r"(?:[XY]-axis|Title text|Symbol legend|Gradient legend|Header)\b")
# Letters of a bar's name that a phone has room for.
LONGEST_NAME_ON_PHONE = 28
# The legend of a chart on a phone.
ON_TOP = {"visible": True, "position": {"edge": "top"}, "columns": 1}
# The program dct with rare garbage collection: by default that takes a tenth of its processor time.
SELDOM = """
import gc
gc.set_threshold(100_000, 50, 100)
from dbt_charts.cli.main import app
app()
"""
# Each takes some 400 MB.
MOST_PROCESSES = 4
POLL_SECONDS = 0.1
# The writer of YAML in C, where there is one.
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
ET.register_namespace("", SVG)
ET.register_namespace("xlink", XLINK)


@dataclass
class Panel:
    """A chart or a table of a page, with its words in the language of the page.

    Attributes
    ----------
    name : str
    chart : dict
        As dbt Charts takes it.
    title, subtitle : str
    rows : list of dict
        What it shows.
    groups : tuple of str
        Columns that neighbouring rows of a table share; they are said once, above these rows.
    drawings : dict of str to str
        The SVG for each size, when it is drawn.
    """

    name: str
    chart: dict[str, Any]
    title: str
    subtitle: str
    rows: Rows
    groups: tuple[str, ...] = ()
    drawings: dict[Size, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Return the type of the chart."""
        return str(self.chart["type"])

    @property
    def is_drawn(self) -> bool:
        """Tell whether dbt Charts draws it."""
        return self.kind not in NOT_DRAWN


@dataclass
class Page:
    """A page: a board, or a board for one segment, in one language.

    Attributes
    ----------
    stem : str
        Of its file.
    board : Board
    name : str
        In the list of pages.
    headline : str
    blocks : list of (str, list of Panel or str)
        ``text``, ``figures`` (numbers), ``panels`` (side by side on a desk) and ``notice``.
    """

    stem: str
    board: Board
    name: str
    headline: str
    blocks: list[tuple[str, list[Any]]]

    def panels(self) -> list[Panel]:
        """Return all panels, in their order."""
        return [part for kind, parts in self.blocks if kind != "text" for part in parts]


@dataclass(frozen=True)
class Edition:
    """The pages in one language.

    Attributes
    ----------
    words : Words
    pages : sequence of Page
    colours : mapping of str to str
        Of the segments, by the names on the pages.
    """

    words: Words
    pages: Sequence[Page]
    colours: Mapping[str, str]

    def stem_of(self, page: Page) -> str:
        """Return how the files of dbt Charts for a page begin; editions are drawn in one folder."""
        return f"{self.words.language}-{page.stem}"


@dataclass(frozen=True)
class Furniture:
    """What all pages need of dbt Charts: its fonts and styles, and the script of its tooltips."""

    styles: str
    script: str


def segment_colours(brand: Mapping[str, Any], segments: Sequence[str]) -> dict[str, str]:
    """Return the colour of each segment; those that the brand does not know get the next ones."""
    pinned = brand["style"]["charts"]["category_colors"]["segment"]["values"]
    if set(segments) <= set(pinned):
        return dict(pinned)
    return dict(zip(segments, [*pinned.values(), *OTHER_COLOURS], strict=False))


def draw(editions: Sequence[Edition], project: Path) -> list[Furniture]:
    """Draw every chart of pages, in both sizes and all languages.

    Parameters
    ----------
    editions : sequence of Edition
        The panels of their pages get their drawings.
    project : Path
        An empty folder for the files of dbt Charts.

    Returns
    -------
    list of Furniture
        That of each edition.
    """
    begin(project)
    stems = []
    for edition in editions:
        for page in edition.pages:
            if not any(panel.is_drawn for panel in page.panels()):
                continue
            for size in SIZES:
                stem = f"{edition.stem_of(page)}-{size}"
                board = drawn_board(page, size, words=edition.words, colours=edition.colours)
                _write(project / f"{stem}.yml", board)
                stems.append(stem)
    if stems:
        run_dct(stems, project, kind="html")
    return [_take_all(edition, project / "ready") for edition in editions]


def _take_all(edition: Edition, ready: Path) -> Furniture:
    """Give the panels of an edition their drawings out of the rendered boards."""
    first = ""
    for page in edition.pages:
        for size in SIZES:
            path = ready / f"{edition.stem_of(page)}-{size}.html"
            if path.exists():
                text = path.read_text(encoding="utf-8")
                first = first or text
                take_drawings(text, page, size, edition.words)
    return furniture(first) if first else Furniture(styles="", script="")


def take_pictures(
    editions: Sequence[Edition], project: Path, *, kind: str
) -> list[dict[str, Path]]:
    """Return each page of each edition as dbt Charts lays it out, as ``png`` or ``pdf``, by the stem of the page."""
    begin(project)
    named = [
        (edition, page, edition.stem_of(page)) for edition in editions for page in edition.pages
    ]
    for edition, page, stem in named:
        board = whole_board(page, words=edition.words, colours=edition.colours)
        _write(project / f"{stem}.yml", board)
    run_dct([stem for *_, stem in named], project, kind=kind)
    return [
        {page.stem: project / "ready" / f"{edition.stem_of(page)}.{kind}" for page in edition.pages}
        for edition in editions
    ]


def begin(project: Path) -> None:
    """Make a folder a project of dbt Charts."""
    project.mkdir(parents=True)
    shutil.copytree(CHARTS / "templates", project / "templates")
    (project / "dbt_charts.yml").write_text("cache: false\n", encoding="utf-8")


def _write(path: Path, board: Mapping[str, Any]) -> None:
    text = yaml.dump(board, Dumper=DUMPER, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")


def _common(page: Page, words: Words, colours: Mapping[str, str]) -> dict[str, Any]:
    brand = copy.deepcopy(page.board.brand)
    brand["style"]["charts"]["category_colors"]["segment"]["values"] = dict(colours)
    return {"title": page.headline, "regional": words.regional(), **brand}


def _query_of(rows: Rows) -> dict[str, Any]:
    return {"type": "values", "rows": [_plain(row) for row in rows]}


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row that YAML can hold."""
    return {
        column: value
        if value is None or isinstance(value, (bool, int, float, str)) or hasattr(value, "year")
        else float(value)
        for column, value in row.items()
    }


def drawn_board(
    page: Page, size: Size, *, words: Words, colours: Mapping[str, str]
) -> dict[str, Any]:
    """Return the board of a page's charts alone, without titles: the page has them."""
    board = _common(page, words, colours)
    board["style"]["frame"] = {"width": WIDTHS[size], "margin": 0, "card_padding": 0}
    charts: dict[str, Any] = {}
    queries: dict[str, Any] = {}
    layout: list[Any] = []
    for kind, parts in page.blocks:
        drawn = [part for part in parts if kind == "panels" and part.is_drawn]
        for panel in drawn:
            chart = {
                key: panel.chart[key] for key in panel.chart if key not in ("title", "subtitle")
            }
            chart["query"] = panel.name
            charts[panel.name] = for_phone(chart, panel.rows) if size == "phone" else chart
            rows = with_short_names(panel) if size == "phone" else panel.rows
            queries[panel.name] = _query_of(rows)
        names = [panel.name for panel in drawn]
        layout += (
            names if size == "phone" or len(names) == 1 else [{"cols": names}] if names else []
        )
    return {
        **board,
        "queries": queries,
        "charts": charts,
        "rows": layout,
    }


def for_phone(chart: Mapping[str, Any], rows: Rows) -> dict[str, Any]:
    """Return a chart for a narrow screen: names of lines and bars take no room beside the plot."""
    style = chart.get("style", {})
    changes: dict[str, Any] = {}
    if chart["type"] == "custom":
        lines = len({row.get(chart["y"]) for row in rows}) if "y" in chart else 8
        # A line of a grid has its name above it; the names of the columns stand upright.
        is_grid = chart.get("template") == "grid"
        heads = [len(str(row.get(chart["x"]))) for row in rows if is_grid]
        height = int(lines * 46 + max([110, *(6.5 * letters for letters in heads)]))
        changes |= {"min_height": height, "max_height": height}
    elif chart["type"] == "line" and "multiples" in chart:
        changes["aspect_ratio"] = 1.0
    elif chart["type"] == "line":
        changes |= {"endpoint_labels": {"visible": False}, "aspect_ratio": 1.1}
        if style.get("legend", {}).get("visible", True):
            changes["legend"] = ON_TOP
    elif chart["type"] == "scatter":
        changes["legend"] = ON_TOP
    elif chart["type"] == "bar":
        changes["endpoint_labels"] = {"visible": False}
        if style.get("legend", {}).get("visible", True) and "color" in chart:
            changes["legend"] = ON_TOP
        if style.get("orientation") == "horizontal":
            changes["axis_x"] = {"title": {"visible": False}, "labels": {"max_width": 170}}
    return merged(chart, {"style": changes})


def with_short_names(panel: Panel) -> Rows:
    """Return the rows of bars with names that fit a phone; the figures below have them whole."""
    name = str(panel.chart.get("x"))
    if panel.kind != "bar" or panel.chart.get("style", {}).get("orientation") != "horizontal":
        return panel.rows
    names = {str(row[name]) for row in panel.rows}
    if max(map(len, names), default=0) <= LONGEST_NAME_ON_PHONE:
        return panel.rows
    short = {one: re.sub(r" (?:\([^()]*\d[^()]*\)|· .*)$", "", one) for one in names}
    if len(set(short.values())) < len(names):
        return panel.rows
    return [{**row, name: short[str(row[name])]} for row in panel.rows]


def whole_board(page: Page, *, words: Words, colours: Mapping[str, str]) -> dict[str, Any]:
    """Return the board of a whole page, for a picture."""
    layout: list[Any] = []
    for kind, parts in page.blocks:
        if kind == "text":
            layout += [{"text": part} for part in parts]
        else:
            names = [panel.name for panel in parts]
            layout += names if len(names) == 1 else [{"cols": names}]
    charts = {}
    for panel in page.panels():
        words_of_it = {"title": panel.title, "subtitle": panel.subtitle}
        chart = panel.chart
        if panel.kind == "kpi":
            charts[panel.name] = {**chart, "query": panel.name}
        elif panel.kind == "callout":
            charts[panel.name] = {**chart, "title": panel.title}
        else:
            # Of a text that a query leaves empty, the reference to the query must go too.
            rest = {key: value for key, value in chart.items() if key not in words_of_it}
            shown = {key: text for key, text in words_of_it.items() if text}
            charts[panel.name] = {**rest, **shown, "query": panel.name}
    return {
        **_common(page, words, colours),
        "queries": {panel.name: _query_of(panel.rows) for panel in page.panels() if panel.rows},
        "charts": charts,
        "rows": layout,
    }


def merged(chart: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return a chart with parts of another laid over it, key by key."""
    result = dict(chart)
    for key, value in other.items():
        inner = result.get(key)
        result[key] = (
            merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
        )
    return result


def dct_program() -> Path:
    """Return the program of dbt Charts.

    Raises
    ------
    CommandError
        When it is not installed.
    """
    dct = Path(sys.executable).with_name("dct")
    if not dct.exists():
        raise CommandError("dbt Charts is not installed; run `make boards`, which installs it.")
    return dct


def run_dct(stems: Sequence[str], project: Path, *, kind: str) -> None:
    """Render boards of a project into its folder ``ready``, in a process of dbt Charts per processor.

    Progress is shown at a terminal.
    """
    dct_program()
    count = min(check_threads(None), MOST_PROCESSES, len(stems))
    said = [project / f"said_{number}" for number in range(count)]
    with (
        contextlib.ExitStack() as running,
        tqdm(total=len(stems), unit=" boards", desc=kind, disable=None, leave=False) as bar,
    ):
        if bar.disable:
            print(f"Drawing {len(stems)} boards as {kind}.", file=sys.stderr)
        processes = [
            _started(stems[number::count], project, running, kind=kind, said=said[number])
            for number in range(count)
        ]
        while any(process.poll() is None for process in processes):
            time.sleep(POLL_SECONDS)
            bar.update(len(list((project / "ready").glob(f"*.{kind}"))) - bar.n)
    # As the environment makes it write, whatever the locale here.
    lines = [line for path in said for line in path.read_text("utf-8", "replace").splitlines()]
    words = [line for line in lines if not line.startswith("Rendered ")]
    if words:
        print("\n".join(words), file=sys.stderr)
    if any(process.returncode != 0 for process in processes):
        raise CommandError(
            f"dbt Charts could not render every board as {kind}; its words are above."
        )


def _started(
    stems: Sequence[str],
    project: Path,
    running: contextlib.ExitStack,
    *,
    kind: str,
    said: Path,
) -> subprocess.Popen[bytes]:
    """Start dbt Charts for some boards; it ends with what it is running in, and writes what it says into a file."""
    command = [sys.executable, "-P", "-c", SELDOM, "render", *(f"{stem}.yml" for stem in stems)]
    command += ["--format", kind, "--output", f"ready/{{stem}}.{kind}", "--no-cache"]
    command += ["--project-dir", str(project)]
    for code in EXPECTED_WARNINGS:
        command += ["--ignore-warning", code]
    process = running.enter_context(
        subprocess.Popen(
            command,
            cwd=project,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=running.enter_context(said.open("wb")),
        )
    )
    running.callback(process.kill)
    return process


def environment() -> dict[str, str]:
    """Return the environment of dbt Charts, which reports nothing to its makers."""
    return {**os.environ, "DO_NOT_TRACK": "1", "PYTHONUTF8": "1"}


def take_drawings(text: str, page: Page, size: Size, words: Words) -> None:
    """Give each panel of a page its drawing out of a rendered board."""
    whole = ET.fromstring(_svg_of(text))
    kept = {key: value for key, value in whole.attrib.items() if key.startswith("data-dbt-")}
    kept.pop("data-dbt-page-title", None)
    drawn = {
        group.get("data-chart-id", ""): group
        for group in whole.iter(f"{{{SVG}}}g")
        if group.get("class") == "dbt-chart"
    }
    for panel in page.panels():
        if panel.name in drawn:
            own = f"{page.stem}-{size}-{panel.name}-"
            panel.drawings[size] = _as_drawing(drawn[panel.name], panel, own, kept, words)


def _svg_of(text: str) -> str:
    start, end = text.index("<svg"), text.rindex("</svg>")
    return text[start : end + len("</svg>")]


def _as_drawing(
    group: ET.Element, panel: Panel, own: str, kept: Mapping[str, str], words: Words
) -> str:
    width, height = (float(group.get(f"data-chart-{side}", 0)) for side in ("width", "height"))
    for element in group.iter():
        if "aria-label" in element.attrib:
            said = tooltip(element.attrib["aria-label"], panel, words)
            if said:
                element.set("aria-label", said)
            else:
                # Nothing to read out: a symbol without a name is a fault of accessibility.
                del element.attrib["aria-label"]
                element.set("aria-hidden", "true")
    group.set("aria-label", panel.title)
    drawing = ET.Element(f"{{{SVG}}}svg", {
        "viewBox": f"0 0 {width:g} {height:g}", "width": f"{width:g}", "height": f"{height:g}", **kept,
    })  # fmt: skip
    drawing.append(group)
    text = ET.tostring(drawing, encoding="unicode")
    # Two sizes of a chart stand on one page: what one refers to is not in the other.
    text = re.sub(r'(?<=\sid=")', own, text)
    text = re.sub(r"(?<=url\(#)", own, text)
    text = re.sub(r'(?<=href="#)', own, text)
    # Clips are counted in a process, and which boards share one is a matter of the machine.
    clips: dict[str, int] = {}
    return re.sub(
        rf"(?<={re.escape(own)}clip)\d+",
        lambda found: str(clips.setdefault(found.group(), len(clips) + 1)),
        text,
    )


def tooltip(said: str, panel: Panel, words: Words) -> str:
    """Return what dbt Charts says of a mark, as the language of the page writes it.

    It joins the lines of a broken label by commas, knows no first of the month, and speaks English
    of axes and legends, of which the page has the words.
    """
    if DESCRIPTION.match(said):
        return ""
    for name, label in panel.chart.get("field_labels", {}).items():
        broken = re.compile(",? ".join(map(re.escape, str(label).split(" "))))
        said = str(label).join(broken.split(said))
        said = re.sub(rf"^{re.escape(name)}(?=: )", str(label), said)
    if words.language == "en":
        return said
    said = re.sub(r"(?<![\d\u202f])1 (?=[a-zéû]+\.? \d{2,4}\b)", "1er ", said)
    parts = [words.figures(part) if "#" not in part else part for part in said.split("; ")]
    return "; ".join(parts)


def furniture(text: str) -> Furniture:
    """Return the fonts, styles and scripts of a rendered board, for all pages."""
    head, _, body = text.partition("<svg")
    styles = re.findall(r"<style[^>]*>(.*?)</style>", head, re.DOTALL)
    fonts = re.findall(r"@font-face\s*\{.*?\}", _svg_of(text), re.DOTALL)
    used = [font for font in fonts if "Noto Emoji" not in font and "Source Code" not in font]
    scripts = re.findall(r"<script>(.*?)</script>", body.rpartition("</svg>")[2], re.DOTALL)
    return Furniture(styles="\n".join([*used, *styles[1:]]), script="\n".join(scripts))
