"""The page of the contract: templates, filled from a published database, as Markdown and as HTML."""

from __future__ import annotations

import html
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import duckdb
import jinja2
from markdown_it import MarkdownIt

from customer_segmentation.commands._contract import charts
from customer_segmentation.commands._contract.figures import CHARTS, FIGURES, TABLES, Table
from customer_segmentation.commands._contract.words import (
    Language,
    with_elisions,
    with_marks_kept,
    written,
)

TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("customer_segmentation.commands._contract"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
# What a table is made of, said to a screen reader also where a phone shows its cells below each other.
ROLES = {
    "table_open": "table",
    "thead_open": "rowgroup",
    "tbody_open": "rowgroup",
    "tr_open": "row",
    "th_open": "columnheader",
    "td_open": "cell",
}


def markdown(connection: duckdb.DuckDBPyConnection, language: Language) -> str:
    """Render the page as Markdown, without its charts.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        To a published database.
    language : {"en", "fr"}

    Returns
    -------
    str
    """
    return _filled(
        connection,
        language,
        figure=lambda shown, kind, sql: shown,
        table=lambda rows, name, sql: rows,
        chart=lambda name, caption: "",
    )


def page_as_html(connection: duckdb.DuckDBPyConnection, language: Language) -> str:
    """Render the page as one self-contained HTML file; each figure and table carries its query.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        To a published database.
    language : {"en", "fr"}

    Returns
    -------
    str
    """

    def figure(shown: str, kind: str, sql: str) -> str:
        query = _attribute(sql)
        return f'<data data-kind="{kind}" data-query="{query}" title="{query}">{shown}</data>'

    def table(rows: str, name: str, sql: str) -> str:
        return (
            f'<div class="table" id="{name}" role="region" tabindex="0" aria-label="{name}"'
            f' data-query="{_attribute(sql)}">\n\n{rows}\n\n</div>'
        )

    text = _filled(
        connection,
        language,
        figure=figure,
        table=table,
        chart=partial(_chart, connection, language),
    )
    body = _with_labels(text)
    title = text.split("\n", 1)[0].lstrip("# ")
    return TEMPLATES.get_template("page.html").render(language=language, title=title, body=body)


def _with_labels(text: str) -> str:
    """Return the HTML of a page in which each cell of a table knows its heading: a phone shows it beside the cell."""
    tokens = MARKDOWN.parse(text)
    heads: list[str] = []
    place = 0
    for token, after in itertools.pairwise(tokens):
        if token.type in ROLES:
            token.attrSet("role", ROLES[token.type])
        if token.type == "table_open":
            heads = []
        elif token.type == "th_open":
            heads.append(after.content)
        elif token.type == "tr_open":
            place = 0
        elif token.type == "td_open":
            token.attrSet("data-label", heads[place])
            place += 1
    return str(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}))


def _filled(
    connection: duckdb.DuckDBPyConnection,
    language: Language,
    *,
    figure: Callable[[str, str, str], str],
    table: Callable[[str, str, str], str],
    chart: Callable[[str, str], str],
) -> str:
    values = {name: _value(connection, one.sql) for name, one in FIGURES.items()}
    figures = {
        name: figure(
            html.escape(written(values[name], one.kind, language), quote=False), one.kind, one.sql
        )
        for name, one in FIGURES.items()
    }

    def filled_table(name: str) -> str:
        sql = _query(TABLES[name], language)
        return table(_rows(connection, TABLES[name], language), name, sql)

    text = TEMPLATES.get_template(f"{language}.md").render(
        **figures,
        values=values,
        table=filled_table,
        chart=chart,
        is_synthetic=_value(connection, "select is_synthetic from marts.data_origin"),
    )
    return with_marks_kept(with_elisions(text)) if language == "fr" else text


def _chart(
    connection: duckdb.DuckDBPyConnection, language: Language, name: str, caption: str
) -> str:
    """Draw a chart; of too little history, nothing."""
    one = CHARTS[name]
    rows = connection.execute(one.sql).fetchall()
    parts: Any = TEMPLATES.get_template("parts.jinja").make_module(
        {"language": language, "currency": _value(connection, FIGURES["currency"].sql)}
    )
    x_text = partial(written, kind=one.x, language=language)
    y_text = partial(written, kind=one.y, language=language)
    drawn: dict[str, Any] = {"panels": [], "bars": []}
    if one.kind in ("lines", "steps"):
        drawn["panels"] = charts.panels(
            rows,
            names=lambda word: str(parts.word(word)),
            x_text=x_text,
            y_text=y_text,
            are_steps=one.kind == "steps",
        )
    else:
        drawn["bars"] = charts.bars(
            rows,
            x_text=x_text,
            y_text=y_text,
            note=partial(written, kind="share", language=language),
        )
    if not any(drawn.values()):
        return ""
    return TEMPLATES.get_template("chart.svg").render(
        **drawn, name=name, caption=caption, query=_attribute(one.sql), size=charts
    )


def _rows(connection: duckdb.DuckDBPyConnection, table: Table, language: Language) -> str:
    """Return a table in Markdown."""
    heads = [french if language == "fr" else english for english, french, _ in table.columns]
    lines = [heads, ["---:" if kind != "text" else "---" for *_, kind in table.columns]]
    lines += [
        [
            html.escape(written(value, kind, language), quote=False).replace("|", "\\|")
            for value, (*_, kind) in zip(row, table.columns, strict=True)
        ]
        for row in connection.execute(_query(table, language)).fetchall()
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _query(table: Table, language: Language) -> str:
    return table.french_sql if language == "fr" and table.french_sql else table.sql


def _value(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    row = connection.execute(sql).fetchone()
    return row[0] if row else None


def _attribute(sql: str) -> str:
    """Return a query as an attribute, in one line and without what a table of Markdown would cut."""
    return html.escape(" ".join(sql.split()), quote=True).replace("|", "&#124;")
