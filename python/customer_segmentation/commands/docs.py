"""Write the dbt documentation as one page that tells nothing about the machine that made it.

Examples
--------
  python -m customer_segmentation docs --to target/docs.html
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from customer_segmentation.publishing import DEFAULT_RAW_DIR, reading, target_folder, vars_of

DEFAULT_PAGE = "target/docs.html"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--to", metavar="FILE", default=DEFAULT_PAGE, help="page (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Run ``dbt docs generate --static`` and clean its page."""
    dbt = Path(sys.executable).with_name("dbt")
    # It reads beside readers; without a database there are no columns to look up, and dbt says so.
    access, vars_ = {}, []
    if Path(options.database).exists():
        access = {"SEGMENTATION_ACCESS_MODE": "read_only"}
        with reading(options.database) as connection:
            whose = vars_of(connection)
        vars_ = ["--vars", json.dumps(whose)] if whose else []
    done = subprocess.run(
        [str(dbt), "--quiet", "docs", "generate", "--static", *vars_],
        env={**access, **os.environ, "SEGMENTATION_DATABASE": str(options.database)},
        check=False,
    )
    if done.returncode != 0:
        return done.returncode
    target = target_folder(os.environ)
    page = Path(options.to)
    page.parent.mkdir(parents=True, exist_ok=True)
    text = (target / "static_index.html").read_text(encoding="utf-8")
    raw_dir = Path(os.environ.get("OLIST_RAW_DIR") or DEFAULT_RAW_DIR)
    page.write_text(without_places(text, raw_dir=raw_dir, target=target), encoding="utf-8")
    print(page)
    return 0


def without_places(text: str, *, raw_dir: Path, target: Path) -> str:
    """Replace the folders of this machine by what they are.

    Parameters
    ----------
    text : str
    raw_dir : Path
        Folder of the raw files; compiled SQL names it.
    target : Path
        Folder of dbt's artifacts; every compiled node names it when it is not the usual one.

    Returns
    -------
    str
    """
    places = {str(raw_dir.resolve()): "raw", str(target.resolve()): "target"}
    places[str(Path.cwd().resolve())] = "."
    places[str(Path.home())] = "~"
    # As written in the settings: `../olist` is a path of this machine too.
    if ".." in raw_dir.parts or raw_dir.is_absolute():
        places[str(raw_dir)] = "raw"
    if target.is_absolute():
        places[str(target)] = "target"
    for place in sorted(places, key=len, reverse=True):
        if len(place) > 1:
            text = text.replace(place + "/", places[place] + "/").replace(
                place + '"', places[place] + '"'
            )
    return text
