"""What a delimited text file is really like: compression, encoding, line ends, delimiter, header.

A file is read once, in pieces that end where a line ends, with methods of bytes and numpy; only the first records are
parsed. Files whose line ends are of several kinds are read a second time.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

PIECE_BYTES = 1 << 20
LONGEST_LINE_BYTES = 1 << 25
# The header and the first records are looked for in so much of the text.
HEAD_BYTES = 1 << 18
# So many records after the header must not all have another number of values than it.
COMPARED_RECORDS = 20
# A header that does not begin the file is looked for in so many lines.
SEARCHED_LINES = 20
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
QUOTES = ('"', "'")
BYTE_ORDER_MARK = codecs.BOM_UTF8
LINE_FEED, CARRIAGE_RETURN, COLON = b"\n\r:"

# A file is taken for Windows-1252 when so many of its lines are not UTF-8 (or so large a share, and more than one),
# next to nothing in it is, and most of the bytes in question are letters of western European languages. Fewer lines
# are damaged rows.
LINES_OF_ANOTHER_ENCODING = 10
SHARE_OF_ANOTHER_ENCODING = 0.01
LARGEST_UTF8_SHARE = 0.02
SMALLEST_LETTER_SHARE = 0.75
LETTERS = np.zeros(256, dtype=bool)
LETTERS[list("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöùúûüªº".encode("latin-1"))] = True

# What a file begins with that is no text, and what to do.
SIGNATURES = {
    b"PK\x03\x04": "a zip archive or an Excel workbook; unzip it, or save the sheet as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save the sheet as CSV UTF-8",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it, or compress it with gzip",
    b"BZh": "compressed with bzip2; unpack it, or compress it with gzip",
    b"\xfd7zXZ\x00": "compressed with xz; unpack it, or compress it with gzip",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it",
    b"SQLite format 3\x00": "an SQLite database; export its table as CSV",
    b"%PDF": "a PDF document; get the CSV itself",
    b"ARROW1": "an Arrow file; write it as Parquet or CSV",
    b"version https://git-lfs": "the pointer of a file that Git LFS keeps; run `git lfs pull`",
}
UTF16 = ("utf-16-le", "utf-16-be")
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# A day and a time, with an offset from UTC or a fraction of a second: 02 10:56:33-03:00, 02T10:56Z, 02 10:56:33.5.
OFFSET = re.compile(rb"-\d\d?[T ]\d\d?:\d\d(:\d\d)?( ?[-+]\d|Z| [A-Z]|\.\d)")
OFFSET_BEFORE, OFFSET_AFTER = 12, 8
IS_AFTER_TIME = np.zeros(256, dtype=bool)
IS_AFTER_TIME[list(b"+-Z .")] = True


class RawFileError(Exception):
    """A raw file that cannot be read as it is; the message is a sentence that the file's name and a colon precede."""


class DamagedTextError(Exception):
    """A text that cannot be read on; the message has a place for the number of the last whole line."""


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
    line_ends : {"one kind", "outside quotes", "everywhere"}
        What must become one kind of line end: nothing, those outside quotes, or (as quotes are not balanced) all.
    has_inner_marks : bool
        Lines begin with byte-order marks.
    may_have_offsets : bool
        Something looks like a time with an offset from UTC.
    """

    path: Path
    compression: str
    encoding: str
    delimiter: str
    quote: str
    header: tuple[str, ...]
    line_ends: str = "one kind"
    has_inner_marks: bool = False
    may_have_offsets: bool = False

    @property
    def needs_copy(self) -> bool:
        """Whether DuckDB must be given a copy in UTF-8 with one kind of line end."""
        return self.encoding != "utf-8" or self.line_ends != "one kind" or self.has_inner_marks

    @property
    def notes(self) -> tuple[str, ...]:
        """What is unusual about the file and was understood, as clauses."""
        encoding = {"cp1252": "Windows-1252 (Latin-1)"}.get(self.encoding, self.encoding.upper())
        found = {
            f"its encoding is {encoding}, not UTF-8": self.encoding != "utf-8",
            f"its values are separated by {DELIMITERS[self.delimiter]}": self.delimiter != ",",
            f"its quotes are {self.quote}": self.quote != '"',
            "its line ends are of several kinds, or carriage returns": self.line_ends != "one kind",
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
    compression, encoding = recognise(path)
    scan = Scan(has_times=has_times)
    head = b""
    try:
        for piece in text_pieces(path, compression=compression, encoding=encoding):
            head = head or piece[:HEAD_BYTES]
            scan.take(piece)
    except DamagedTextError as error:
        raise RawFileError(str(error).format(line=f"{scan.feeds:,}")) from None
    if encoding == "utf-8" and scan.is_windows_1252():
        encoding = "cp1252"
    if not head.lstrip(BYTE_ORDER_MARK).strip():
        raise RawFileError("the file has no text; get the file again")
    if head.lstrip(BYTE_ORDER_MARK).lstrip().startswith(b"<"):
        raise RawFileError(
            "the file is a web page, not a table; the download failed, get the file again"
        )
    delimiter, quote, header = read_head(
        head, needed=needed, is_whole=scan.size == len(head), may_be_empty=may_be_empty
    )
    line_ends = "one kind"
    if scan.has_several_line_ends():
        line_ends = judge_line_ends(
            text_pieces(path, compression=compression, encoding=encoding), quote=quote
        )
    return CsvFile(
        path=path,
        compression=compression,
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        header=header,
        line_ends=line_ends,
        has_inner_marks=scan.has_inner_marks,
        may_have_offsets=scan.may_have_offsets,
    )


def recognise(path: Path) -> tuple[str, str]:
    """Tell compression and encoding from a file's first bytes; Windows-1252 looks like UTF-8 here."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise RawFileError("the file is empty (0 bytes); get the file again")
    compression = "gzip" if head.startswith(b"\x1f\x8b") else "none"
    if compression == "gzip":
        with open_text(path, compression) as stream:
            head = stream.read(4096)
    for signature, kind in SIGNATURES.items():
        if head.startswith(signature):
            raise RawFileError(f"the file is {kind}")
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return compression, encoding
    # UTF-16 without a mark: every other byte of plain letters is zero.
    for first, encoding in zip((1, 0), UTF16, strict=True):
        zeros, letters = head[first::2], head[1 - first :: 2]
        if len(letters) > 1 and zeros.count(0) > 0.9 * len(zeros) and 0 not in letters:
            return compression, encoding
    return compression, "utf-8"


def open_text(path: Path, compression: str) -> io.BufferedIOBase:
    """Open a file for reading its bytes, unpacked."""
    return gzip.open(path, "rb") if compression == "gzip" else path.open("rb")


def text_pieces(path: Path, *, compression: str, encoding: str) -> Iterator[bytes]:
    """Read a text in pieces that end where a line ends.

    Parameters
    ----------
    path : Path
    compression : {"none", "gzip"}
    encoding : str
        Another encoding than UTF-8 is translated.

    Yields
    ------
    bytes
        UTF-8, if the file is what ``encoding`` says. What Windows-1252 does not have stays the byte that it is.

    Raises
    ------
    DamagedTextError
        If the file is cut off or damaged, or a line is longer than 32 MB.
    """
    errors = "surrogateescape" if encoding == "cp1252" else "strict"
    decoder = None
    if encoding != "utf-8":
        decoder = codecs.getincrementaldecoder(encoding)(errors)
    rest = b""
    try:
        with open_text(path, compression) as stream:
            # One read at a time: of a file that is cut off, what comes before the cut is looked at.
            while block := stream.read1(PIECE_BYTES):
                if decoder:
                    block = decoder.decode(block).encode(errors=errors)
                block = rest + block
                # A carriage return at the very end may be half of a line end.
                cut = block.rfind(b"\n") + 1 or block.rfind(b"\r", 0, -1) + 1
                rest = block[cut:]
                if len(rest) > LONGEST_LINE_BYTES:
                    raise DamagedTextError(
                        f"the file has a line of more than {LONGEST_LINE_BYTES >> 20} MB after line {{line}}; "
                        "it is no table, get the file again"
                    )
                if cut:
                    yield block[:cut]
            if decoder:
                rest += decoder.decode(b"", final=True).encode(errors=errors)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise DamagedTextError(
            "the file is compressed with gzip, and cut off or damaged after line {line}; get the file again"
        ) from None
    except UnicodeDecodeError:
        raise DamagedTextError(
            f"the file begins as {encoding.upper()} and is cut off or damaged after line {{line}}; "
            "save it as UTF-8, or get it again"
        ) from None
    if rest:
        yield rest


@dataclass
class Scan:
    """What is counted while the pieces of a text go by."""

    has_times: bool
    size: int = 0
    feeds: int = 0
    returns: int = 0
    pairs: int = 0
    utf8_bytes: int = 0
    other_bytes: int = 0
    other_lines: int = 0
    has_inner_marks: bool = False
    may_have_offsets: bool = False
    high_bytes: np.ndarray = field(default_factory=lambda: np.zeros(256, dtype=np.int64))

    def take(self, piece: bytes) -> None:
        """Count one more piece.

        Parameters
        ----------
        piece : bytes
            Begins and ends where a line does.

        Raises
        ------
        RawFileError
            If it has a zero byte.
        """
        zero = piece.find(b"\0")
        if zero >= 0:
            line = self.feeds + piece.count(b"\n", 0, zero) + 1
            raise RawFileError(
                f"the file has a zero byte (NUL) in line {line:,}; it is damaged, get it again"
            )
        if b"\r" in piece:
            self.returns += piece.count(b"\r")
            self.pairs += piece.count(b"\r\n")
        if not piece.isascii():
            # Searching for one byte is quick.
            if BYTE_ORDER_MARK[:1] in piece:
                begins_with_mark = self.size > 0 and piece.startswith(BYTE_ORDER_MARK)
                self.has_inner_marks |= begins_with_mark or b"\n" + BYTE_ORDER_MARK in piece
            self.note_encoding(piece)
        if self.has_times and not self.may_have_offsets:
            self.may_have_offsets = has_offset(piece)
        # bytes.count takes three times as long.
        self.feeds += int(np.count_nonzero(np.frombuffer(piece, dtype=np.uint8) == LINE_FEED))
        self.size += len(piece)

    def note_encoding(self, piece: bytes) -> None:
        """Count what is UTF-8 beyond ASCII, and what is not."""
        try:
            text = piece.decode()
        except UnicodeDecodeError:
            counts = np.bincount(np.frombuffer(piece, dtype=np.uint8), minlength=256)
            text = piece.decode(errors="replace")
            others = text.count("\ufffd")
            self.other_bytes += others
            self.utf8_bytes += int(counts[128:].sum()) - others
            self.high_bytes += counts
            if self.other_lines < LINES_OF_ANOTHER_ENCODING:
                self.other_lines += sum("\ufffd" in line for line in text.split("\n"))
        else:
            self.utf8_bytes += len(piece) - len(text)

    def is_windows_1252(self) -> bool:
        """Whether the text as a whole is in Windows-1252, or Latin-1, which is a part of it."""
        high = self.high_bytes[128:].sum()
        return bool(
            (
                self.other_lines >= LINES_OF_ANOTHER_ENCODING
                or self.other_lines > max(1, SHARE_OF_ANOTHER_ENCODING * self.feeds)
            )
            and self.utf8_bytes <= LARGEST_UTF8_SHARE * self.other_bytes
            and self.high_bytes[LETTERS].sum() >= SMALLEST_LETTER_SHARE * high
        )

    def has_several_line_ends(self) -> bool:
        """Whether line feeds, pairs and carriage returns occur together, within values or as line ends."""
        return self.returns > 0 and not self.feeds == self.returns == self.pairs


def has_offset(piece: bytes) -> bool:
    """Tell whether something in a piece looks like a time with an offset from UTC.

    Parameters
    ----------
    piece : bytes

    Returns
    -------
    bool
        Also for times with fractions of a second, which are not looked at one by one.
    """
    bytes_ = np.frombuffer(piece, dtype=np.uint8)
    colons = np.flatnonzero(bytes_ == COLON)
    # After the minutes or seconds of a plain time its value ends.
    after = bytes_[np.minimum(colons + 3, len(bytes_) - 1)]
    others = colons[IS_AFTER_TIME[after]].tolist()
    return any(
        OFFSET.search(piece, max(0, colon - OFFSET_BEFORE), colon + OFFSET_AFTER)
        for colon in others
    )


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
    compared = following if is_whole else following[:-1] or following
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


@dataclass(frozen=True)
class Marks:
    """Positions in a piece: quotes, and carriage returns by what follows them.

    Attributes
    ----------
    feeds, returns : ndarray of int
        Line feeds and carriage returns outside quotes.
    is_before_end : ndarray of bool, shape of returns
        Whether a line feed or another carriage return follows.
    quotes : int
        Quotes in the piece.
    """

    feeds: np.ndarray
    returns: np.ndarray
    is_before_end: np.ndarray
    quotes: int


def find_marks(piece: np.ndarray, *, quote: str, quotes_before: int) -> Marks:
    """Find the line ends outside quotes.

    Parameters
    ----------
    piece : ndarray of uint8
    quote : str
        The quote, or nothing: then everything is outside.
    quotes_before : int
        Quotes before the piece; after an odd number it begins inside.
    """
    is_quote = piece == ord(quote) if quote else np.zeros(len(piece), dtype=bool)
    quotes = np.flatnonzero(is_quote)

    def outside(positions: np.ndarray) -> np.ndarray:
        return positions[(np.searchsorted(quotes, positions) + quotes_before) % 2 == 0]

    returns = outside(np.flatnonzero(piece == CARRIAGE_RETURN))
    following = piece[np.minimum(returns + 1, len(piece) - 1)]
    is_last = returns == len(piece) - 1
    return Marks(
        feeds=outside(np.flatnonzero(piece == LINE_FEED)),
        returns=returns,
        is_before_end=((following == LINE_FEED) | (following == CARRIAGE_RETURN)) & ~is_last,
        quotes=len(quotes),
    )


def judge_line_ends(pieces: Iterator[bytes], *, quote: str) -> str:
    """Tell whether the line ends outside quotes are of one kind.

    Parameters
    ----------
    pieces : iterator of bytes
        A text that has carriage returns and is not all in pairs.
    quote : str

    Returns
    -------
    {"one kind", "outside quotes", "everywhere"}
        As in :class:`CsvFile`.

    Raises
    ------
    RawFileError
        If a carriage return stands in a value without quotes.
    """
    feeds = returns = before_ends = quotes = lines = 0
    lone_line = 0
    for piece in pieces:
        bytes_ = np.frombuffer(piece, dtype=np.uint8)
        marks = find_marks(bytes_, quote=quote, quotes_before=quotes)
        feeds += len(marks.feeds)
        returns += len(marks.returns)
        before_ends += int(marks.is_before_end.sum())
        # One at the very end is half of a line end.
        lone = marks.returns[~marks.is_before_end & (marks.returns < len(piece) - 1)]
        if len(lone) and not lone_line:
            lone_line = lines + piece.count(b"\n", 0, int(lone[0])) + 1
        quotes += marks.quotes
        lines += piece.count(b"\n")
    if feeds and lone_line:
        raise RawFileError(
            f"the file has a carriage return within line {lone_line:,} that ends no line; line ends are mixed: save it "
            "with one kind of line end, or put the value in quotes"
        )
    if quotes % 2:
        return "everywhere"
    # In pairs, none, or (as on old Macs) nothing else, which becomes line feeds.
    is_one_kind = feeds > 0 and (returns == 0 or returns == before_ends == feeds)
    return "one kind" if is_one_kind else "outside quotes"


def write_copy(file: CsvFile, target: Path) -> None:
    """Write a file in UTF-8, without compression, with line feeds as line ends.

    Parameters
    ----------
    file : CsvFile
    target : Path
        Is replaced.
    """
    quote = file.quote if file.line_ends == "outside quotes" else ""
    quotes = 0
    with target.open("wb") as copy:
        pieces = text_pieces(file.path, compression=file.compression, encoding=file.encoding)
        for piece in pieces:
            piece = piece.removeprefix(BYTE_ORDER_MARK).replace(b"\n" + BYTE_ORDER_MARK, b"\n")
            if file.line_ends == "one kind":
                copy.write(piece)
                continue
            bytes_ = np.frombuffer(piece, dtype=np.uint8).copy()
            marks = find_marks(bytes_, quote=quote, quotes_before=quotes)
            bytes_[marks.returns[~marks.is_before_end]] = LINE_FEED
            copy.write(np.delete(bytes_, marks.returns[marks.is_before_end]).tobytes())
            quotes += marks.quotes
