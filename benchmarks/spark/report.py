"""The tables of docs/scale.md about Spark, from benchmarks/results/spark.

Run as ``python -m benchmarks.spark.report`` to write them into the page, between its marks.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

from benchmarks.job import PROJECT
from benchmarks.words import duration, markdown_table, size

RESULTS = PROJECT / "benchmarks" / "results" / "spark"
PAGE = PROJECT / "docs" / "scale.md"
BEGIN, END = "<!-- benchmarks.spark.report writes from here … -->", "<!-- … to here -->"
ENGINES = {"duckdb": "DuckDB", "spark": "Spark"}
SHUFFLED = (
    "Bytes that the stages of Spark shuffled, by schema of the table that they made, and the models with most:"
    " {customers:,} customers, {selector}, {nodes} nodes of dbt. A byte that is shuffled is written by one task and"
    " read by another. Spilled: to disk, for want of memory; to the driver: results."
)
GROWN = (
    "Bytes shuffled at two sizes, by the models with most of those that both runs made. Up to 10 MB the smaller side of"
    " a join goes to every executor whole, and nothing is shuffled for it; of larger tables both sides are. Without a"
    " ratio: nothing was shuffled at the smaller size."
)
# Nodes that the page names.
MOST_SHUFFLED = 10


def stored(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Return the results of builds on Spark, those that were stopped too, by size."""
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda result: result["customers"])


def section(results: list[dict[str, Any]]) -> str:
    """Return what the page says about the runs."""
    lines = [about(result) for result in results]
    whole = [result for result in results if "comparison" in result]
    if whole:
        lines += ["", cost_table(whole)]
        lines += ["", grown] if (grown := growth(whole)) else []
    if results:
        most = max(results, key=lambda result: len(result["engines"]["spark"]["nodes"]))
        nodes = len(most["engines"]["spark"]["nodes"])
        lines += ["", SHUFFLED.format(**most, nodes=nodes), "", shuffle_table(most)]
    if len(results) > 1:
        lines += ["", GROWN, "", grown_table(results[0], results[-1])]
    return "\n".join(lines)


def about(result: dict[str, Any]) -> str:
    """Say when and on what a run was made, and whether it ended."""
    kind = "synthetic, Parquet" if result["is_synthetic"] else "the real Olist, CSV"
    spark, duck = result["engines"]["spark"], result["engines"].get("duckdb")
    settings = spark["settings"]
    commits = dict.fromkeys(engine["commit"] for engine in result["engines"].values())
    said = (
        f"- {result['customers']:,} customers ({kind}), {result['selector']}, {spark['date']},"
        f" commit {' and '.join(commits)}: {settings['SEGMENTATION_SPARK_MASTER']},"
        f" {settings['SEGMENTATION_SPARK_MEMORY']} of heap for the driver,"
        f" {settings['SEGMENTATION_SPARK_PARTITIONS']} partitions a shuffle."
    )
    if "comparison" not in result:
        of_duckdb = (
            f" DuckDB had taken {duration(duck['cpu_seconds'])} of processor time and {size(duck['peak_memory'])}"
            " for all of it."
            if duck
            else ""
        )
        return (
            f"{said} **Stopped after {duration(spark['stopped_after_seconds'])}**, with {len(spark['nodes'])} seeds and"
            f" models done, because other programs had the processors.{of_duckdb}"
        )
    found = result["comparison"]
    return (
        f"{said} PySpark {result['versions']['pyspark']}; load of the {spark['machine']['processors']} processors"
        f" at the start {duck['machine']['load']:.1f} (DuckDB) and {spark['machine']['load']:.1f} (Spark)."
        f" {found['equal']} of"
        f" {found['equal'] + len(found['different'])} public tables equal, {found['rows']:,} rows."
    )


def cost_table(results: list[dict[str, Any]]) -> str:
    """Return what each engine took, a row for each run and engine."""
    rows = []
    for result in results:
        of_duckdb = result["engines"]["duckdb"]["cpu_seconds"]
        for name, title in ENGINES.items():
            taken = result["engines"][name]
            cpu = taken["cpu_seconds"]
            rows.append(
                [
                    f"{result['customers']:,}",
                    result["selector"],
                    title,
                    duration(taken["seconds"]),
                    duration(cpu),
                    f"{cpu / result['customers'] * 1e3:.2g} ms",
                    "" if name == "duckdb" else f"{cpu / of_duckdb:.1f}",
                    size(taken["peak_memory"]),
                    memory_parts(taken),
                    size(taken["peak_scratch"]),
                    size(taken["table_bytes"]),
                ]
            )
    headings = [
        *(
            "customers",
            "what is built",
            "engine",
            "wall",
            "processor time",
            "of it a customer",
            "times DuckDB's",
        ),
        *("peak memory", "of which", "scratch files", "tables"),
    ]
    return markdown_table(headings, rows)


def memory_parts(taken: dict[str, Any]) -> str:
    """Say how much the processes of each kind held at their own peak."""
    parts = taken["peak_memory_of"]
    if len(parts) < 2:
        return ""
    return ", ".join(f"{kind} {size(held)}" for kind, held in sorted(parts.items()))


def growth(results: list[dict[str, Any]]) -> str:
    """Say with which power of the number of customers processor time grew between two runs of one selector."""
    (last, *others) = results[::-1]
    same = [result for result in others if result["selector"] == last["selector"]]
    if not same:
        return ""
    first = same[-1]
    times = math.log(last["customers"] / first["customers"])
    powers = {
        title: math.log(
            last["engines"][name]["cpu_seconds"] / first["engines"][name]["cpu_seconds"]
        )
        / times
        for name, title in ENGINES.items()
    }
    said = ", ".join(f"{power:.2f} ({title})" for title, power in powers.items())
    return (
        f"Of {last['selector']}, from {first['customers']:,} to {last['customers']:,} customers, processor time grew as"
        f" the number of customers to the power {said}."
    )


def grown_table(small: dict[str, Any], large: dict[str, Any]) -> str:
    """Return the bytes that models shuffled at two sizes, as far as both made them."""
    of_small, of_large = (result["engines"]["spark"]["nodes"] for result in (small, large))
    both = [name for name in of_large if name in of_small and of_large[name]["shuffle_bytes"] > 1e6]
    both = sorted(both, key=lambda name: -of_large[name]["shuffle_bytes"])[:MOST_SHUFFLED]
    rows = [
        [
            name.split(".")[-1],
            *(size(nodes[name]["shuffle_bytes"]) for nodes in (of_small, of_large)),
            times_as_many(*(nodes[name]["shuffle_bytes"] for nodes in (of_small, of_large))),
            size(of_large[name]["spilled_bytes"]),
            *(duration(nodes[name]["cpu_seconds"]) for nodes in (of_small, of_large)),
        ]
        for name in both
    ]
    sizes = [f"{result['customers']:,}" for result in (small, large)]
    return markdown_table(
        [
            *("made", *(f"shuffled at {count}" for count in sizes), "times", "spilled"),
            *(f"executors' processor time at {count}" for count in sizes),
        ],
        rows,
    )


def times_as_many(small: float, large: float) -> str:
    """Return a ratio; nothing when the smaller run had nothing of it."""
    return f"{large / small:.1f}" if small else ""


def shuffle_table(result: dict[str, Any]) -> str:
    """Return what was shuffled: by schema, then the models with most."""
    nodes = result["engines"]["spark"]["nodes"]
    schemas: dict[str, list[dict[str, Any]]] = {}
    for node in nodes.values():
        schemas.setdefault(node["schema"], []).append(node)
    rows = [
        shuffle_row(f"**{name}**" if name else "dbt itself, between nodes", of_schema)
        for name, of_schema in schemas.items()
    ]
    most = sorted(nodes.items(), key=lambda item: -item[1]["shuffle_bytes"])[:MOST_SHUFFLED]
    rows += [shuffle_row(name.split(".")[-1], [node]) for name, node in most]
    rows.append(shuffle_row("**all**", list(nodes.values())))
    headings = [
        *("made by", "stages", "tasks", "read from tables", "shuffled", "a customer", "spilled"),
        *("to the driver", "all tasks", "longest task"),
    ]
    customers = result["customers"]
    return markdown_table(
        headings,
        [[*row[:5], f"{int(row[5]) / customers:,.0f} bytes", *row[6:]] for row in rows],
    )


def shuffle_row(title: str, nodes: list[dict[str, Any]]) -> list[str]:
    """Return a row of the table; the sixth cell has the bytes that were shuffled as a number."""

    def total(name: str) -> float:
        return sum(node[name] for node in nodes)

    return [
        title,
        f"{total('stages'):,}",
        f"{total('tasks'):,}",
        size(total("read_bytes")),
        size(total("shuffle_bytes")),
        str(int(total("shuffle_bytes"))),
        size(total("spilled_bytes")),
        size(total("driver_bytes")),
        duration(total("task_seconds")),
        duration(max(node["longest_task_seconds"] for node in nodes)),
    ]


def written(page: str, results: list[dict[str, Any]]) -> str:
    """Return the page with what is between its marks written anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not rest or not after:
        raise ValueError(f"the page has no part between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{section(results)}\n\n{END}{after}"


def main() -> int:
    """Write the page."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), stored()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
