"""The manifest of the real set: what every file looks like, finely enough to locate a difference.

``manifest.json`` was written by ``tools/write_manifest.py`` from the real files. It holds names, counts and
digests, no data. The file of reviews it was written from is not byte for byte Kaggle's (some empty
time stamps, LF for CRLF, a few blank lines lost), so for that file the manifest holds what the two
have in common: identifiers and scores.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

from olist import files

ROWS_PER_BLOCK = 1_000
BLOCK_DIGITS = 16
COLUMN_DIGITS = 6
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
CONTENT_COLUMNS: Mapping[str, tuple[str, ...]] = {
    files.ORDER_REVIEWS: ("review_id", "order_id", "review_score")
}
"""Files of which only these columns are certain; the rest may differ from the manifest's."""


@cache
def load() -> dict[str, Any]:
    """Read the manifest of the real set."""
    text = resources.files(__package__).joinpath("manifest.json").read_text(encoding="utf-8")
    return json.loads(text)


def digest(data: bytes, digits: int = BLOCK_DIGITS) -> str:
    """Return a short hexadecimal digest: enough to locate a change, no proof of identity."""
    return hashlib.sha256(data).hexdigest()[:digits]


def column_digests(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return one short digest per column of rows of equal length."""
    return [digest("\n".join(column).encode(), COLUMN_DIGITS) for column in zip(*rows, strict=True)]


def blocks(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield lists of up to a thousand items."""
    iterator = iter(items)
    while block := list(islice(iterator, ROWS_PER_BLOCK)):
        yield block


def split_line(line: bytes) -> list[str]:
    """Return the fields of one physical line, without byte-order mark."""
    text = line.removeprefix(BYTE_ORDER_MARK).decode("utf-8", errors="replace")
    return next(csv.reader([text.rstrip("\r\n")]), [])


def parse_lines(lines: Sequence[bytes]) -> list[list[str]]:
    """Return the fields of physical lines that have no line break inside quotes."""
    text = b"".join(lines).decode("utf-8", errors="replace")
    return list(csv.reader(io.StringIO(text, newline="")))


class HashedLines:
    """Iterates over the lines of a file and hashes them on the way: one reading serves both."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sha256 = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while lines := list(islice(file, ROWS_PER_BLOCK)):
                self.sha256.update(b"".join(lines))
                yield from lines


def content_records(lines: Iterable[bytes], columns: Sequence[str]) -> Iterator[list[str]]:
    """Yield the chosen fields of the records of a file with line breaks inside quotes.

    Parameters
    ----------
    lines : iterable of bytes
        Physical lines, the header first.
    columns : sequence of str
        Names of the fields wanted.

    Yields
    ------
    list of str
        The fields in the order of ``columns``; empty text where a record is too short.
    """
    reader = csv.reader(line.decode("utf-8", errors="replace") for line in lines)
    header = [name.removeprefix("\ufeff") for name in next(reader, [])]
    positions = [header.index(name) if name in header else len(header) for name in columns]
    for record in reader:
        yield [record[position] if position < len(record) else "" for position in positions]


def unordered_digest(records: Iterable[Sequence[str]]) -> str:
    """Return a digest that does not depend on the order of the records."""
    total = 0
    for record in records:
        hashed = hashlib.blake2b("\n".join(record).encode(), digest_size=16).digest()
        total = (total + int.from_bytes(hashed)) % (1 << 128)
    return f"{total:032x}"
