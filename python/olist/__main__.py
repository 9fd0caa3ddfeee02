"""Bring the Olist data in, check it, or make a synthetic sample of it."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from olist import fetch, verify
from olist.folders import DataError
from olist.sample import marginals
from olist.sample import write as sample


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the three commands."""
    parser = argparse.ArgumentParser(prog="python -m olist", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    bring = commands.add_parser(
        "fetch", help="bring the real set into a folder (Kaggle, a folder or a zip) and verify it"
    )
    bring.add_argument("--to", type=Path, required=True, metavar="DIR", help="folder to fill")
    bring.add_argument(
        "--from",
        dest="source",
        # Not every shell expands the ~ of `make data FROM=~/archive.zip`.
        type=lambda text: Path(text).expanduser(),
        metavar="DIR|ZIP",
        help="take the files from here instead of Kaggle",
    )

    check = commands.add_parser("verify", help="compare a folder with the manifest of the real set")
    check.add_argument("folder", type=Path, metavar="DIR")

    make = commands.add_parser("sample", help="write a synthetic Olist of any size")
    make.add_argument("--to", type=Path, required=True, metavar="DIR", help="folder to fill")
    make.add_argument(
        "--customers",
        type=int,
        default=marginals.REAL_CUSTOMERS,
        metavar="N",
        help="people, with their whole histories (default: %(default)s, as in the real set)",
    )
    make.add_argument("--seed", type=int, default=sample.DEFAULT_SEED, help="default: %(default)s")
    make.add_argument("--format", choices=["csv", "parquet"], default="csv")
    return parser


def run(options: argparse.Namespace, *, progress: bool) -> int:
    """Run one command and say what it did.

    Parameters
    ----------
    options : argparse.Namespace
        From :func:`build_parser`.
    progress : bool
        Show progress bars.

    Returns
    -------
    int
        0, or 1 if ``verify`` found a problem.

    Raises
    ------
    DataError
        If the command could not do its work.
    """
    begin = time.perf_counter()
    if options.command == "sample":
        made = sample.write_sample(
            options.to,
            customers=options.customers,
            seed=options.seed,
            file_format=options.format,
            progress=progress,
        )
        state = f"written in {time.perf_counter() - begin:.1f} s" if made else "already there"
        print(
            f"{options.to}: synthetic sample of {options.customers:,} customers, "
            f"seed {options.seed}, {state}"
        )
        return 0
    if options.command == "fetch":
        report = fetch.fetch(options.to, source=options.source, progress=progress)
        if report is None:
            print(f"{options.to}: the real set is already there")
            return 0
    else:
        report = verify.verify(options.folder, progress=progress)
    for problem in report.problems:
        print(problem)
    for note in report.notes:
        print(f"note: {note}")
    if report.is_real:
        print(f"{report.folder}: the real set, verified in {time.perf_counter() - begin:.1f} s")
        return 0
    print(f"{report.folder}: not the real set, {len(report.problems)} problems")
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the arguments and run; return the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        return run(options, progress=sys.stderr.isatty())
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
