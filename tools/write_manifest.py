"""Write the manifest of a folder with the nine files.

Run once against the real set, when the manifest gets a further property::

    python -m tools.write_manifest data/olist

It rewrites ``python/olist/manifest.json``: names, counts and digests, no data.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from olist import files, manifest


def describe_file(path: Path) -> dict[str, Any]:
    """Describe one file for the manifest.

    Parameters
    ----------
    path : Path
        File under its Kaggle name.

    Returns
    -------
    dict
        Keys columns, rows, sha256 (accepted ones), line_end, and digests of blocks of rows.
    """
    lines = manifest.HashedLines(path)
    columns = list(files.FILES[path.name])
    entry: dict[str, Any] = {"columns": columns}
    content = manifest.CONTENT_COLUMNS.get(path.name)
    if content is not None:
        records = list(manifest.content_records(lines, content))
        entry["rows"] = len(records)
        entry["content_columns"] = list(content)
        entry["content_digest"] = manifest.unordered_digest(records)
        entry["column_digests"] = [
            "".join(manifest.column_digests(block)) for block in manifest.blocks(records)
        ]
    else:
        stream = iter(lines)
        header = next(stream)
        entry["line_end"] = "CRLF" if header.endswith(b"\r\n") else "LF"
        entry["rows"] = 0
        entry["block_digests"] = []
        entry["column_digests"] = []
        for block in manifest.blocks(stream):
            entry["rows"] += len(block)
            entry["block_digests"].append(manifest.digest(b"".join(block)))
            entry["column_digests"].append(
                "".join(manifest.column_digests(manifest.parse_lines(block)))
            )
    entry["sha256"] = [lines.sha256.hexdigest()]
    return entry


def describe_folder(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder with the nine files."""
    return {
        "rows_per_block": manifest.ROWS_PER_BLOCK,
        "files": {name: describe_file(folder / name) for name in files.FILES},
    }


def write(described: Mapping[str, Any], target: Path) -> None:
    """Write a manifest, one line per property of a file."""
    lines = ["{", f'"rows_per_block": {described["rows_per_block"]},', '"files": {']
    for name, entry in described["files"].items():
        properties = ",\n".join(
            f"  {json.dumps(key)}: {json.dumps(value, separators=(',', ':'))}"
            for key, value in entry.items()
        )
        lines.append(f"{json.dumps(name)}: {{\n{properties}\n}},")
    lines[-1] = lines[-1].removesuffix(",")
    target.write_text("\n".join([*lines, "}", "}"]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write(describe_folder(Path(sys.argv[1])), Path("python/olist/manifest.json"))
