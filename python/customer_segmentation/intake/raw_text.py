"""The bytes of a raw text file: compression, encoding, line ends, and whether it is whole."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

PIECE_BYTES = 1 << 20
LONGEST_LINE_BYTES = 1 << 25
LONGEST_VALUE_BYTES = 1 << 20
# One of these stands in for carriage returns within values where DuckDB would stumble over them.
STAND_INS = [code for code in range(1, 32) if code not in b"\t\n\v\f\r"]


BYTE_ORDER_MARK = codecs.BOM_UTF8
LINE_FEED, CARRIAGE_RETURN, COLON = b"\n\r:"

# A file is taken for Windows-1252 when so many of its lines are not UTF-8 (or so large a share, and more than one),
# little else in it is, and most of the bytes in question are letters and quotes of western European
# languages. Fewer lines are damaged rows.
LINES_OF_ANOTHER_ENCODING = 10
SHARE_OF_ANOTHER_ENCODING = 0.01
LARGEST_UTF8_SHARE = 0.1
SMALLEST_LETTER_SHARE = 0.75
LETTERS = np.zeros(256, dtype=bool)
LETTERS[
    list("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöùúûüªº‘’“”–—…€".encode("cp1252"))
] = True

# Letters, signs and pictures that are written with accents or after them; seldom anything in Windows-1252.
WESTERN_UTF8 = re.compile(
    rb"([\x00-\x7f]|[\xc2\xc3][\x80-\xbf]|[\xe2\xef][\x80-\xbf]{2}|\xf0[\x80-\xbf]{3})*"
)

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


class DamagedTextError(RawFileError):
    """A text that cannot be read on; the message has a place for the number of the last whole line."""


def recognise(path: Path) -> tuple[str, str]:
    """Tell compression and encoding from a file's first bytes; Windows-1252 looks like UTF-8 here."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        raise RawFileError("the file is empty (0 bytes); get the file again")
    compression = "gzip" if head.startswith(b"\x1f\x8b") else "none"
    if compression == "gzip":
        try:
            with open_text(path, compression) as stream:
                # One read at a time: what comes before a cut is enough.
                head = stream.read1(4096)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise RawFileError(
                "the file is compressed with gzip, and cut off or damaged before its first line; get the file again"
            ) from None
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
        UTF-8, if the file is what ``encoding`` says.

    Raises
    ------
    DamagedTextError
        If the file is cut off or damaged, or a line is longer than 32 MB.
    """
    decoder = None
    if encoding not in ("utf-8", "cp1252"):
        decoder = codecs.getincrementaldecoder(encoding)("strict")
    translate = from_windows_1252 if encoding == "cp1252" else bytes
    rest = b""
    try:
        with open_text(path, compression) as stream:
            # One read at a time: of a file that is cut off, what comes before the cut is looked at.
            while block := stream.read1(PIECE_BYTES):
                if decoder:
                    block = decoder.decode(block).encode()
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
                    yield translate(block[:cut])
            if decoder:
                rest += decoder.decode(b"", final=True).encode()
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
        yield translate(rest)


def from_windows_1252(piece: bytes) -> bytes:
    """Translate lines to UTF-8, but for those that are UTF-8 already, as in a file that was put together.

    Parameters
    ----------
    piece : bytes

    Returns
    -------
    bytes
        What Windows-1252 does not have stays the byte that it is.
    """
    return b"\n".join(
        line
        if line.isascii() or WESTERN_UTF8.fullmatch(line)
        else line.decode("cp1252", "surrogateescape").encode("utf-8", "surrogateescape")
        for line in piece.split(b"\n")
    )


@dataclass
class Scan:
    """What is counted while the pieces of a text go by."""

    has_times: bool
    size: int = 0
    feeds: int = 0
    has_returns: bool = False
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
        self.has_returns = self.has_returns or b"\r" in piece
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
        return (
            self.other_lines >= LINES_OF_ANOTHER_ENCODING
            or self.other_lines > max(1, SHARE_OF_ANOTHER_ENCODING * self.feeds)
        ) and self.has_letters_of_windows_1252()

    def has_letters_of_windows_1252(self) -> bool:
        """Whether what is not UTF-8 reads as letters of western European languages, and little else is UTF-8."""
        high = self.high_bytes[128:].sum()
        return bool(
            self.utf8_bytes <= LARGEST_UTF8_SHARE * self.other_bytes
            and self.high_bytes[LETTERS].sum() >= SMALLEST_LETTER_SHARE * high
        )


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


@dataclass(frozen=True)
class Marks:
    """Positions in a piece: line feeds, and carriage returns by what follows them.

    Attributes
    ----------
    feeds, returns : ndarray of int
        Line feeds and carriage returns outside quotes.
    is_before_end : ndarray of bool, shape of returns
        Whether a line feed or another carriage return follows.
    is_sound : bool
        Whether every quote of the piece stands where a value begins or ends, or is doubled.
    """

    feeds: np.ndarray
    returns: np.ndarray
    is_before_end: np.ndarray
    is_sound: bool = True


def without_marks(piece: bytes) -> bytes:
    """Leave out the byte-order marks that lines of a piece begin with."""
    return piece.removeprefix(BYTE_ORDER_MARK).replace(b"\n" + BYTE_ORDER_MARK, b"\n")


def marked_pieces(
    pieces: Iterable[bytes], *, quote: str, delimiter: str, is_sound: bool
) -> Iterator[tuple[bytes, Marks]]:
    """Find the line ends outside quotes.

    Parameters
    ----------
    pieces : iterable of bytes
        Of a text; each ends where a line does.
    quote, delimiter : str
    is_sound : bool
        Whether quotes are counted, every other one closing a value, which is quick and right where
        every quote is in its place. Otherwise a value is in quotes when its quote is closed before a
        delimiter or a line end; a quote that stays open, or stands within a value, is a letter.

    Yields
    ------
    piece : bytes
        The same text; cut elsewhere when ``is_sound`` is false.
    marks : Marks
    """
    if not is_sound:
        for piece, spans in _values_in_quotes(pieces, quote=quote, delimiter=delimiter):
            bytes_ = np.frombuffer(piece, dtype=np.uint8)
            feeds, returns = (
                _outside(np.flatnonzero(bytes_ == end), spans)
                for end in (LINE_FEED, CARRIAGE_RETURN)
            )
            yield piece, Marks(feeds, returns, _is_before_end(bytes_, returns))
        return
    may_touch = np.zeros(256, dtype=bool)
    may_touch[[LINE_FEED, CARRIAGE_RETURN, *(quote + delimiter).encode()]] = True
    quotes_before = 0
    for piece in pieces:
        bytes_ = np.frombuffer(piece, dtype=np.uint8)
        quotes = np.flatnonzero(bytes_ == ord(quote))
        is_opening = (np.arange(len(quotes)) + quotes_before) % 2 == 0
        neighbours = np.where(is_opening, quotes - 1, quotes + 1)
        neighbours = neighbours[(neighbours >= 0) & (neighbours < len(bytes_))]
        feeds, returns = (
            found[(np.searchsorted(quotes, found) + quotes_before) % 2 == 0]
            for found in (np.flatnonzero(bytes_ == end) for end in (LINE_FEED, CARRIAGE_RETURN))
        )
        yield (
            piece,
            Marks(
                feeds,
                returns,
                _is_before_end(bytes_, returns),
                is_sound=bool(may_touch[bytes_[neighbours]].all()),
            ),
        )
        quotes_before += len(quotes)


def _values_in_quotes(
    pieces: Iterable[bytes], *, quote: str, delimiter: str
) -> Iterator[tuple[bytes, np.ndarray]]:
    """Cut a text where no value in quotes is cut, and yield each piece with the (start, end) of its values."""
    q, ends = re.escape(quote), f"[{re.escape(delimiter)}\r\n]"
    opening = rf"(?:\A|(?<={ends})) *{q}"
    value = re.compile(
        rf"{opening}[^{q}]*+(?:{q}{q}[^{q}]*+)*+{q}(?= *(?:{ends}|\Z))".encode(),
    )
    begin = re.compile(opening.encode())
    rest = b""
    for piece in pieces:
        block = rest + piece
        spans = [found.span() for found in value.finditer(block)]
        unclosed = begin.search(block, spans[-1][1] if spans else 0)
        cut = unclosed.start() if unclosed else len(block)
        # No value is as long as this; what follows is judged without it.
        if len(block) - cut > LONGEST_VALUE_BYTES:
            cut = len(block)
        rest = block[cut:]
        if cut:
            yield block[:cut], np.array(spans, dtype=np.int64).reshape(-1, 2)
    if rest:
        yield rest, np.empty((0, 2), dtype=np.int64)


def _outside(positions: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Return the positions that lie in none of some spans, which do not overlap."""
    number = np.searchsorted(spans[:, 0], positions, side="right")
    ends = np.concatenate([[0], spans[:, 1]])
    return positions[positions >= ends[number]]


def _is_before_end(bytes_: np.ndarray, returns: np.ndarray) -> np.ndarray:
    following = bytes_[np.minimum(returns + 1, len(bytes_) - 1)]
    is_last = returns == len(bytes_) - 1
    return ((following == LINE_FEED) | (following == CARRIAGE_RETURN)) & ~is_last


@dataclass(frozen=True)
class LineEnds:
    """What the line ends of a text are like.

    Attributes
    ----------
    is_one_kind : bool
        Those outside quotes: in pairs, or line feeds.
    stand_in : str
        When a quote is not closed or stands within a value, a character that the text does not have;
        otherwise nothing.
    """

    is_one_kind: bool = True
    stand_in: str = ""


def judge_line_ends(
    pieces_of: Callable[[], Iterable[bytes]], *, quote: str, delimiter: str
) -> LineEnds:
    """Tell whether the line ends outside quotes are of one kind, and whether all quotes are in their places.

    Parameters
    ----------
    pieces_of : callable
        Reads the text, which has carriage returns; it is called again when quotes are not where they
        should be.
    quote, delimiter : str

    Returns
    -------
    LineEnds

    Raises
    ------
    RawFileError
        If a carriage return stands in a value without quotes.
    """
    ends = _count_line_ends(pieces_of(), quote=quote, delimiter=delimiter, is_sound=True)
    stand_in = ""
    if not ends.is_sound:
        ends = _count_line_ends(pieces_of(), quote=quote, delimiter=delimiter, is_sound=False)
        free = [code for code in STAND_INS if not ends.has_byte[code]]
        if not free:
            raise RawFileError(
                "the file has a quote out of place and every control character; it is damaged, get it again"
            )
        stand_in = chr(free[-1])
    if ends.feeds and ends.lone_line:
        raise RawFileError(
            f"the file has a carriage return within line {ends.lone_line:,} that ends no line; line ends are mixed: "
            "save it with one kind of line end, or put the value in quotes"
        )
    # In pairs, none, or (as on old Macs) nothing else, which becomes line feeds.
    is_one_kind = ends.feeds > 0 and (
        ends.returns == 0 or ends.returns == ends.before_ends == ends.feeds
    )
    return LineEnds(is_one_kind, stand_in)


@dataclass
class _LineEnds:
    """Line ends outside quotes, the first line that has a carriage return within, and which bytes there are."""

    feeds: int = 0
    returns: int = 0
    before_ends: int = 0
    lone_line: int = 0
    is_sound: bool = True
    has_byte: np.ndarray = field(default_factory=lambda: np.zeros(256, dtype=bool))


def _count_line_ends(
    pieces: Iterable[bytes], *, quote: str, delimiter: str, is_sound: bool
) -> _LineEnds:
    ends = _LineEnds()
    lines = last_line = 0
    cleaned = map(without_marks, pieces)
    for piece, marks in marked_pieces(cleaned, quote=quote, delimiter=delimiter, is_sound=is_sound):
        # What looked like half of the last line end of the text was none.
        ends.lone_line = ends.lone_line or last_line
        ends.feeds += len(marks.feeds)
        ends.returns += len(marks.returns)
        ends.before_ends += int(marks.is_before_end.sum())
        ends.is_sound &= marks.is_sound
        if not is_sound:
            ends.has_byte[np.frombuffer(piece, dtype=np.uint8)] = True
        lone = marks.returns[~marks.is_before_end]
        if len(lone):
            line = lines + piece.count(b"\n", 0, int(lone[0])) + 1
            is_last = lone[0] == len(piece) - 1
            ends.lone_line = ends.lone_line or (0 if is_last else line)
            last_line = line if is_last else 0
        lines += piece.count(b"\n")
    return ends
