"""Build every model beside the published database, run every test, and put the new file in the
place of the old one only when all passed. Readers see the old one until then.

Options that are not listed below go to `dbt build`, whose own help is `dbt build --help`. What the
last build left is re-used where nothing behind it has changed; --full-refresh forgets it.

Examples
--------
  python -m customer_segmentation build
  python -m customer_segmentation build --vars '{n_clusters: 5}'
  python -m customer_segmentation build --partial --select +rfm
  python -m customer_segmentation build --shop shop.yml
"""  # noqa: D205

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from customer_segmentation.publishing import (
    CommandError,
    Stopped,
    build_and_publish,
    with_chosen_clusters,
    with_shop,
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.usage = f"{parser.prog} [--partial] [--verbose] [--shop FILE] [--database FILE] [options of dbt build]"
    parser.add_argument(
        "--partial",
        action="store_true",
        help="publish although the options leave models or tests out; what readers lose is named",
    )
    add_shop_option(parser)
    add_dbt_options(parser, target="build")


def add_shop_option(parser: argparse.ArgumentParser) -> None:
    """Say whose orders each command that builds them takes."""
    parser.add_argument(
        "--shop",
        metavar="FILE",
        default="",
        help="somebody's own orders, as command shop writes them (default: Olist's)",
    )


def add_dbt_options(parser: argparse.ArgumentParser, *, target: str) -> None:
    """Say what each command that builds takes.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    target : str
        Of make, which gives ``--options``.
    """
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="show every line of dbt, not only progress and what is wrong",
    )
    parser.add_argument(
        "--options",
        metavar="TEXT",
        default="",
        help=f"options of dbt build in one text, quoted as in a shell (make {target} OPTIONS=…)",
    )
    # Those that argparse does not know are dbt's.
    parser.set_defaults(others=[])


def dbt_options(options: argparse.Namespace) -> list[str]:
    """Return what is for ``dbt build``, of the options that `add_dbt_options` and `add_shop_option` take.

    Raises
    ------
    CommandError
        When a quote is open, or the shop's file cannot be used.
    """
    try:
        for_dbt = [*shlex.split(options.options), *options.others]
    except ValueError as error:
        raise CommandError(
            f"the options {options.options} cannot be read: {error}. Close what is open."
        ) from None
    shop = getattr(options, "shop", "")
    return with_chosen_clusters(with_shop(for_dbt, Path(shop))) if shop else for_dbt


def default_database(options: argparse.Namespace) -> str:
    """Return where the database of a shop is, when nothing says another place."""
    return f"warehouse/{Path(options.shop).stem}.duckdb" if options.shop else ""


def run(options: argparse.Namespace) -> int:
    """Build, test, publish and summarise."""
    for_dbt = dbt_options(options)
    try:
        status = build_and_publish(
            options.database,
            for_dbt,
            may_be_partial=options.partial,
            is_verbose=options.verbose,
        )
    except Stopped:
        raise Stopped("The published database is as it was.") from None
    if options.shop and status == 0:
        print(
            f"They read this database with SEGMENTATION_DATABASE={shlex.quote(str(options.database))}"
        )
    return status
