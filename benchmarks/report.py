"""The stored results as a table, a plot and the performance page.

Run as ``python -m benchmarks.report`` to write docs/performance.md from benchmarks/results.
"""

from __future__ import annotations

import html
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.guard import STORED
from benchmarks.job import PROJECT
from benchmarks.measure import YARDSTICKS, ratio_names

RESULTS = PROJECT / "benchmarks" / "results"
PAGE = PROJECT / "docs" / "performance.md"
PART_NOTE = (
    "≈: only a share was measured, named in the last column, and the rest extrapolated in proportion; every other time"
    " was measured whole. `plain`, `expert`: how many times as fast as that yardstick we are, median of the rounds,"
    " with the lowest and highest in brackets. Peak memory: of the process, libraries and inputs included, ours / plain"
    " / expert."
)
# Nodes that the page names.
SLOWEST = 12
# Colours of the plot: faster, slower.
FASTER, SLOWER = "#1f6f8b", "#b3541e"


def peak_memory(side: dict[str, Any]) -> str:
    """Write the peak of a side; only a bound when the process had had as much before it began."""
    bound = "≤ " if side["peak_memory"] <= side.get("memory_before", 0) else ""
    return bound + size(side["peak_memory"])


def part_rows(result: dict[str, Any]) -> list[list[str]]:
    """Return the table of the parts: one row each, the whole last.

    Parameters
    ----------
    result : dict
        Of `benchmarks.run`.

    Returns
    -------
    list of list of str
        With the columns of `PART_HEADINGS`.
    """
    rows = []
    for part in result["parts"].values():
        sides = [part.get(side) for side in ("ours", *YARDSTICKS)]
        rows.append(
            [
                part["title"],
                *(time_of(side) for side in sides),
                *(ratio_of(part, side) for side in YARDSTICKS),
                " / ".join(peak_memory(side) for side in sides if side),
                equality_of(part),
                expert_tools_of(part),
                measured_of(part),
            ]
        )
    whole = result.get("whole")
    if whole:
        is_known = "plain_seconds" in whole
        rows.append(
            [
                "**The whole study, dbt's own time included**",
                duration(whole["ours"]["seconds"]),
                f"≈ {duration(whole['plain_seconds'])}" if is_known else "",
                "",
                f"≈ {factor(whole['ratio'])}" if is_known else "",
                "",
                size(whole["ours"]["peak_memory"]),
                "",
                "",
                "sum of the counted parts" if is_known else "",
            ]
        )
    return rows


def time_of(side: dict[str, Any] | None) -> str:
    """Write the time of a side; marked when it was extrapolated."""
    return "" if side is None else f"{'≈ ' if side['note'] else ''}{duration(side['seconds'])}"


def ratio_of(part: dict[str, Any], side: str) -> str:
    """Write the ratio to a yardstick and its spread; marked when the yardstick was extrapolated."""
    name, _ = ratio_names(side)
    if name not in part:
        return ""
    low, high = (factor(part[f"{name}_{end}"]) for end in ("lowest", "highest"))
    return f"{'≈ ' if part[side]['note'] else ''}{factor(part[name])} ({low} to {high})"


def checks_of(part: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the checks against all yardsticks, each with the name of its yardstick."""
    return [
        check | {"side": side}
        for side in YARDSTICKS
        for check in part.get(ratio_names(side)[1], [])
    ]


def equality_of(part: dict[str, Any]) -> str:
    """Say whether the results of the sides are equal."""
    checks = checks_of(part)
    wrong = [f"{c['what']} ({c['side']})" for c in checks if not c["is_equal"]]
    if not checks:
        return ""
    return f"DIFFERENT: {', '.join(wrong)}" if wrong else "equal"


def expert_tools_of(part: dict[str, Any]) -> str:
    """Name the expert's tools, and those that were not installed."""
    tools = part.get("expert_tools", {})
    return ", ".join(f"{name} {found or 'is not installed'}" for name, found in tools.items())


def measured_of(part: dict[str, Any]) -> str:
    """Say what of the yardsticks was measured."""
    found = [(side, part[side]["note"]) for side in YARDSTICKS if side in part]
    shares = [f"{side}: {note}" for side, note in found if note]
    return "; ".join(shares) if shares else ("all" if found else "")


PART_HEADINGS = [
    "part",
    "ours",
    "time, plain",
    "time, expert",
    "plain",
    "expert",
    "peak memory",
    "results",
    "the expert's tools",
    "measured of the yardsticks",
]


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


def performance_page(results: dict[str, dict[str, Any]]) -> str:
    """Write docs/performance.md from what was measured.

    Parameters
    ----------
    results : dict of str to dict
        By name, as stored; the first is the one on which both sides ran.

    Returns
    -------
    str
    """
    lines = [
        "# Performance",
        "",
        "Our study against two yardsticks, side by side in one run: the plain way, in pandas, scipy and scikit-learn",
        "with library defaults (`benchmarks/plain/`), and the expert's, each part with the best freely installed tool",
        "for it that we found (`benchmarks/expert/`). All begin with the same inputs, and their results are compared.",
        "`make benchmark` measures; `make performance` writes this page from `benchmarks/results/`. No figure here is",
        "typed.",
    ]
    commits = list(dict.fromkeys(result["commit"] for result in results.values()))
    if len(commits) > 1:
        lines += [
            "",
            f"**The runs below are of {len(commits)} different commits** ({', '.join(commits)}), each named under its"
            " heading: a figure of one run says nothing",
            "about the code of another.",
        ]
    for name, result in results.items():
        lines += ["", f"## {headline(result)}", "", about(result)]
        if result["parts"]:
            lines += [
                "",
                markdown_table(PART_HEADINGS, part_rows(result)),
                "",
                PART_NOTE,
            ]
            if ratio_plot(result):
                lines += ["", f"![Ratios](../benchmarks/results/{name}.svg)"]
        for section in (equality, build_section, limit_section):
            text = section(result)
            if text:
                lines += ["", text]
    text = slope_section(results)
    if text:
        lines += ["", text]
    lines += ["", REPRODUCE]
    return "\n".join(lines) + "\n"


REPRODUCE = """\
## How to reproduce

```sh
make benchmark OLIST_RAW_DIR=data/olist          # the real data, 1×: ours and both yardsticks
make benchmark PARTS=rfm,ks REPEATS=5            # some parts only
make benchmark SIZE=10                           # synthetic, ten times Olist
make benchmark SIZE=100 PARTS=build SELECTOR=spine  # our build only, from raw files to published segments
make benchmark QUICK=1                           # before a release: has a part become slower than is stored?
make performance                                 # this page from what is stored
```

Use a quiet machine: the sides take turns, so that a slow spell hits all, but a busy machine still
widens the spread. Each side has a process of its own for all rounds; libraries are loaded and inputs
made before the clock starts. Parts of a yardstick that would take hours are measured on the share that
the table names and extrapolated in proportion to the number of fits, resamples or pairs; such a
yardstick runs in the first round only. The expert's tools come from `requirements-benchmarks.txt`."""


def headline(result: dict[str, Any]) -> str:
    """Name a run."""
    data = result["data"]
    kind = "Synthetic Olist" if data["is_synthetic"] else "The real Olist"
    selector = f", selector {result['selector']}" if result.get("selector") else ""
    return f"{kind}, {data['customers']:,} customers{selector}"


def about(result: dict[str, Any]) -> str:
    """Say when and on what a run was made."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return (
        f"{result['date']}, commit {result['commit']}. {machine['processors']} processors"
        f" ({machine['model']}), {size(machine['memory'])}, load {machine['load']:.1f} at the start."
        f" {versions}.{method_of(result)}"
    )


def method_of(result: dict[str, Any]) -> str:
    """Say in what a run differs from how it is measured today."""
    if not result["parts"]:
        return ""
    sentences = []
    if not any("expert" in part for part in result["parts"].values()):
        sentences.append(" The expert's way was not measured.")
    if "rounds" not in result:
        sentences.append(" Each side was started anew for every round.")
    return "".join(sentences)


def equality(result: dict[str, Any]) -> str:
    """List the checks: the difference found and the tolerance."""
    rows = [
        [
            part["title"],
            check["side"],
            check["what"],
            f"{check['difference']:.2g}",
            "reported only" if check["tolerance"] is None else f"{check['tolerance']:g}",
            "yes" if check["is_equal"] else "**NO**",
        ]
        for part in result["parts"].values()
        for check in checks_of(part)
    ]
    if not rows:
        return ""
    table = markdown_table(["part", "against", "what", "difference", "tolerance", "within"], rows)
    return f"### Are the results equal?\n\n{table}"


def build_section(result: dict[str, Any]) -> str:
    """Say where the time of the builds goes, and how far that is from dbt's floor."""
    builds = result.get("builds", {})
    if not builds:
        return ""
    lines = ["### The build", ""]
    floor = result.get("floor")
    rows = [
        [
            title,
            duration(b["seconds"]),
            duration(b["node_seconds"]),
            duration(b["outside_seconds"]),
            size(b["peak_memory"]),
            size(b["database_bytes"]) if "database_bytes" in b else "",
            f"{b['seconds'] / floor['seconds']:.1f}" if floor else "",
        ]
        for title, b in (
            ("from nothing", builds.get("full")),
            ("with a month added", result.get("month")),
            ("again, all re-used", builds.get("again")),
            ("dbt's floor", floor),
        )
        if b
    ]
    lines.append(
        markdown_table(
            ["build", "wall", "nodes at work", "outside", "peak memory", "file", "floors"], rows
        )
    )
    if floor:
        nodes = ", ".join(f"{count} {kind}s" for kind, count in floor["counts"].items())
        lines += [
            "",
            f"dbt's floor is a project with as many nodes ({nodes}) that do nothing. Outside: dbt"
            " starts, parses, waits, and the file is published.",
        ]
    if "floors" in result:
        floors = result["floors"]
        lines[-1] += (
            f" Pair by pair, the build again took {floors['median']:.2f} floors"
            f" ({floors['lowest']:.2f} to {floors['highest']:.2f})."
        )
    every = builds.get("full", {}).get("all_seconds", [])
    if len(every) > 1:
        lines += [
            "",
            f"Builds from nothing, one after the other: {', '.join(map(duration, every))}. The first on a machine,"
            " or of changed code, also compiles the kernels.",
        ]
    kinds = builds["full"]["by_type"] if "full" in builds else {}
    if "month" in result and kinds:
        month = result["month"]
        full = builds["full"]
        # The first build on a machine also compiles the kernels.
        quickest = min(full.get("all_model_seconds", [full["by_type"]["model"]["seconds"]]))
        seconds = (month["by_type"]["model"]["seconds"], quickest)
        differing = month["differing_tables"]
        lines += [
            "",
            f"With a month added: a database that was built without what came after {month['cut']}"
            " gets all of it. Inside the models (times add up over threads) that took"
            f" {duration(seconds[0])}, {seconds[0] / seconds[1]:.2f} of the {duration(seconds[1])}"
            f" of the quickest build from nothing; of {month['tables']} tables"
            f" {'none differs' if not differing else ', '.join(differing) + ' **differ**'}.",
        ]
    if kinds:
        lines += [
            "",
            "In the build from nothing (times add up over threads): "
            + ", ".join(
                f"{found['nodes']} {kind}s {duration(found['seconds'])}"
                for kind, found in kinds.items()
            )
            + ".",
            "",
            markdown_table(
                ["slowest nodes", "seconds"],
                [
                    [f"`{name}`", f"{seconds:.1f}"]
                    for name, seconds in list(builds["full"]["nodes"].items())[:SLOWEST]
                ],
            ),
        ]
    return "\n".join(lines)


def limit_section(result: dict[str, Any]) -> str:
    """Compare each part with what the machine could do at best."""
    limits = result.get("limits")
    if not limits:
        return ""
    rates = result["rates"]
    rows = []
    for name, limit in limits.items():
        ours = result["parts"].get(name, {}).get("ours")
        if ours:
            rows.append(
                [
                    result["parts"][name]["title"],
                    f"{limit['amount']:.2e}",
                    duration(limit["seconds"]),
                    duration(ours["seconds"]),
                    factor(ours["seconds"] / limit["seconds"]),
                    limit["what"],
                    limit.get("closing", ""),
                ]
            )
    if not rows:
        return ""
    table = markdown_table(
        [
            "part",
            "work",
            "limit",
            "ours",
            "limits",
            "what the work is",
            "what keeps us from it",
        ],
        rows,
    )
    return (
        "### The physical limit\n\n"
        f"Measured on this machine: {rates['read_bytes'] / 1e9:.1f} GB/s read from files in the page"
        f" cache, {rates['copy_bytes'] / 1e9:.1f} GB/s copied in memory,"
        f" {rates['square_roots'] / 1e9:.1f} billion square roots of float32,"
        f" {rates['double_roots'] / 1e9:.1f} of float64 and"
        f" {rates['multiplications'] / 1e9:.1f} billion multiplications (float64) a second on"
        f" all threads. The least work of a part at these rates is its limit;"
        f" `limits` is how many times that we take.\n\n{table}"
    )


def slope_section(results: dict[str, dict[str, Any]]) -> str:
    """Say how the cost of a customer grows with the size."""
    selectors = sorted({result.get("selector") or "" for result in results.values()})
    sections = [slope_table(results, selector) for selector in selectors]
    if not any(sections):
        return ""
    text = "\n\n".join(["## Cost against size", *filter(None, sections)])
    parts = part_slopes(results)
    if parts:
        rows = [[title, f"{power:.2f}"] for title, power in parts.items()]
        text += f"\n\n{markdown_table(['part, our way, commit', 'power of the number of customers'], rows)}"
    return text


def slope_table(results: dict[str, dict[str, Any]], selector: str) -> str:
    """Write the same for the builds of one selector, "" being all models; empty for one size."""
    found = slopes(
        {name: run for name, run in results.items() if (run.get("selector") or "") == selector}
    )
    if not found:
        return ""
    table = markdown_table(
        [
            "customers",
            "commit",
            "wall",
            "milliseconds a customer",
            "of the smallest",
            "peak memory",
            "file",
        ],
        [
            [
                f"{row['customers']:,}",
                row["commit"],
                duration(row["seconds"]),
                f"{row['per_customer'] * 1e3:.3f}",
                f"{row['relative']:.2f}",
                size(row["peak_memory"]),
                size(row["database_bytes"]),
            ]
            for row in found["rows"]
        ],
    )
    what = f"Selector {selector} of selectors.yml" if selector else "All models and tests"
    note = "; the rows are of different commits, so that part of it may be a change of the code"
    if len({row["commit"] for row in found["rows"]}) == 1:
        note = ""
    return (
        f"{what}:\n\n{table}\n\nWall time of a build from nothing grows as the number"
        f" of customers to the power {found['slope']:.2f} (least squares on logarithms)"
        f"{note}."
    )


def part_slopes(results: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Return, for each part that was run at several sizes, the power with which our time grows."""
    times: dict[str, dict[int, float]] = {}
    for result in results.values():
        for part in result["parts"].values():
            if "ours" in part:
                selector = f" ({result['selector']})" if result.get("selector") else ""
                # Of one commit: how a part grows is a matter of its code.
                of_part = times.setdefault(f"{part['title']}{selector}, {result['commit']}", {})
                of_part[result["data"]["customers"]] = part["ours"]["seconds"]
    return {title: power(of_part) for title, of_part in times.items() if len(of_part) > 1}


def power(seconds: dict[int, float]) -> float:
    """Fit the logarithm of time against that of size by least squares and return the slope."""
    logs = [(math.log(customers), math.log(time)) for customers, time in seconds.items()]
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum(
        (x - mean_x) ** 2 for x, _ in logs
    )


def slopes(results: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Fit cost against size over the builds from nothing, which differ in size.

    Returns
    -------
    dict or None
        rows and slope; None with fewer than two sizes.
    """
    builds = sorted(
        (
            r["builds"]["full"] | {"commit": r["commit"]}
            for r in results.values()
            if "full" in r.get("builds", {})
        ),
        key=lambda b: b["customers"],
    )
    by_size = {b["customers"]: b for b in builds}
    if len(by_size) < 2:
        return None
    rows = [{**b, "per_customer": b["seconds"] / b["customers"]} for b in by_size.values()]
    for row in rows:
        row["relative"] = row["per_customer"] / rows[0]["per_customer"]
    return {"rows": rows, "slope": power({row["customers"]: row["seconds"] for row in rows})}


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


def store(result: dict[str, Any], name: str, folder: Path = RESULTS) -> None:
    """Write a run as JSON, its table as Markdown and its plot as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1, sort_keys=False) + "\n")
    table = markdown_table(PART_HEADINGS, part_rows(result))
    (folder / f"{name}.md").write_text(f"# {headline(result)}\n\n{about(result)}\n\n{table}\n")
    plot = ratio_plot(result)
    if plot:
        (folder / f"{name}.svg").write_text(plot)


def stored(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Read the stored runs, that on the real data first, then by size."""
    paths = [path for path in sorted(folder.glob("*.json")) if path.name != STORED.name]
    results = {path.stem: json.loads(path.read_text()) for path in paths}
    return dict(
        sorted(
            results.items(),
            key=lambda item: (
                item[1]["data"]["is_synthetic"],
                item[1]["data"]["customers"],
                # Of several runs on one data set the latest comes first.
                [-int(number) for number in item[1]["date"].split("-")],
            ),
        )
    )


def main() -> int:
    """Write the performance page."""
    results = stored()
    if not results:
        print("benchmarks/results is empty; run `make benchmark`.", file=sys.stderr)
        return 1
    PAGE.write_text(performance_page(results))
    print(f"Wrote {PAGE.relative_to(PROJECT)} from {', '.join(results)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
