"""Write who is in a segment, why, and what to do, as CSV and Parquet, the surest members first.

The files hold what a campaign needs and no more: no address, no order. Who is in group control is
left alone, so that the campaign can be measured: segmentation.control_outcomes compares the groups.
A name with SYNTHETIC in it says that the customers are made up.

Examples
--------
  python -m customer_segmentation audience --segment "Recent one-order customers"
  python -m customer_segmentation audience --all --as-of 2018-10-18 --language fr --to exports
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from customer_segmentation.publishing import CommandError, one_row, reading

DEFAULT_FOLDER = "exports"
# What a campaign needs and no more: no address, no order. The order of the columns is a promise.
COLUMNS = (
    "as_of_date",
    "customer_unique_id",
    "segment_code",
    "segment",
    "action",
    "channel",
    "message",
    "reason",
    "confidence",
    "data",
    "rule",
    "group",
)
LANGUAGES = {"en": "english", "fr": "french"}
BATCH_ROWS = 10_000
# OWASP, "CSV Injection": a cell that begins like this is a formula to a spreadsheet, which also takes
# other forms of these characters (full-width, small, raised) for them, and a minus for a hyphen.
FORMULA_STARTS = frozenset("=+-@")
MINUS = "\N{MINUS SIGN}"
CELL_BREAKS = ("\t", "\r", "\n")
# Nobody sees them before a formula: controls, formats, blanks, marks, and these, which are letters
# and symbols by their category.
UNSEEN_CATEGORIES = ("C", "Z", "M")
UNSEEN = frozenset(
    "\N{HANGUL CHOSEONG FILLER}\N{HANGUL JUNGSEONG FILLER}\N{HANGUL FILLER}"
    "\N{HALFWIDTH HANGUL FILLER}\N{BRAILLE PATTERN BLANK}"
)


@dataclass(frozen=True)
class Segment:
    """A segment under its three names."""

    code: str
    english: str
    french: str

    def name(self, language: str) -> str:
        """Return the name in a language, ``en`` or ``fr``."""
        return self.french if language == "fr" else self.english


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--segment", help="English or French name, or code of the playbook")
    what.add_argument("--all", action="store_true", help="one pair of files for every segment")
    parser.add_argument(
        "--as-of", metavar="DATE", help="as-of date (default: the latest segmented one)"
    )
    parser.add_argument(
        "--to", metavar="FOLDER", default=DEFAULT_FOLDER, help="folder (default: %(default)s)"
    )
    parser.add_argument(
        "--language",
        choices=sorted(LANGUAGES),
        help="of the texts (default: that of the name given, or English)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the files and name them."""
    with reading(options.database) as connection:
        as_of_date = choose_date(connection, options.as_of)
        segments = known_segments(connection, as_of_date)
        chosen = (
            [(segment, options.language or "en") for segment in segments]
            if options.all
            else [find_segment(options.segment, segments, language=options.language)]
        )
        for segment, language in chosen:
            for path, rows in export(
                connection,
                segment,
                as_of_date=as_of_date,
                folder=Path(options.to),
                language=language,
            ):
                print(f"{path}: {rows:,} customers, {segment.name(language)}, as of {as_of_date}")
    return 0


def choose_date(connection: duckdb.DuckDBPyConnection, asked: str | None) -> date:
    """Return the as-of date asked for, or the latest with segments.

    Raises
    ------
    CommandError
        For a date without segments; it lists those with.
    """
    known: list[date] = [
        row[0]
        for row in connection.execute(
            "select distinct as_of_date from segmentation.segment_profiles order by 1"
        ).fetchall()
    ]
    if not known:
        raise CommandError("no as-of date is segmented; table segmentation.period_models says why.")
    if not asked:
        return known[-1]
    try:
        wanted = date.fromisoformat(asked)
    except ValueError:
        wanted = None
    if wanted is None or wanted not in known:
        raise CommandError(
            f"there are no segments as of {asked!r}. Known dates: "
            + ", ".join(day.isoformat() for day in known)
        )
    return wanted


def known_segments(connection: duckdb.DuckDBPyConnection, as_of_date: date) -> list[Segment]:
    """Return the segments that exist as of a date, in the order of the playbook."""
    rows = connection.execute(
        "select profiles.segment_code, profiles.segment_name, profiles.segment_name_french"
        " from seeds.segment_playbook as playbook"
        " inner join segmentation.segment_profiles as profiles"
        " on playbook.segment_code = profiles.segment_code"
        " where profiles.as_of_date = ? order by playbook.rule_order",
        [as_of_date],
    ).fetchall()
    return [Segment(*row) for row in rows]


def find_segment(
    asked: str, segments: Sequence[Segment], *, language: str | None = None
) -> tuple[Segment, str]:
    """Find a segment by its code or its name, whatever the case and the accents.

    Parameters
    ----------
    asked : str
    segments : sequence of Segment
    language : str, optional
        Language of the texts; by default the one that the name is in.

    Returns
    -------
    tuple of Segment and str
        The segment and the language of the texts.

    Raises
    ------
    CommandError
        When no segment is called so; it lists those that are.
    """
    wanted = plain(asked)
    for segment in segments:
        if wanted in (plain(segment.code), plain(segment.english)):
            return segment, language or "en"
        if wanted == plain(segment.french):
            return segment, language or "fr"
    raise CommandError(
        f"there is no segment {asked!r}. Known segments, by code, English or French name:\n"
        + "\n".join(f"  {one.code:<10} {one.english:<26} {one.french}" for one in segments)
    )


def plain(text: str) -> str:
    """Return a text without case, accents and outer or doubled spaces."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def export(
    connection: duckdb.DuckDBPyConnection,
    segment: Segment,
    *,
    as_of_date: date,
    folder: Path,
    language: str = "en",
) -> list[tuple[Path, int]]:
    """Write a segment as CSV and as Parquet, the surest members first.

    Either both files are there at the end or the old ones are: each is written beside its place
    and moved into it. They are their owner's only, whatever the umask.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    segment : Segment
    as_of_date : date
    folder : Path
        Made when missing, for its owner only.
    language : str, default "en"

    Returns
    -------
    list of tuple of Path and int
        The files and their rows.
    """
    is_synthetic = one_row(connection, "select is_synthetic from marts.data_origin")[0]
    total = one_row(
        connection,
        "select count(*) from bi.audience_members where as_of_date = ? and segment_code = ?",
        [as_of_date, segment.code],
    )[0]
    mark = "_SYNTHETIC" if is_synthetic else ""
    french = "_fr" if language == "fr" else ""
    stem = f"{file_word(segment.code)}_{as_of_date}{french}{mark}"
    # Dots first: a half-written file is not taken for an audience.
    paths = [folder / f"{stem}.csv", folder / f"{stem}.parquet"]
    parts = [folder / f".{path.name}.part" for path in paths]
    try:
        make_private_folder(folder)
        reader = members(connection, segment, as_of_date=as_of_date, language=language)
        try:
            with (
                open_private(parts[0], "w", encoding="utf-8-sig", newline="") as text,
                open_private(parts[1], "wb") as binary,
                pq.ParquetWriter(binary, reader.schema) as parquet,
                # None: only where a person looks.
                tqdm(total=total, unit=" customers", desc=stem, disable=None, leave=False) as bar,
            ):
                writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
                writer.writerow(COLUMNS)
                for batch in reader:
                    parquet.write_batch(batch)
                    writer.writerows(safe_rows(batch))
                    bar.update(batch.num_rows)
            for part, path in zip(parts, paths, strict=True):
                part.replace(path)
        finally:
            for part in parts:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(
            f"{folder} cannot be written to ({error.strerror}); name another folder with TO=folder."
        ) from None
    return [(path, total) for path in paths]


def make_private_folder(folder: Path) -> None:
    """Make a folder for its owner only; of those that exist, only our own is closed to others."""
    if not folder.exists():
        folder.mkdir(parents=True)
    elif folder != Path(DEFAULT_FOLDER) or folder.is_symlink():
        return
    # Of somebody else: he has decided who may read.
    with contextlib.suppress(PermissionError):
        folder.chmod(0o700)


def open_private(path: Path, mode: str, **how: Any) -> IO[Any]:
    """Open a file to write it that nobody but its owner can read, from its first byte on.

    Parameters
    ----------
    path : Path
        Replaced when it is there.
    mode, how
        As of :func:`open`.

    Returns
    -------
    file
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    # The umask may have taken more away.
    os.fchmod(descriptor, 0o600)
    return open(descriptor, mode, **how)


def members(
    connection: duckdb.DuckDBPyConnection, segment: Segment, *, as_of_date: date, language: str
) -> pa.RecordBatchReader:
    """Return the rows of the files, in batches."""
    word = LANGUAGES[language]
    name, channel, rule = (
        ("segment_name_french", "channel_french", "rule_french")
        if language == "fr"
        else ("segment_name", "channel", "rule")
    )
    result = connection.execute(
        f"""
        select
            members.as_of_date,
            members.customer_unique_id,
            members.segment_code,
            members.{name} as segment,
            members.action_{word} as action,
            members.{channel} as channel,
            members.message_{word} as message,
            members.reason_{word} as reason,
            round(members.confidence, 4) as confidence,
            case when origin.is_synthetic then 'SYNTHETIC' else origin.data_name end as data,
            members.{rule} as rule,
            case when members.is_control then 'control' else 'treated' end as "group",
        from bi.audience_members as members
        cross join marts.data_origin as origin
        where members.as_of_date = ? and members.segment_code = ?
        order by members.confidence desc, members.customer_unique_id
        """,
        [as_of_date, segment.code],
    )
    return result.to_arrow_reader(BATCH_ROWS)


def safe_rows(batch: pa.RecordBatch) -> Iterator[list[Any]]:
    """Yield the rows of a batch with cells that a spreadsheet leaves alone."""
    columns = [
        [safe_cell(value) for value in column.to_pylist()]
        if pa.types.is_string(column.type)
        else column.to_pylist()
        for column in batch.columns
    ]
    yield from (list(row) for row in zip(*columns, strict=True))


def safe_cell(value: str | None) -> str | None:
    """Put an apostrophe before a text that a spreadsheet would take for a formula.

    Parameters
    ----------
    value : str or None

    Returns
    -------
    str or None
        The same text otherwise. What is not seen does not hide a formula: some programs drop it.

    References
    ----------
    OWASP, "CSV Injection".
    """
    if not value:
        return value
    first = next((character for character in value if not is_unseen(character)), "")
    if value.startswith(CELL_BREAKS) or starts_formula(first):
        return "'" + value
    return value


def is_unseen(character: str) -> bool:
    """Tell whether a character leaves no ink."""
    return character in UNSEEN or unicodedata.category(character).startswith(UNSEEN_CATEGORIES)


def starts_formula(character: str) -> bool:
    """Tell whether a character, in any of its forms, begins a formula."""
    return character == MINUS or unicodedata.normalize("NFKC", character) in FORMULA_STARTS


def file_word(text: str) -> str:
    """Return a text as part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", plain(text)).strip("-") or "segment"
