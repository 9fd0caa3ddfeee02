"""The boards in ``charts/``: what they ask, what they draw, and the answers of a database."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import yaml

from customer_segmentation.publishing import CommandError

CHARTS = Path("charts")
# ISO 4217 for none.
NO_CURRENCY = "XXX"
# In the order of the pages, with the name of each in the list of pages.
TITLES = {
    "overview": "Overview",
    "segment": "Segment",
    "rfm": "Recency, frequency, money",
    "retention": "Who comes back",
    "places": "Where customers live",
    "experience": "Customer experience",
    "evolution": "Evolution",
    "study": "The study",
    "quality": "Data quality",
}
# One page per segment is made of this board.
SEGMENT_BOARD = "segment"
TABLE = re.compile(r"\b(?:from|join)\s+((?:marts|segmentation|maintenance|bi|seeds)\.[a-z_0-9]+)")
# What a query may ask of the page: which segment it is of, and its language.
VARIABLE = re.compile(r"\{\{\s*(segment|language)\s*\}\}")
REFERENCE = re.compile(r"\{\{\s*queries\.(\w+)\.one\.(\w+)\s*\}\}")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Board:
    """A board with what it has from the brand.

    Attributes
    ----------
    name : str
    title : str
        A sentence, or where a query gives it.
    queries : dict of str to str
        SQL by name.
    charts : dict of str to dict
        As in the file.
    rows : list
        The layout.
    brand : dict
        Style and the like, the same for all boards.
    """

    name: str
    title: str
    queries: dict[str, str]
    charts: dict[str, dict[str, Any]]
    rows: list[Any]
    brand: dict[str, Any] = field(repr=False)


def board_names(asked: Sequence[str] = (), *, charts: Path = CHARTS) -> list[str]:
    """Return the boards in ``charts/``, or those asked for.

    Raises
    ------
    CommandError
        For an unknown one; it lists those that are known.
    """
    known = [name for name in TITLES if (charts / f"{name}.yml").exists()]
    known += sorted(
        path.stem
        for path in charts.glob("*.yml")
        if path.stem not in TITLES and not path.stem.startswith(("_", "dbt_charts"))
    )
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise CommandError(f"there is no board {unknown[0]!r}. Known boards: {', '.join(known)}.")
    return [name for name in known if not asked or name in asked]


def read_board(name: str, *, charts: Path = CHARTS, currency: str = "BRL") -> Board:
    """Return a board of ``charts/``, in the currency of the data."""
    brand, own = (_read(charts / f"{stem}.yml", currency) for stem in ("_brand", name))
    queries = {**brand.get("queries", {}), **own.get("queries", {})}
    return Board(
        name=name,
        title=own["title"],
        queries={
            key: query if isinstance(query, str) else query["sql"] for key, query in queries.items()
        },
        charts={**brand.get("charts", {}), **own.get("charts", {})},
        rows=own["rows"],
        brand={key: brand[key] for key in ("extends", "style")},
    )


def _read(path: Path, currency: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(
        with_currency(path.read_text(encoding="utf-8"), currency)
    )
    return content


def with_currency(text: str, currency: str) -> str:
    """Return a text of the boards, which speak of BRL, in the currency of the data, or in none when it is unknown."""
    if currency != NO_CURRENCY:
        return re.sub(r"\bBRL\b", lambda _: currency, text)
    text = text.replace("BRL a customer", "Money a customer").replace(
        "BRL par client", "Montant par client"
    )
    return re.sub(r",? BRL\b", "", text)


def tables_of(board: str, *, charts: Path = CHARTS) -> set[str]:
    """Return the tables that a board reads, those of the common brand included."""
    return {
        table
        for sql in read_board(board, charts=charts).queries.values()
        for table in TABLE.findall(sql)
    }


def tables_in(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the tables of a database, with their schemas."""
    found = connection.execute(
        "select table_schema || '.' || table_name from information_schema.tables"
    ).fetchall()
    return {row[0] for row in found}


def answers(
    connection: duckdb.DuckDBPyConnection, board: Board, variables: Mapping[str, str]
) -> tuple[dict[str, Rows], set[str]]:
    """Return what a database answers to a board.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    board : Board
    variables : mapping of str to str
        ``segment`` and ``language``.

    Returns
    -------
    dict of str to list of dict, set of str
        The rows of each query; of one whose tables are missing there are none. The missing tables.
    """
    existing = tables_in(connection)
    rows: dict[str, Rows] = {}
    missing: set[str] = set()
    for name, sql in board.queries.items():
        lacking = set(TABLE.findall(sql)) - existing
        missing |= lacking
        if lacking:
            rows[name] = []
            continue
        used = {word: variables[word] for word in VARIABLE.findall(sql)}
        found = connection.execute(VARIABLE.sub(r"$\1", sql), used or None)
        columns = [column[0] for column in found.description or []]
        rows[name] = [dict(zip(columns, map(_known, row), strict=True)) for row in found.fetchall()]
    return rows, missing


def _known(value: Any) -> Any:
    """Return a value, nothing for a quotient that is no number: shares of a shop without any money are 0 of 0."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def resolved(text: str, rows: Mapping[str, Rows]) -> str:
    """Return a text with the values of the queries that it names."""

    def one(match: re.Match[str]) -> str:
        found = rows.get(match.group(1)) or [{}]
        value = found[0].get(match.group(2))
        return "" if value is None else str(value)

    return REFERENCE.sub(one, text)
