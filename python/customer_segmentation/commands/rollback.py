"""Publish an earlier database again, the newest kept one or the one that --to names.

SEGMENTATION_KEEP_DATABASES says how many are kept (default 2). The one that was published until now is
set aside as "withdrawn", and --to brings it back.

Examples
--------
  python -m customer_segmentation rollback --list
  python -m customer_segmentation rollback
"""

from __future__ import annotations

import argparse
import sys

from customer_segmentation.publishing import WITHDRAWN, choices, go_back


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument("--list", action="store_true", help="show the earlier databases")
    parser.add_argument(
        "--to",
        metavar="NAME",
        help="go back to this one, a name of the list (default: the newest earlier one)",
    )


def run(options: argparse.Namespace) -> int:
    """List the earlier databases, or go back to one."""
    published = options.database
    if options.list:
        earlier = choices(published)
        for path in earlier:
            print(path.name)
        if not earlier:
            print(f"There is no earlier database of {published} yet.", file=sys.stderr)
        return 0
    chosen, present = go_back(published, name=options.to)
    until = chosen.stem.removeprefix(WITHDRAWN)
    print(f"{published} is the database that was published until {until} again.")
    if present is not None:
        print(f"To undo this: make rollback TO={present.name}")
    return 0
