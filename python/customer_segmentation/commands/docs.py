"""Write the dbt documentation as one page that tells nothing about the machine that made it.

Examples
--------
  python -m customer_segmentation docs --to target/docs.html
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from customer_segmentation._outputs import write_whole, writing_to
from customer_segmentation.publishing import (
    DEFAULT_RAW_DIR,
    CommandError,
    reading,
    target_folder,
    vars_of,
)

DEFAULT_PAGE = "target/docs.html"
# What only Olist's adapter speaks of.
OF_OLIST = re.compile(r"olist|brazil|\bBRL\b|São Paulo|CC BY-NC", re.IGNORECASE)
# Lines of the front page that are of no use for somebody's own orders.
NO_LINE_OF_A_SHOP = re.compile(
    r"^\| `(staging|intermediate)`|^- \*\*(Customer experience|A person is|Payments|The final status|Zip-code|"
    r"September|97 %|Synthetic)"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--to", metavar="FILE", default=DEFAULT_PAGE, help="page (default: %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Run ``dbt docs generate --static`` and clean its page."""
    page = Path(options.to)
    if page.is_dir():
        raise CommandError(
            f"{page} is a folder; name a file with --to, such as {page / 'docs.html'}."
        )
    # Before dbt has worked for it.
    with writing_to(page.parent, another="another file with --to"):
        page.parent.mkdir(parents=True, exist_ok=True)
    dbt = Path(sys.executable).with_name("dbt")
    # It reads beside readers; without a database there are no columns to look up, and dbt says so.
    access, vars_, whose = {}, [], {}
    if Path(options.database).exists():
        access = {"SEGMENTATION_ACCESS_MODE": "read_only"}
        with reading(options.database) as connection:
            whose = vars_of(connection)
        vars_ = ["--vars", json.dumps(whose)] if whose else []
    done = subprocess.run(
        [str(dbt), "--quiet", "docs", "generate", "--static", *vars_],
        env={
            **access,
            **os.environ,
            "SEGMENTATION_DATABASE": str(options.database),
            # dbt reads the project in the encoding of the locale, which may be ASCII.
            "PYTHONUTF8": "1",
        },
        check=False,
    )
    if done.returncode != 0:
        return done.returncode
    target = target_folder(os.environ)
    text = (target / "static_index.html").read_text(encoding="utf-8")
    if whose:
        manifest = (target / "manifest.json").read_text(encoding="utf-8")
        text = text.replace(manifest, json.dumps(of_a_shop(json.loads(manifest))))
    raw_dir = Path(os.environ.get("OLIST_RAW_DIR") or DEFAULT_RAW_DIR)
    with writing_to(page.parent, another="another file with --to"):
        print(write_whole(page, without_places(text, raw_dir=raw_dir, target=target)))
    return 0


def of_a_shop(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return what dbt knows of the project, without what only Olist's adapter is made of.

    Parameters
    ----------
    manifest : dict
        As dbt writes it; it is changed.

    Returns
    -------
    dict
        Models of that adapter and its raw files are not in it, and SQL is shown as it was run.
    """
    manifest["disabled"] = {}
    gone = {
        name
        for name, source in manifest["sources"].items()
        if "adapters/olist/" in source["original_file_path"]
    }
    gone |= {
        name
        for name, node in manifest["nodes"].items()
        if any(parent in gone for parent in node.get("depends_on", {}).get("nodes", []))
        or (node.get("resource_type") == "test" and OF_OLIST.search(json.dumps(node)))
    }
    for part in ("sources", "nodes", "parent_map", "child_map"):
        manifest[part] = {
            name: one for name, one in manifest.get(part, {}).items() if name not in gone
        }
    for part in ("parent_map", "child_map", "group_map"):
        for name, others in manifest.get(part, {}).items():
            manifest[part][name] = [other for other in others if other not in gone]
    for node in manifest["nodes"].values():
        node["unrendered_config"] = {}
        if OF_OLIST.search(node.get("raw_code") or ""):
            node["raw_code"] = node.get("compiled_code") or ""
        for part in ("raw_code", "compiled_code"):
            if OF_OLIST.search(node.get(part) or ""):
                node[part] = ""
    for macro in manifest["macros"].values():
        for part in ("macro_sql", "description"):
            if OF_OLIST.search(macro.get(part) or ""):
                macro[part] = ""
    for doc in manifest["docs"].values():
        lines = doc["block_contents"].splitlines()
        doc["block_contents"] = "\n".join(
            line
            for line in lines
            if not NO_LINE_OF_A_SHOP.search(line) and not OF_OLIST.search(line)
        )
    return manifest


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
