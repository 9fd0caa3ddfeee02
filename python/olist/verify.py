"""Compare a folder with the manifest of the real set, and say where it differs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from tqdm import tqdm

from olist import files
from olist import manifest as manifests

MOST_LINES_NAMED = 5
LINE_ENDS = {"LF": b"\n", "CRLF": b"\r\n"}
FETCH_AGAIN = "fetch it again: make data"
IDENTIFIER = re.compile(r"[0-9a-f]{32}")
ZIP_PREFIX = re.compile(r"\d{5}")
STATE = re.compile(r"[A-Z]{2}")
NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)?")
SHAPES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        r"order_item_id|price|freight_value|payment_(sequential|installments|value)",
        NUMBER,
        "a number",
    ),
    (r"review_score|.*_(lat|lng)", NUMBER, "a number"),
    (r".*_id", IDENTIFIER, "an identifier of 32 hexadecimal digits"),
    (r".*_zip_code_prefix", ZIP_PREFIX, "five digits (a spreadsheet drops the leading zero)"),
    (r".*_state", STATE, "two capital letters"),
    (r".*_(date|timestamp|at)", MOMENT, "a time like 2017-10-02 10:56:33"),
)
"""Columns by name, the shape of their values, and the shape in words; the first that fits rules."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong: where, what, and how to mend it."""

    file: str
    message: str
    remedy: str = FETCH_AGAIN

    def __str__(self) -> str:
        return f"{self.file}: {self.message}; {self.remedy}"


@dataclass
class Report:
    """What a verification found."""

    folder: Path
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_real(self) -> bool:
        """Whether the folder holds the real set."""
        return not self.problems


def shape_of(column: str) -> tuple[re.Pattern[str], str] | None:
    """Return the pattern a column's values follow, and its name in words."""
    for names, pattern, wording in SHAPES:
        if re.fullmatch(names, column):
            return pattern, wording
    return None


def check_header(name: str, found: Sequence[str], expected: Sequence[str]) -> list[Problem]:
    """Compare the columns of a file with the expected ones.

    Parameters
    ----------
    name : str
        Name of the file.
    found, expected : sequence of str
        Column names.

    Returns
    -------
    list of Problem
        One per missing, renamed or extra column, or one for the order.
    """
    missing = [column for column in expected if column not in found]
    extra = [column for column in found if column not in expected]
    problems = []
    for column in list(missing):
        position = expected.index(column)
        if position < len(found) and found[position] in extra:
            instead = found[position]
            problems.append(
                Problem(name, f"column {column} is called {instead!r}", f"rename it to {column}")
            )
            missing.remove(column)
            extra.remove(instead)
    problems += [Problem(name, f"column {column} is missing") for column in missing]
    problems += [
        Problem(name, f"column {column!r} is not of the set", "remove it, or fetch the file again")
        for column in extra
    ]
    if not problems and list(found) != list(expected):
        problems.append(
            Problem(
                name,
                f"columns are in the order {', '.join(found)}",
                f"the order is {', '.join(expected)}",
            )
        )
    return problems


def check_rows(
    name: str, lines: Sequence[bytes], *, first_row: int, columns: Sequence[str]
) -> tuple[list[list[str]] | None, list[Problem]]:
    """Look for rows of a differing block that are wrong by themselves.

    Parameters
    ----------
    name : str
        Name of the file.
    lines : sequence of bytes
        Physical lines of the block.
    first_row : int
        Number of the first of them, not counting the header, from 1.
    columns : sequence of str
        Expected columns.

    Returns
    -------
    rows : list of list of str, or None
        The fields, if every row has as many as there are columns.
    problems : list of Problem
        One per row with too few or too many fields, or per value of the wrong shape.
    """
    problems = []
    rows = [manifests.split_line(line) for line in lines]
    whole = True
    for offset, row in enumerate(rows):
        if len(row) != len(columns):
            whole = False
            where = f"row {first_row + offset:,} (line {first_row + offset + 1:,})"
            problems.append(
                Problem(name, f"{where} has {len(row)} fields instead of {len(columns)}")
            )
    if not whole:
        return None, problems
    for position, column in enumerate(columns):
        shape = shape_of(column)
        if shape is None:
            continue
        pattern, wording = shape
        for offset, row in enumerate(rows):
            if not pattern.fullmatch(row[position]):
                where = f"row {first_row + offset:,} (line {first_row + offset + 1:,})"
                problems.append(
                    Problem(name, f"{where}, column {column}: {row[position]!r} is not {wording}")
                )
    return rows, problems


def shortened(problems: list[Problem]) -> list[Problem]:
    """Keep the first few of many problems of one kind, and count the rest."""
    if len(problems) <= MOST_LINES_NAMED:
        return problems
    rest = len(problems) - MOST_LINES_NAMED
    return [
        *problems[:MOST_LINES_NAMED],
        Problem(problems[0].file, f"and {rest:,} more of this kind"),
    ]


def split_digests(joined: str) -> list[str]:
    """Split the digests of the columns of a block."""
    width = manifests.COLUMN_DIGITS
    return [joined[start : start + width] for start in range(0, len(joined), width)]


def differing_columns(
    rows: Sequence[Sequence[str]] | None, expected: str, columns: Sequence[str]
) -> tuple[str, ...]:
    """Return the columns of a block whose digest differs; none if the rows have no columns."""
    if rows is None:
        return ()
    found = manifests.column_digests(rows)
    known = split_digests(expected)
    return tuple(column for column, a, b in zip(columns, found, known, strict=False) if a != b)


def describe_differences(
    name: str, differing: Sequence[tuple[int, tuple[str, ...]]], rows: int
) -> list[Problem]:
    """Join neighbouring blocks that differ in the same columns into ranges of rows.

    Parameters
    ----------
    name : str
        Name of the file.
    differing : sequence of (int, tuple of str)
        Number of each differing block, and its differing columns.
    rows : int
        Rows of the file, the end of the last range.

    Returns
    -------
    list of Problem
        One per range.
    """
    size = manifests.ROWS_PER_BLOCK
    problems = []
    ranges = groupby(enumerate(differing), key=lambda pair: (pair[1][0] - pair[0], pair[1][1]))
    for (_, columns), members in ranges:
        numbers = [number for _, (number, _) in members]
        first, last = numbers[0] * size + 1, min((numbers[-1] + 1) * size, rows)
        where = f"rows {first:,}-{last:,} differ from the real set"
        if columns:
            where = f"{where} in column {', '.join(columns)}"
        problems.append(Problem(name, where))
    return shortened(problems)


def check_count(name: str, found: int, expected: int) -> list[Problem]:
    """Compare the number of rows."""
    if found == expected:
        return []
    amount = f"{abs(found - expected):,} {'too many' if found > expected else 'missing'}"
    return [Problem(name, f"{found:,} rows instead of {expected:,} ({amount})")]


def check_plain_file(path: Path, entry: Mapping[str, Any]) -> list[Problem]:
    """Compare a file without line breaks inside quotes with its entry in the manifest.

    The file is read once: its checksum and the digests of its blocks are taken together, and only
    blocks that differ are looked into.

    Parameters
    ----------
    path : Path
        The file.
    entry : mapping
        From the manifest.

    Returns
    -------
    list of Problem
        Empty if the file is the real one.
    """
    name = path.name
    columns = entry["columns"]
    lines = manifests.HashedLines(path)
    stream = iter(lines)
    header = next(stream, b"")
    if not header:
        return [Problem(name, "the file is empty")]
    problems = check_header(name, manifests.split_line(header), columns)
    good_header = not problems
    line_end = LINE_ENDS[entry["line_end"]]
    converted = header.endswith(b"\r\n") != (entry["line_end"] == "CRLF")
    if converted:
        message = f"line ends are not {entry['line_end']}: a program has saved the file anew"
        problems.append(Problem(name, message))
    rows = 0
    differing: list[tuple[int, tuple[str, ...]]] = []
    in_rows: list[Problem] = []
    for number, block in enumerate(manifests.blocks(stream)):
        if converted:
            block = [line.rstrip(b"\r\n") + line_end for line in block]
        known = entry["block_digests"][number : number + 1]
        if [manifests.digest(b"".join(block))] != known:
            parsed: list[list[str]] | None = None
            if good_header:
                parsed, wrong = check_rows(name, block, first_row=rows + 1, columns=columns)
                in_rows += wrong
            expected = entry["column_digests"][number] if known else ""
            differing.append((number, differing_columns(parsed, expected, columns)))
        rows += len(block)
    if lines.sha256.hexdigest() in entry["sha256"]:
        return []
    count = check_count(name, rows, entry["rows"])
    problems += count
    problems += shortened(in_rows)
    if count and differing:
        # After a row too many or too few every block differs: only the first says something.
        first = differing[0][0] * manifests.ROWS_PER_BLOCK + 1
        last = min(first + manifests.ROWS_PER_BLOCK - 1, rows)
        problems.append(Problem(name, f"the first difference is in rows {first:,}-{last:,}"))
    elif good_header:
        problems += describe_differences(name, differing, rows)
    if not problems:
        message = "the header has other bytes (quotes or byte-order mark) than the real one"
        problems.append(Problem(name, message))
    return problems


def check_content_file(path: Path, entry: Mapping[str, Any]) -> tuple[list[Problem], list[str]]:
    """Compare the certain columns of a file whose bytes are known in more than one version.

    Parameters
    ----------
    path : Path
        The file of reviews.
    entry : mapping
        From the manifest.

    Returns
    -------
    problems : list of Problem
        Empty if the certain columns agree.
    notes : list of str
        What the check could not see.
    """
    name = path.name
    content = entry["content_columns"]
    lines = manifests.HashedLines(path)
    with path.open("rb") as file:
        header = file.readline()
    if not header:
        return [Problem(name, "the file is empty")], []
    problems = check_header(name, manifests.split_line(header), entry["columns"])
    records = list(manifests.content_records(lines, content))
    known_bytes = lines.sha256.hexdigest() in entry["sha256"]
    agree = f"{', '.join(content)} and the number of rows agree"
    if known_bytes:
        note = (
            f"{name}: {agree}. It is the version this project was built with, not byte for byte "
            "Kaggle's: 60 answer times and 17 creation dates are empty, line ends are LF"
        )
        return [], [note]
    problems += check_count(name, len(records), entry["rows"])
    if not problems and manifests.unordered_digest(records) == entry["content_digest"]:
        note = (
            f"{name}: {agree}. Comments and times were not compared: the checksum of Kaggle's own "
            "file is not in the manifest"
        )
        return [], [note]
    if not problems:
        differing = []
        for number, block in enumerate(manifests.blocks(records)):
            columns = differing_columns(block, entry["column_digests"][number], content)
            if columns:
                differing.append((number, columns))
        problems += describe_differences(name, differing, len(records))
    return problems, []


def verify(
    folder: Path, *, manifest: Mapping[str, Any] | None = None, progress: bool = False
) -> Report:
    """Compare a folder with the manifest.

    Parameters
    ----------
    folder : Path
        Folder with the nine CSV files.
    manifest : mapping, optional
        Other manifest than that of the real set.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Report
        Every problem, not only the first.
    """
    manifest = manifests.load() if manifest is None else manifest
    report = Report(folder)
    if not folder.is_dir():
        report.problems.append(
            Problem(str(folder), "no such folder", "make data puts the real set into data/olist")
        )
        return report
    if (folder / files.SYNTHETIC_MARKER).exists():
        report.problems.append(
            Problem(
                files.SYNTHETIC_MARKER,
                "the folder is a synthetic sample, not the real set",
                "make data fetches the real one",
            )
        )
    names = {path.name for path in folder.iterdir() if path.suffix.lower() == ".csv"}
    report.problems += [
        Problem(name, "not one of the nine files", "rename or remove it")
        for name in sorted(names - set(manifest["files"]))
    ]
    present = tqdm(
        manifest["files"].items(), desc="verify", unit="file", disable=not progress, leave=False
    )
    for name, entry in present:
        path = folder / name
        if name not in names:
            report.problems.append(Problem(name, f"not in {folder}"))
        elif "content_columns" in entry:
            problems, notes = check_content_file(path, entry)
            report.problems += problems
            report.notes += notes
        else:
            report.problems += check_plain_file(path, entry)
    return report


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_real(folder: str | Path, *, manifest: Mapping[str, Any] | None = None) -> bool:
    """Tell quickly whether a folder holds the real set.

    Parameters
    ----------
    folder : str or Path
        Folder to look into; it need not exist.
    manifest : mapping, optional
        Other manifest than that of the real set.

    Returns
    -------
    bool
        True if the nine files are there with an accepted checksum; for the reviews agreement of
        identifiers and scores is enough.
    """
    folder = Path(folder)
    manifest = manifests.load() if manifest is None else manifest

    def accepted(entries: Iterable[tuple[str, Mapping[str, Any]]]) -> bool:
        for name, entry in entries:
            path = folder / name
            if sha256_of(path) in entry["sha256"]:
                continue
            if "content_columns" not in entry or check_content_file(path, entry)[0]:
                return False
        return True

    return all((folder / name).is_file() for name in manifest["files"]) and accepted(
        manifest["files"].items()
    )
