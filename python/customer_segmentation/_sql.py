"""Names and texts as DuckDB's SQL writes them."""

from __future__ import annotations


def quoted(name: str) -> str:
    """Return a name in double quotes, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def sql_text(value: object) -> str:
    """Return a text in single quotes, whatever is in it."""
    return "'" + str(value).replace("'", "''") + "'"
