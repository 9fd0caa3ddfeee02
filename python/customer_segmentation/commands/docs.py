"""Write the dbt documentation as one page that tells nothing about the machine that made it.

Run as ``python -m customer_segmentation.commands.docs [--to FILE]``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from customer_segmentation.publishing import DEFAULT_RAW_DIR

DEFAULT_PAGE = "target/docs.html"


def main(arguments: list[str] | None = None) -> int:
    """Run ``dbt docs generate --static`` and clean its page.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the command line by default.

    Returns
    -------
    int
        Status of dbt.
    """
    parser = argparse.ArgumentParser(prog="python -m customer_segmentation.commands.docs")
    parser.add_argument("--to", default=DEFAULT_PAGE, help="page (default: %(default)s)")
    options = parser.parse_args(arguments)
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run([str(dbt), "--quiet", "docs", "generate", "--static"], check=False)
    if done.returncode != 0:
        return done.returncode
    target = Path(os.environ.get("DBT_TARGET_PATH") or "target")
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


if __name__ == "__main__":
    sys.exit(main())
