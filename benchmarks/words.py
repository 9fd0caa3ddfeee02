"""Numbers and tables of the reports, in words for a person."""

from __future__ import annotations

from collections.abc import Sequence


def duration(seconds: float) -> str:
    """Write a time for a person."""
    if seconds < 0.1:
        return f"{seconds * 1e3:.2g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    if seconds < 7200:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    """Write a number of bytes for a person."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def factor(value: float) -> str:
    """Write a ratio for a person."""
    return f"{value:.0f}" if value >= 20 else f"{value:.2g}"


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a Markdown table; all columns but the first and last are right-aligned."""
    marks = ["---", *["---:"] * (len(headings) - 2), "---"][: len(headings)]
    lines = [headings, marks, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def text_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write the same for a terminal."""
    rows = [[cell.replace("**", "") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [headings, *rows]
    )
