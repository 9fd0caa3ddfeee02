"""The campaign as a command: ``make torture [QUICK=1] [SEED=number] [ONLY=kills,swaps,inputs]``."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from torture import build_kills, inputs, page, readers, swap_kills, writers
from torture.campaign import Count
from torture.kinds import Seen

PARTS = ("kills", "swaps", "inputs")
# The whole campaign, and a short one.
KILLS, QUICK_KILLS = 20, 2
SIGNALS, QUICK_SIGNALS = 10, 1
PLAIN, QUICK_PLAIN = 2, 0
SWAPS, QUICK_SWAPS = 24, 4
QUICK_STEPS = 2
QUICK_KINDS = 2


def main() -> int:
    """Run the campaign; 1 when anything did not come out right."""
    parser = argparse.ArgumentParser(prog="make torture", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="some of each, in two minutes")
    parser.add_argument("--seed", type=int, default=20181018, help="of the random moments")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--kind", help="only kinds of input whose area or name has this text")
    parser.add_argument("--folder", type=Path, help="where to work; kept")
    options = parser.parse_args()
    parts = options.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    folder = options.folder or Path(tempfile.mkdtemp(prefix="torture-"))
    started_at = time.monotonic()
    print(f"Torture in {folder}, seed {options.seed}.", flush=True)
    counts, seen = run(folder, parts, options)
    seconds = time.monotonic() - started_at
    failures = [failure for count in counts for failure in count.failures]
    print()
    for count in counts:
        print(count.sentence())
    print(f"{seconds / 60:.1f} minutes.")
    is_whole = not options.quick and not options.kind and len(parts) == len(PARTS)
    if is_whole:
        page.write(counts, seen, seed=options.seed, seconds=seconds)
        print(f"Written to {page.PAGE.relative_to(page.PROJECT)}.")
    if failures:
        print(
            f"\n{len(failures)} did not come out right; what they left is in {folder}:\n",
            file=sys.stderr,
        )
        print("\n\n".join(failures), file=sys.stderr)
        return 1
    if not options.folder:
        shutil.rmtree(folder)
    return 0


def run(
    folder: Path, parts: list[str], options: argparse.Namespace
) -> tuple[list[Count], list[Seen]]:
    """Run the parts that are wanted."""
    quick = options.quick
    counts: list[Count] = []
    seen: list[Seen] = []
    if "kills" in parts:
        counts += build_kills.campaign(
            folder / "build_kills",
            seed=options.seed,
            kills=QUICK_KILLS if quick else KILLS,
            signals=QUICK_SIGNALS if quick else SIGNALS,
            plain=QUICK_PLAIN if quick else PLAIN,
        )
        counts += swap_kills.campaign(folder / "swap_kills", at_most=QUICK_STEPS if quick else None)
    if "swaps" in parts:
        counts += readers.campaign(folder / "readers", swaps=QUICK_SWAPS if quick else SWAPS)
        counts += writers.campaign(folder / "writers", is_quick=quick)
    if "inputs" in parts:
        kinds = [
            kind for kind in inputs.KINDS if (options.kind or "") in f"{kind.area}: {kind.name}"
        ]
        if quick:
            kinds = inputs.some(tuple(kinds), QUICK_KINDS)
        counted, seen = inputs.campaign(folder / "inputs", kinds)
        counts += counted
    return counts, seen


if __name__ == "__main__":
    sys.exit(main())
