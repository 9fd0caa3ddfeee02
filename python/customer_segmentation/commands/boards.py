"""Render the boards in charts/ from the published database, as HTML pages and PNG pictures, or as PDF.

dbt Charts draws them (`make boards` installs it). There is one page for each segment; a board whose
tables the database does not have is left out, and named. The French pages go to the folder fr beside
the English ones. With --serve, a live board is served to this machine instead, in both languages: as-of date,
segment and state to choose, and the customers behind the numbers.

Examples
--------
  python -m customer_segmentation boards
  python -m customer_segmentation boards overview evolution --format png --to exports
  python -m customer_segmentation boards --language fr --format pdf
  python -m customer_segmentation boards --serve --port 8765
"""

from __future__ import annotations

import argparse
from pathlib import Path

from customer_segmentation.boards import FORMATS, LANGUAGES, USUAL_FORMATS, render, serve

DEFAULT_FOLDER = "boards"
DEFAULT_PORT = 8765


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "boards", nargs="*", metavar="BOARD", help="its name (default: all of them)"
    )
    parser.add_argument(
        "--to", metavar="FOLDER", default=DEFAULT_FOLDER, help="folder (default: %(default)s)"
    )
    parser.add_argument("--format", choices=FORMATS, help="only this one (default: html and png)")
    parser.add_argument("--language", choices=LANGUAGES, help="only this one (default: both)")
    parser.add_argument("--serve", action="store_true", help="a live board, at 127.0.0.1")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="of the live board (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Render the boards, those whose tables are missing named and left out, or serve the live one."""
    if options.serve:
        return serve(
            options.database,
            port=options.port,
            languages=[options.language] if options.language else LANGUAGES,
        )
    render(
        options.database,
        Path(options.to),
        boards=options.boards,
        formats=[options.format] if options.format else USUAL_FORMATS,
        languages=[options.language] if options.language else LANGUAGES,
    )
    return 0
