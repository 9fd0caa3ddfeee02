"""How the cost of a customer grows with the number of customers."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.words import duration, markdown_table, size


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
    by_size: dict[int, dict[str, Any]] = {}
    for one in builds:
        # Of several runs on one data set the first is taken, as they are stored.
        by_size.setdefault(one["customers"], one)
    if len(by_size) < 2:
        return None
    rows = [{**b, "per_customer": b["seconds"] / b["customers"]} for b in by_size.values()]
    for row in rows:
        row["relative"] = row["per_customer"] / rows[0]["per_customer"]
    return {"rows": rows, "slope": power({row["customers"]: row["seconds"] for row in rows})}
