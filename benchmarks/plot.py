"""How many times as fast each part is, drawn."""

from __future__ import annotations

import html
import math
from typing import Any

from benchmarks.words import factor

# Colours of the plot: faster, slower.
FASTER, SLOWER = "#1f6f8b", "#b3541e"


def ratio_plot(result: dict[str, Any]) -> str:
    """Draw how many times as fast each part is, on a logarithmic axis, as SVG.

    Parameters
    ----------
    result : dict

    Returns
    -------
    str
        Empty when no part was run on both sides.
    """
    bars = [
        (
            part["title"],
            part["ratio"],
            part["ratio_lowest"],
            part["ratio_highest"],
            part.get("expert_ratio"),
        )
        for part in result["parts"].values()
        if "ratio" in part
    ]
    whole = result.get("whole", {})
    if "ratio" in whole:
        bars.append(("The whole study", whole["ratio"], whole["ratio"], whole["ratio"], None))
    if not bars:
        return ""
    left, width, row, top = 330, 520, 26, 34
    expert_ratios = [bar[4] for bar in bars if bar[4] is not None]
    lowest = math.floor(math.log10(min(0.5, *(bar[2] for bar in bars), *expert_ratios)))
    highest = math.ceil(math.log10(max(10.0, *(bar[3] for bar in bars))))

    def x(value: float) -> float:
        return left + width * (math.log10(value) - lowest) / (highest - lowest)

    height = top + row * len(bars) + 30
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 80} {height}"'
        ' font-family="sans-serif" font-size="13" role="img">',
        "<title>How many times as fast as pandas and scikit-learn</title>",
        f'<rect width="{left + width + 80}" height="{height}" fill="white"/>',
    ]
    for power in range(lowest, highest + 1):
        place = x(10.0**power)
        lines.append(
            f'<line x1="{place:.1f}" y1="{top - 8}" x2="{place:.1f}" y2="{height - 26}"'
            f' stroke="{"#555" if power == 0 else "#ddd"}"/>'
            f'<text x="{place:.1f}" y="{height - 10}" text-anchor="middle">{10.0**power:g}×</text>'
        )
    lines.append(
        f'<text x="{left}" y="16" fill="#555">bars: times as fast as the plain way, logarithmic;'
        " thin lines: spread; circles: as the expert's</text>"
    )
    for number, (title, ratio, low, high, expert_ratio) in enumerate(bars):
        y = top + row * number
        start, end = sorted((x(1.0), x(ratio)))
        lines += [
            f'<text x="{left - 10}" y="{y + 15}" text-anchor="end">{html.escape(title)}</text>',
            f'<rect x="{start:.1f}" y="{y + 3}" width="{max(end - start, 1):.1f}" height="16"'
            f' fill="{FASTER if ratio >= 1 else SLOWER}"/>',
            f'<line x1="{x(low):.1f}" y1="{y + 11}" x2="{x(high):.1f}" y2="{y + 11}" stroke="#111"/>',
            f'<text x="{max(end, x(high)) + 6:.1f}" y="{y + 16}">{factor(ratio)}</text>',
        ]
        if expert_ratio is not None:
            lines.append(
                f'<circle cx="{x(expert_ratio):.1f}" cy="{y + 11}" r="5" fill="white"'
                f' stroke="{FASTER if expert_ratio >= 1 else SLOWER}" stroke-width="3"/>'
            )
    return "\n".join([*lines, "</svg>", ""])
