"""The stored results as a table, a plot and the performance page.

Run as ``python -m benchmarks.report`` to write docs/performance.md from benchmarks/results.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.growth import slope_section
from benchmarks.guard import STORED
from benchmarks.job import PROJECT
from benchmarks.measure import YARDSTICKS, ratio_names
from benchmarks.plot import ratio_plot
from benchmarks.words import duration, factor, markdown_table, size

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
    headlines: set[str] = set()
    for name, result in results.items():
        heading = headline(result)
        again = ", some parts again" if heading in headlines else ""
        headlines.add(heading)
        lines += ["", f"## {heading}{again}", "", about(result)]
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
make benchmark SIZE=100 PARTS=build              # our build only, every model and test
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
    limit = result["machine"].get("memory_limit")
    limited = f", DuckDB limited to {limit}" if limit else ""
    return f"{kind}, {data['customers']:,} customers{selector}{limited}"


def about(result: dict[str, Any]) -> str:
    """Say when and on what a run was made."""
    machine = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    limit = machine.get("memory_limit")
    limited = f" SEGMENTATION_MEMORY_LIMIT={limit}." if limit else ""
    return (
        f"{result['date']}, commit {result['commit']}. {machine['processors']} processors"
        f" ({machine['model']}), {size(machine['memory'])}, load {machine['load']:.1f} at the start."
        f" {versions}.{limited}{method_of(result)}"
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
            size(b["peak_disk"]) if "peak_disk" in b else "",
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
            [
                "build",
                "wall",
                "nodes at work",
                "outside",
                "peak memory",
                "peak on disk",
                "file",
                "floors",
            ],
            rows,
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
    """Read the stored runs, that on the real data first, then by size, without a limit of memory before with one."""
    paths = [path for path in sorted(folder.glob("*.json")) if path.name != STORED.name]
    results = {path.stem: json.loads(path.read_text()) for path in paths}
    return dict(
        sorted(
            results.items(),
            key=lambda item: (
                item[1]["data"]["is_synthetic"],
                item[1]["data"]["customers"],
                bool(item[1]["machine"].get("memory_limit")),
                # Of several runs on one data set the latest comes first, of one day that of most parts.
                [-int(number) for number in item[1]["date"].split("-")],
                -len(item[1]["parts"]),
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
