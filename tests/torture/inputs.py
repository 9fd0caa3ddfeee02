"""All kinds of bad input, and a run through them."""

from __future__ import annotations

import itertools
from pathlib import Path

from torture import (
    kinds_cells,
    kinds_databases,
    kinds_read,
    kinds_refused,
    kinds_settings,
)
from torture.campaign import Count, spread, try_all
from torture.ground import TortureError
from torture.groups import group_of, try_group
from torture.judge import Clean, judge, make_clean
from torture.kinds import QUARANTINED, READ, Kind, Seen

KINDS: tuple[Kind, ...] = (
    *kinds_read.KINDS,
    *kinds_cells.KINDS,
    *kinds_refused.KINDS,
    *kinds_settings.KINDS,
    *kinds_databases.KINDS,
)


def some(kinds: tuple[Kind, ...], at_most: int) -> list[Kind]:
    """Return the kinds of a short run: of each area some, but all values, which share a build."""
    chosen: list[Kind] = []
    for _, of_area in itertools.groupby(kinds, key=lambda kind: kind.area):
        area = list(of_area)
        chosen += area if area[0].cells else spread(area, at_most)
    return chosen


def campaign(folder: Path, kinds: list[Kind]) -> tuple[list[Count], list[Seen]]:
    """Try kinds of bad input, two builds at a time.

    Parameters
    ----------
    folder : Path
        Made; everything happens in it.
    kinds : list of Kind

    Returns
    -------
    counts : list of Count
    seen : list of Seen
        In the order of the kinds.
    """
    clean = make_clean(folder / "clean")
    together = group_of(kinds)
    alone = [[kind] for kind in kinds if kind.outcome not in (READ, QUARANTINED)]
    seen: dict[str, Seen] = {}

    def one(item: tuple[int, list[Kind]]) -> None:
        number, group = item
        found = try_one(group, clean, folder / f"trial-{number:03}")
        seen.update({one.kind.name: one for one in found})
        failures = [one.failure for one in found if one.failure]
        if failures:
            raise TortureError("\n".join(failures))

    title = "builds and commands with bad input"
    groups = [*together, *alone]
    named = [(title_of(group), (i, group)) for i, group in enumerate(groups)]
    # What is counted is kinds, not builds; a build that broke the campaign itself is counted too.
    builds = try_all(Count(title, "ran"), named, one)
    in_order = [seen[kind.name] for kind in kinds if kind.name in seen]
    count = Count("kinds of bad input", "right", len(kinds))
    count.failures = [one.failure for one in in_order if one.failure]
    lost = [kind.name for kind in kinds if kind.name not in seen]
    count.failures += [f"{name}: not judged, because the trial broke" for name in lost]
    if lost:
        count.failures += [failure for failure in builds.failures if "Traceback" in failure]
    return [count], in_order


def try_one(group: list[Kind], clean: Clean, folder: Path) -> list[Seen]:
    """Try a group of kinds in one build, or a kind by itself."""
    if group[0].outcome in (READ, QUARANTINED):
        return try_group(group, clean, folder)
    return [judge(group[0], clean, folder)]


def title_of(group: list[Kind]) -> str:
    """Name a build."""
    return group[0].name if len(group) == 1 else f"{len(group)} kinds in one build"
