"""Write the maintenance contract: a service annex, six headings and an appendix, in English and French.

Every figure on it is the result of a query on the published database, which the HTML carries
beside it. Markdown has no charts.

Examples
--------
  python -m customer_segmentation contract --to exports/contract
"""

from __future__ import annotations

import argparse
from pathlib import Path

from customer_segmentation._outputs import write_whole, writing_to
from customer_segmentation.commands._contract import LANGUAGES, markdown, page_as_html
from customer_segmentation.publishing import reading

DEFAULT_FOLDER = "exports/contract"


def write(database: Path, folder: Path) -> list[Path]:
    """Write the four files of the contract.

    Parameters
    ----------
    database : Path
        A published database.
    folder : Path

    Returns
    -------
    list of Path
    """
    with reading(database) as connection:
        texts = {
            folder / f"maintenance_contract.{language}.{extension}": render(connection, language)
            for language in LANGUAGES
            for extension, render in (("md", markdown), ("html", page_as_html))
        }
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        return [write_whole(path, text) for path, text in texts.items()]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--to",
        metavar="FOLDER",
        type=Path,
        default=Path(DEFAULT_FOLDER),
        help="folder (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the contract and name its files."""
    print(*write(options.database, options.to), sep="\n")
    return 0
