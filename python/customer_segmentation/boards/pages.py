"""Pages of boards: what each shows of a database, and its HTML."""

from __future__ import annotations

import copy
import datetime
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import jinja2

from customer_segmentation.boards.drawing import Furniture, Page, Panel
from customer_segmentation.boards.sources import (
    REFERENCE,
    SEGMENT_BOARD,
    TITLES,
    Board,
    Rows,
    answers,
    resolved,
)
from customer_segmentation.boards.words import Words, in_language

HERE = Path(__file__).parent
# A chart of more rows is no longer read as a table.
LONGEST_TABLE = 80
# A chart with so many colours has a column for each in its table.
MOST_COLUMNS = 6
# Of a longer table of sentences only the first rows are shown at once.
LONGEST_OPEN, FIRST_ROWS = 8, 3
# Letters of a first and of another cell; a table with longer ones is a table of sentences.
LONGEST_FIRST, LONGEST_CELL = 60, 40
# The figures of a chart are written with one digit more than its axis.
FINER = {"percent_whole": "percent", ".1f": ".2f", ".0f": ".1f"}
# Texts of a chart that are shown.
TEXTS = ("x_label", "y_label", "message")


@dataclass(frozen=True)
class Link:
    """A page in the list of pages."""

    stem: str
    name: str

    @property
    def group(self) -> str:
        """Return what several pages are of, such as segments; nothing for one that stands alone."""
        return self.name.partition(":")[0].strip() if self.is_of_a_segment else ""

    @property
    def short(self) -> str:
        """Return its name beside the others of its group."""
        return self.name.partition(":")[2].strip() if self.is_of_a_segment else self.name

    @property
    def is_of_a_segment(self) -> bool:
        """Tell whether there is a page of this kind for each segment."""
        return self.stem.startswith(f"{SEGMENT_BOARD}_")


@dataclass(frozen=True)
class Table:
    """A panel as a table.

    Attributes
    ----------
    heads : list of (str, bool)
        Names of the columns, and whether they are numbers.
    rows : list of (str, list of str)
        The cells of each row, and what the row and its neighbours are of; empty without groups.
    """

    heads: list[tuple[str, bool]]
    rows: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def is_of_figures(self) -> bool:
        """Tell whether its cells are short: a phone shows it as a table that can be moved sideways."""
        return all(
            len(cells[0]) <= LONGEST_FIRST and all(len(cell) <= LONGEST_CELL for cell in cells[1:])
            for _, cells in self.rows
        )

    @property
    def parts(self) -> list[tuple[bool, list[tuple[str, list[tuple[str, list[str]]]]]]]:
        """Return its rows by group, as what is seen at once and what is seen on request."""
        is_long = not self.is_of_figures and len(self.rows) > LONGEST_OPEN
        shown = [self.rows[:FIRST_ROWS], self.rows[FIRST_ROWS:]] if is_long else [self.rows]
        return [
            (is_open, [(name, list(rows)) for name, rows in itertools.groupby(part, _group)])
            for is_open, part in zip((True, False), shown, strict=False)
        ]


def _group(row: tuple[str, list[str]]) -> str:
    return row[0]


def pages_of(
    connection: duckdb.DuckDBPyConnection, board: Board, words: Words
) -> tuple[list[Page], set[str]]:
    """Return the pages of a board: one, or one for each segment of the latest date.

    Returns
    -------
    list of Page, set of str
        The tables that the board asks for and the database does not have.
    """
    name = words.text(TITLES.get(board.name, board.name))
    if board.name != SEGMENT_BOARD:
        rows, missing = answers(connection, board, {"language": words.language})
        return [_page(board, rows, words, stem=board.name, name=name)], missing
    pages, missing = [], set()
    for code, segment in segments_of(connection):
        rows, missing = answers(connection, board, {"segment": segment, "language": words.language})
        shown = f"{name}{words.colon}{words.text(segment)}"
        pages.append(_page(board, rows, words, stem=f"{board.name}_{code}", name=shown))
    return pages, missing


def segments_of(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return code and name of the segments of the latest date, in the playbook's order."""
    return connection.execute(
        "select profiles.segment_code, profiles.segment_name"
        " from seeds.segment_playbook as playbook"
        " inner join segmentation.segment_profiles as profiles"
        " on playbook.segment_code = profiles.segment_code"
        " where profiles.as_of_date = (select max(as_of_date) from segmentation.segment_profiles)"
        " order by playbook.rule_order"
    ).fetchall()


def _page(board: Board, rows: Mapping[str, Rows], words: Words, *, stem: str, name: str) -> Page:
    shown = {query: in_language(found, words) for query, found in rows.items()}
    blocks: list[tuple[str, list[Any]]] = []
    _lay_out(board.rows, board, shown, rows, words, blocks)
    headline = _sentence(board.title, shown, words)
    return Page(stem=stem, board=board, name=name, headline=headline, blocks=blocks)


def _sentence(text: str, shown: Mapping[str, Rows], words: Words) -> str:
    """Return a text of a board; what a query says in it is in the language of the page already."""
    return resolved(text, shown) if REFERENCE.search(text) else words.text(text)


def _lay_out(
    layout: Sequence[Any],
    board: Board,
    shown: Mapping[str, Rows],
    rows: Mapping[str, Rows],
    words: Words,
    blocks: list[tuple[str, list[Any]]],
) -> None:
    """Add the blocks of a layout; what has nothing to show is left out, and its reason said."""
    for item in layout:
        if isinstance(item, str):
            item = {"cols": [item]}
        condition = item.get("visible")
        if condition is not None:
            found = rows[condition["query"]]
            if not found or not found[0][condition["column"]]:
                continue
        if "text" in item:
            blocks.append(("text", [_sentence(item["text"], shown, words)]))
        elif "rows" in item:
            _lay_out(item["rows"], board, shown, rows, words, blocks)
        else:
            parts = [_panel(name, board, shown, words) for name in item["cols"]]
            panels = [panel for panel in parts if isinstance(panel, Panel)]
            if panels:
                blocks.append((_kind_of(panels), panels))
            reasons = [reason for reason in parts if isinstance(reason, str) and reason]
            if reasons:
                blocks.append(("text", reasons))


def _kind_of(panels: Sequence[Any]) -> str:
    kinds = {panel.kind for panel in panels}
    return "figures" if kinds == {"kpi"} else "notice" if kinds == {"callout"} else "panels"


def _panel(
    name: str,
    board: Board,
    shown: Mapping[str, Rows],
    words: Words,
) -> Panel | str:
    """Return a panel, or what a query says of there being none; nothing when it says nothing."""
    chart = copy.deepcopy(board.charts[name])
    title, subtitle = (_sentence(chart.get(key, ""), shown, words) for key in ("title", "subtitle"))
    query = chart.pop("query", None)
    found = shown[query] if query else []
    measure = _measure(chart)
    if measure and all(row.get(measure) is None for row in found):
        found = []
    if query and not found:
        said = [(chart.get("title", ""), title), (chart.get("subtitle", ""), subtitle)]
        return ". ".join(text for source, text in said if text and REFERENCE.search(source))
    if chart["type"] == "kpi" and found[0].get(chart["value"]) is None:
        return ""
    if "label" in chart:
        chart["label"] = _sentence(chart["label"], shown, words)
    groups = tuple(chart.pop("groups", ()))
    _say(chart, words)
    return Panel(name=name, chart=chart, title=title, subtitle=subtitle, rows=found, groups=groups)


def _measure(chart: Mapping[str, Any]) -> str | None:
    """Return the column whose values a chart draws."""
    if chart["type"] in ("bar", "line", "scatter"):
        return str(chart["y"])
    if chart["type"] == "custom":
        return str(chart.get("value", chart["x"]))
    return None


def _say(chart: dict[str, Any], words: Words) -> None:
    """Put the words of a chart into the language of the page."""
    for key in TEXTS:
        if isinstance(chart.get(key), str):
            chart[key] = words.text(chart[key])
    for layer in chart.get("layers", []):
        if "label" in layer:
            layer["label"] = words.text(layer["label"])
    for column in chart.get("style", {}).get("columns", {}).values():
        if "label" in column:
            column["label"] = words.text(column["label"])
    for option, text in chart.get("options", {}).items():
        if option in ("x_label", "y_label", "value_label"):
            chart["options"][option] = words.text(text)
    if chart["type"] in ("kpi", "table", "callout", "custom"):
        return
    # A tooltip names the columns.
    labels = {key: words.text(text) for key, text in chart.get("field_labels", {}).items()}
    for axis in ("x", "y"):
        if isinstance(chart.get(axis), str) and chart.get(f"{axis}_label"):
            labels.setdefault(chart[axis], chart[f"{axis}_label"])
    for key in ("x", "y", "color"):
        if isinstance(chart.get(key), str):
            column = chart[key]
            if column not in labels:
                labels[column] = words.text(column.replace("_", " ").capitalize())
    chart["field_labels"] = labels


def table_of(panel: Panel, words: Words) -> Table | None:
    """Return a panel as a table.

    Returns
    -------
    Table or None
        None for a chart of many rows.
    """
    chart = panel.chart
    rows = panel.rows
    if panel.kind == "table":
        styles = chart.get("style", {}).get("columns", {})
        columns = [name for name in rows[0] if styles.get(name, {}).get("visible", True)]
        labels = {name: styles.get(name, {}).get("label", name) for name in columns}
        formats = {name: styles.get(name, {}).get("format") for name in columns}
        columns = [name for name in columns if name not in panel.groups]
    elif panel.kind == "custom":
        return None
    else:
        rows, labels, formats = _figures_of(panel)
        columns = [name for name in rows[0] if name in labels]
        if not columns or len(rows) > LONGEST_TABLE:
            return None
    heads = [
        (
            str(labels[name]),
            all(_is_number(row.get(name)) for row in rows)
            and any(row.get(name) is not None for row in rows),
        )
        for name in columns
    ]
    return Table(
        heads=heads,
        rows=[
            (
                " – ".join(words.value(row.get(name)) for name in panel.groups),
                [words.value(row.get(name), formats.get(name)) for name in columns],
            )
            for row in rows
        ],
    )


def _figures_of(panel: Panel) -> tuple[Rows, dict[str, str], dict[str, str | None]]:
    """Return the rows of a chart, their columns' names and formats; each colour is a column when they are few."""
    chart = panel.chart
    labels = dict(chart.get("field_labels", {}))
    style = chart.get("style", {})
    # Numbers as the bars show them, or else as the axis does and one digit more.
    marks = style.get("marks", {}).get("bar", {}).get("labels", {}).get("format")
    axis = style.get("axis_y", {}).get("labels", {}).get("format")
    spec = marks or FINER.get(axis, axis)
    x, y, color = (str(chart.get(key)) for key in ("x", "y", "color"))
    rows = panel.rows
    formats = {x: "month" if x == "month" else None}
    colours = list(dict.fromkeys(row.get(color) for row in rows))
    if color == x or len(colours) <= 1:
        if color != x:
            labels.pop(color, None)
        return rows, labels, {**formats, y: spec}
    found: dict[Any, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row[x], {x: row[x], **dict.fromkeys(map(str, colours))})
        found[row[x]][str(row[color])] = row[y]
    if len(colours) > MOST_COLUMNS or len(rows) > len(found) * len(colours):
        return rows, labels, {**formats, y: spec}
    names = {x: labels.get(x, x), **{str(one): str(one) for one in colours}}
    return list(found.values()), names, formats | {str(one): spec for one in colours}


def _is_number(value: object) -> bool:
    return value is None or (hasattr(value, "__float__") and not isinstance(value, bool))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["in_groups"] = in_groups
    return environment


def in_groups(links: Sequence[Link]) -> list[tuple[str, list[Link]]]:
    """Return links by their group, those of a group that follow each other together; others each alone."""
    groups: list[tuple[str, list[Link]]] = []
    for link in links:
        if link.group and groups and groups[-1][0] == link.group:
            groups[-1][1].append(link)
        else:
            groups.append((link.group, [link]))
    return groups


def page_html(
    page: Page,
    links: Sequence[Link],
    words: Words,
    furniture: Furniture,
    *,
    other_language: str | None = None,
) -> str:
    """Return a page that needs no other file."""
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            links=links,
            words=words,
            furniture=furniture,
            other_language=other_language,
            table_of=lambda panel: table_of(panel, words),
        )
    )


def index_html(
    pages: Sequence[Page],
    links: Sequence[Link],
    words: Words,
    furniture: Furniture,
    *,
    as_of_date: datetime.date | None,
    is_synthetic: bool,
    other_language: str | None = None,
) -> str:
    """Return a page with a link to every page, what it says first, and its first drawing.

    Parameters
    ----------
    pages : sequence of Page
    links : sequence of Link
    words : Words
    furniture : Furniture
    as_of_date : date or None
        Of the data; None when there is no date.
    is_synthetic : bool
    other_language : str, optional
        Where the index in the other language is.

    Returns
    -------
    str
    """
    return (
        _environment()
        .get_template("index.html.j2")
        .render(
            pages=pages,
            links=links,
            words=words,
            furniture=furniture,
            as_of_date=as_of_date,
            is_synthetic=is_synthetic,
            other_language=other_language,
        )
    )
