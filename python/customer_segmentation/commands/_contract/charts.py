"""Charts as SVG that stands in a page: lines over dates with a limit, and bars over intervals."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 26, 44


@dataclasses.dataclass(frozen=True)
class Line:
    """A series: its points in pixels, its name, what is written at its end, and whether it is a limit."""

    points: tuple[tuple[float, float], ...]
    label: str
    last: str
    is_limit: bool

    @property
    def label_y(self) -> float:
        """Where the label stands: below the end of a line that comes down to it, above others."""
        end = self.points[-1][1]
        return end + 16 if self.points[len(self.points) // 2][1] < end - 8 else end - 6

    @property
    def path(self) -> str:
        """The points as SVG writes them."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


@dataclasses.dataclass(frozen=True)
class Panel:
    """One diagram: title, lines, and the ticks of both axes as (pixel, text)."""

    title: str
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


@dataclasses.dataclass(frozen=True)
class Bar:
    """A bar: left edge, top, width and height in pixels, and the texts above and below it."""

    x: float
    y: float
    width: float
    height: float
    value: str
    label: str
    note: str
    stands_out: bool


def panels(
    rows: Sequence[tuple[Any, ...]],
    *,
    names: Callable[[str], str],
    x_text: Callable[[Any], str],
    y_text: Callable[[Any], str],
    are_steps: bool = False,
) -> list[Panel]:
    """Lay out lines, one diagram for each panel.

    Parameters
    ----------
    rows : sequence of (panel, x, series, y, is_limit)
        In the order in which panels and series are drawn; x are dates. Rows without y are left out.
    names : callable
        Gives what a panel or series is called.
    x_text, y_text : callable
        Write a value of the axis.
    are_steps : bool, default False
        A value holds until the next date, where it jumps.

    Returns
    -------
    list of Panel
        None for a panel with fewer than two dates.
    """
    found: dict[str, dict[str, list[tuple[Any, float, bool]]]] = {}
    for panel, x, series, y, is_limit in rows:
        if y is not None and y == y:
            found.setdefault(panel, {}).setdefault(series, []).append((x, float(y), is_limit))
    laid_out = []
    for panel, series_of in found.items():
        days = sorted({x for points in series_of.values() for x, *_ in points})
        if len(days) < 2:
            continue
        highest = _round_up(max(y for points in series_of.values() for _, y, _ in points))
        first, span = days[0], (days[-1] - days[0]).days

        def x_of(day: Any, first: Any = first, span: int = span) -> float:
            return LEFT + (day - first).days / span * (WIDTH - LEFT - RIGHT)

        lines = tuple(
            Line(
                _stepped([(x_of(x), _y_of(y, highest)) for x, y, _ in sorted(points)], are_steps),
                names(series),
                y_text(max(points)[1]),
                points[0][2],
            )
            for series, points in series_of.items()
        )
        laid_out.append(
            Panel(
                names(panel),
                lines,
                tuple(
                    (x_of(day), x_text(day)) for day in (days[0], days[len(days) // 2], days[-1])
                ),
                tuple((_y_of(y, highest), y_text(y)) for y in (0.0, highest / 2, highest)),
            )
        )
    return laid_out


def bars(
    rows: Sequence[tuple[Any, ...]],
    *,
    x_text: Callable[[Any], str],
    y_text: Callable[[Any], str],
    note: Callable[[Any], str],
) -> list[Bar]:
    """Lay out bars.

    Parameters
    ----------
    rows : sequence of (x, y, stands_out, value of the note)
    x_text, y_text, note : callable
        Write them.

    Returns
    -------
    list of Bar
    """
    known = [row for row in rows if row[1] is not None]
    if not known:
        return []
    highest = max(float(y) for _, y, *_ in known) or 1.0
    step = (WIDTH - LEFT - RIGHT) / len(known)
    laid_out = []
    for place, (x, y, stands_out, more) in enumerate(known):
        top = _y_of(float(y), highest)
        laid_out.append(
            Bar(
                LEFT + step * (place + 0.15),
                top,
                step * 0.7,
                HEIGHT - BOTTOM - top,
                y_text(y),
                x_text(x),
                note(more),
                bool(stands_out),
            )
        )
    return laid_out


def _stepped(points: list[tuple[float, float]], are_steps: bool) -> tuple[tuple[float, float], ...]:
    if not are_steps:
        return tuple(points)
    corners = [(after[0], before[1]) for before, after in itertools.pairwise(points)]
    return (points[0], *(point for pair in zip(corners, points[1:], strict=True) for point in pair))


def _y_of(value: float, highest: float) -> float:
    return HEIGHT - BOTTOM - value / highest * (HEIGHT - TOP - BOTTOM)


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 2.5, 4, 5, 8 and 10 times a power of ten; 1 for nothing."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        step * power for step in (1, 2, 2.5, 4, 5, 8, 10) if value <= step * power * (1 + 1e-9)
    )
