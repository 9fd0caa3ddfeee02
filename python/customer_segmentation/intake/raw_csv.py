"""What a delimited text file is really like: compression, encoding, line ends, delimiter, header.

A file is read once, in pieces that end where a line ends, with methods of bytes and numpy; only the first records are
parsed. Files with carriage returns are read a second time, and a third one when quotes are out of place.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from customer_segmentation.intake.raw_text import (
    BYTE_ORDER_MARK,
    CARRIAGE_RETURN,
    LINE_FEED,
    DamagedTextError,
    LineEnds,
    RawFileError,
    Scan,
    from_windows_1252,
    judge_line_ends,
    marked_pieces,
    recognise,
    text_pieces,
    without_marks,
)

# The header and the first records are looked for in so much of the text.
HEAD_BYTES = 1 << 18
# So many records after the header must not all have another number of values than it.
COMPARED_RECORDS = 20
# A header that does not begin the file is looked for in so many lines.
SEARCHED_LINES = 20
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
QUOTES = ('"', "'")
# What is tried where the columns are not known, the most usual first; databases write \" for a quote within.
QUOTES_AND_ESCAPES = (('"', '"'), ('"', "\\"), ("'", "'"))
GUESSED_RECORDS = 500
PLAIN = LineEnds()


@dataclass(frozen=True)
class CsvFile:
    """How to read one delimited text file.

    Attributes
    ----------
    path : Path
    compression : {"none", "gzip"}
    encoding : str
        Name of Python's codec.
    delimiter, quote : str
    header : tuple of str
        Names of the columns, as written.
    line_ends : LineEnds
        Of several kinds outside quotes all become line feeds; those inside quotes stay.
    has_inner_marks : bool
        Lines begin with byte-order marks.
    may_have_offsets : bool
        Something looks like a time with an offset from UTC.
    escape : str
        What stands before a quote that is a letter; looked for where the columns are not known.
    skipped_lines : int
        Above the header; looked for where the columns are not known.
    """

    path: Path
    compression: str
    encoding: str
    delimiter: str
    quote: str
    header: tuple[str, ...]
    line_ends: LineEnds = PLAIN
    has_inner_marks: bool = False
    may_have_offsets: bool = False
    escape: str = '"'
    skipped_lines: int = 0

    @property
    def needs_copy(self) -> bool:
        """Whether DuckDB must be given a copy in UTF-8 with one kind of line end."""
        return self.encoding != "utf-8" or self.line_ends != PLAIN or self.has_inner_marks

    @property
    def notes(self) -> tuple[str, ...]:
        """What is unusual about the file and was understood, as clauses."""
        encoding = {"cp1252": "Windows-1252 (Latin-1)"}.get(self.encoding, self.encoding.upper())
        found = {
            f"its encoding is {encoding}, not UTF-8": self.encoding != "utf-8",
            f"its values are separated by {DELIMITERS[self.delimiter]}": self.delimiter != ",",
            f"its quotes are {self.quote}": self.quote != '"',
            "its line ends are of several kinds, or carriage returns": not self.line_ends.is_one_kind,
            "a quote in it is not closed, or stands within a value": self.line_ends.stand_in != "",
            "lines in it begin with a byte-order mark": self.has_inner_marks,
        }
        return tuple(note for note, is_so in found.items() if is_so)


def look(
    path: Path, *, needed: Sequence[str], has_times: bool = False, may_be_empty: bool = False
) -> CsvFile:
    """Find out how a file must be read.

    Parameters
    ----------
    path : Path
        A regular file.
    needed : sequence of str
        Columns that its header should have; they tell delimiter and quotes.
    has_times : bool
        Whether offsets from UTC are looked for.
    may_be_empty : bool
        Whether a header without rows is right.

    Returns
    -------
    CsvFile
        The header may lack needed columns; :func:`find_columns` says so.

    Raises
    ------
    RawFileError
        If it is not such a file, or damaged.
    """
    compression, encoding, head, scan = scan_text(path, has_times=has_times)
    if encoding == "utf-8" and scan.is_windows_1252():
        encoding = "cp1252"
    delimiter, quote, header = read_head(
        head, needed=needed, is_whole=scan.size == len(head), may_be_empty=may_be_empty
    )
    return CsvFile(
        path=path,
        compression=compression,
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        header=header,
        line_ends=_line_ends(path, scan, compression, encoding, quote, delimiter),
        has_inner_marks=scan.has_inner_marks,
        may_have_offsets=scan.may_have_offsets,
    )


def look_at_any(path: Path) -> CsvFile:
    """Find out how a file must be read whose columns are not known.

    Parameters
    ----------
    path : Path
        A regular file.

    Returns
    -------
    CsvFile
        Lines above the header are counted in ``skipped_lines``; the file may have a header and no rows.

    Raises
    ------
    RawFileError
        If it is not such a file, or damaged.
    """
    compression, encoding, head, scan = scan_text(path)
    if encoding == "utf-8" and scan.other_bytes:
        if not scan.has_letters_of_windows_1252():
            raise RawFileError(
                "the file is neither UTF-8, UTF-16 nor Windows-1252, or a mixture of them; save it as CSV UTF-8"
            )
        encoding = "cp1252"
    said = from_windows_1252(head) if encoding == "cp1252" else head
    delimiter, quote, escape, header, skipped = guess_head(said, is_whole=scan.size == len(head))
    return CsvFile(
        path=path,
        compression=compression,
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        header=header,
        line_ends=_line_ends(path, scan, compression, encoding, quote, delimiter),
        has_inner_marks=scan.has_inner_marks,
        escape=escape,
        skipped_lines=skipped,
    )


def _line_ends(
    path: Path, scan: Scan, compression: str, encoding: str, quote: str, delimiter: str
) -> LineEnds:
    if not scan.has_returns:
        return PLAIN
    return judge_line_ends(
        lambda: text_pieces(path, compression=compression, encoding=encoding),
        quote=quote,
        delimiter=delimiter,
    )


def scan_text(path: Path, *, has_times: bool = False) -> tuple[str, str, bytes, Scan]:
    """Read a text once.

    Returns
    -------
    compression, encoding : str
        As `recognise` tells them.
    head : bytes
        Its first lines.
    scan : Scan

    Raises
    ------
    RawFileError
        If it is no text, or damaged.
    """
    compression, encoding = recognise(path)
    scan = Scan(has_times=has_times)
    head = b""
    try:
        for piece in text_pieces(path, compression=compression, encoding=encoding):
            head += piece[: HEAD_BYTES - len(head)]
            scan.take(piece)
    except DamagedTextError as error:
        raise RawFileError(str(error).format(line=f"{scan.feeds:,}")) from None
    if not head.lstrip(BYTE_ORDER_MARK).strip():
        raise RawFileError("the file has no text; get the file again")
    if head.lstrip(BYTE_ORDER_MARK).lstrip().startswith(b"<"):
        raise RawFileError(
            "the file is a web page, not a table; the download failed, get the file again"
        )
    return compression, encoding, head, scan


def guess_head(head: bytes, *, is_whole: bool) -> tuple[str, str, str, tuple[str, ...], int]:
    """Tell how a table is written whose columns are not known: as most of its first records have one width.

    Parameters
    ----------
    head : bytes
        First lines, in UTF-8.
    is_whole : bool
        Whether the file has nothing more.

    Returns
    -------
    delimiter, quote, escape : str
    header : tuple of str
        Names as written; a last one that is empty stands for a delimiter at the end of every row.
    skipped_lines : int
        Above the header: a title, or what else has values in less than half of the columns.

    Raises
    ------
    RawFileError
        If the file is JSON, or the header has another number of names than the records have values.
    """
    text = head.lstrip(BYTE_ORDER_MARK).decode(errors="replace")
    if text.lstrip().startswith(("[{", '{"')):
        raise RawFileError("the file is JSON, not a table; export it as CSV or Parquet")
    ways = []
    for quote, escape in QUOTES_AND_ESCAPES:
        for delimiter in DELIMITERS:
            found = numbered_records(text, delimiter, quote, escape)
            # The last record may be cut off with the head.
            found = found if is_whole or len(found) < 2 else found[:-1]
            widths = Counter(len(record) for _, record in found)
            width, times = max(widths.items(), key=lambda pair: (pair[1], pair[0]))
            ways.append(((width > 1, times / len(found), width), delimiter, quote, escape, found))
    (_, _, width), delimiter, quote, escape, found = max(ways, key=lambda way: way[0])
    while len(found) > 1 and 2 * sum(map(bool, map(str.strip, found[0][1]))) < width:
        found = found[1:]
    (skipped, header), following = found[0], [record for _, record in found[1:]]
    if len(header) == width - 1 and not any(
        record[-1] for record in following if len(record) == width
    ):
        header = [*header, ""]
    if following and len(header) != width:
        raise RawFileError(
            f"the file has {len(header)} columns in its header and {width} values in the records after it; "
            "give every column a name, separated as the values are"
        )
    return delimiter, quote, escape, tuple(header), skipped


def numbered_records(
    text: str, delimiter: str, quote: str, escape: str
) -> list[tuple[int, list[str]]]:
    """Return the first records of a text that are not blank, each with the number of lines before it."""
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quotechar=quote,
        doublequote=escape == quote,
        escapechar=None if escape == quote else escape,
    )
    found: list[tuple[int, list[str]]] = []
    before = 0
    with contextlib.suppress(csv.Error):
        for record in reader:
            if any(value.strip() for value in record):
                found.append((before, record))
            before = reader.line_num
            if len(found) == GUESSED_RECORDS:
                break
    return found or [(0, [text])]


def read_head(
    head: bytes, *, needed: Sequence[str], is_whole: bool, may_be_empty: bool = False
) -> tuple[str, str, tuple[str, ...]]:
    """Tell delimiter, quotes and header from the first records.

    Parameters
    ----------
    head : bytes
        First lines, in UTF-8 or an encoding that has ASCII.
    needed : sequence of str
        Columns that the header should have.
    is_whole : bool
        Whether the file has nothing more.
    may_be_empty : bool
        Whether a header without rows is right.

    Returns
    -------
    delimiter, quote : str
    header : tuple of str

    Raises
    ------
    RawFileError
        If the header is elsewhere, or the records have another number of values, or there are none.
    """
    text = head.lstrip(BYTE_ORDER_MARK).decode(errors="replace")
    tried = [(delimiter, quote) for quote in QUOTES for delimiter in DELIMITERS]
    delimiter, quote = max(
        tried, key=lambda pair: count_found(records(text, *pair, count=1), needed)
    )
    if quote == '"' and is_quoted(records(text, delimiter, quote, count=COMPARED_RECORDS + 1)[1:]):
        quote = "'"
    first, *following = records(text, delimiter, quote, count=COMPARED_RECORDS + 2) or [[]]
    header_line = find_header(text, needed)
    if header_line > 1:
        raise RawFileError(
            f"the file has its header in line {header_line}; delete what is above it"
        )
    if count_found([first], needed) < len(needed):
        return delimiter, quote, tuple(first)
    if is_whole and not following and not may_be_empty:
        raise RawFileError("the file has a header and no rows; get the file again")
    # The last record may be cut off with the head.
    compared = following if is_whole else following[:-1]
    widths = {len(record) for record in compared}
    if widths and len(first) not in widths:
        raise RawFileError(
            f"the file has {len(first)} columns in its header and {len(compared[0])} values in the record after it; "
            "give every column a name, separated as the values are"
        )
    return delimiter, quote, tuple(first)


def find_header(text: str, needed: Sequence[str]) -> int:
    """Return the number of the first line, from 1, that has all needed columns; 0 if none of the first lines has."""
    wanted = {plain_name(name) for name in needed}
    lines = re.split("\r\n|\n|\r", text, maxsplit=SEARCHED_LINES)[:SEARCHED_LINES]
    for number, line in enumerate(lines, start=1):
        values = re.split("|".join(map(re.escape, DELIMITERS)), re.sub("[\"']", "", line))
        if wanted <= {plain_name(value) for value in values}:
            return number
    return 0


def records(text: str, delimiter: str, quote: str, *, count: int) -> list[list[str]]:
    """Return the first records of a text that are not blank, as far as they can be split."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote)
    found: list[list[str]] = []
    # A quote that is opened and not closed may swallow more than a value may hold; the rows are judged later.
    with contextlib.suppress(csv.Error):
        found.extend(islice((record for record in reader if any(record)), count))
    return found


def is_quoted(rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether most rows have a value in single quotes."""
    quoted = [any(re.fullmatch("'[^']*'", value) for value in row) for row in rows]
    return len(quoted) > 0 and sum(quoted) > len(quoted) / 2


def plain_name(name: str) -> str:
    """Return a column's name as it is compared: capitals, blanks around it and byte-order marks do not count."""
    return name.replace("\ufeff", "").replace("\xa0", " ").strip().strip('"').strip().lower()


def count_found(rows: Sequence[Sequence[str]], needed: Sequence[str]) -> int:
    """Count the needed columns in the first of some records."""
    names = {plain_name(name) for name in (rows[0] if rows else ())}
    return sum(plain_name(name) in names for name in needed)


def find_columns(header: Sequence[str], needed: Sequence[str]) -> dict[str, int]:
    """Find the needed columns in a header.

    Parameters
    ----------
    header : sequence of str
        Names as written.
    needed : sequence of str

    Returns
    -------
    dict of str to int
        Position of each needed column, from 0.

    Raises
    ------
    RawFileError
        If one is missing, or there twice.
    """
    names = [plain_name(name) for name in header]
    missing = [name for name in needed if plain_name(name) not in names]
    if missing:
        wanted = {plain_name(name) for name in needed}
        others = [
            name.strip() for name in header if plain_name(name) not in wanted and plain_name(name)
        ]
        if len(missing) == len(needed):
            start = ", ".join(header)[:200]
            raise RawFileError(
                f"no column {', '.join(missing)}; its first line is: {start}. If that is a row, write the header "
                f"above it: {','.join(needed)}"
            )
        instead = f"; new column {', '.join(others)}" if others else ""
        raise RawFileError(
            f"no column {', '.join(missing)}{instead}; its header has {', '.join(header)}. Give the column its "
            "name in line 1, or get the file again"
        )
    for name in needed:
        places = [i for i, found in enumerate(names, start=1) if found == plain_name(name)]
        if len(places) > 1:
            raise RawFileError(
                f"column {name} is there {len(places)} times (columns {' and '.join(map(str, places))}); "
                "which one counts cannot be told, delete the others or give them other names"
            )
    return {name: names.index(plain_name(name)) for name in needed}


def write_copy(file: CsvFile, target: Path) -> None:
    """Write a file in UTF-8, without compression, with line feeds as line ends.

    Parameters
    ----------
    file : CsvFile
        With a quote out of place DuckDB goes on in the middle of values, and there a carriage return
        makes it lose its way: those within quotes become the stand-in, for whoever reads to turn back.
    target : Path
        Is replaced.
    """
    stand_in = file.line_ends.stand_in
    pieces = map(
        without_marks,
        text_pieces(file.path, compression=file.compression, encoding=file.encoding),
    )
    with target.open("wb") as copy:
        if file.line_ends == PLAIN:
            copy.writelines(pieces)
            return
        for piece, marks in marked_pieces(
            pieces, quote=file.quote, delimiter=file.delimiter, is_sound=not stand_in
        ):
            bytes_ = np.frombuffer(piece, dtype=np.uint8).copy()
            if stand_in:
                bytes_[bytes_ == CARRIAGE_RETURN] = ord(stand_in)
            bytes_[marks.returns[~marks.is_before_end]] = LINE_FEED
            copy.write(np.delete(bytes_, marks.returns[marks.is_before_end]).tobytes())
