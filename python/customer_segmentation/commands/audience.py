"""Write who is in a segment and why, as CSV and Parquet, and beside them what to do.

The files hold what a campaign needs and no more: no address, no order. What is the same for many
rows (date, rule, actions with channel and message) stands once, in a file in Markdown. Who is in
group control is left alone, so that the campaign can be measured: segmentation.control_outcomes
compares the groups. A name with SYNTHETIC in it says that the customers are made up. A French CSV
has French headings, semicolons and decimal commas, as spreadsheets in French read them; Parquet
has the same columns in every language.

Examples
--------
  python -m customer_segmentation audience --segment "Newer one-time buyers"
  python -m customer_segmentation audience --segment big --segment repeat --order value --limit 500
  python -m customer_segmentation audience --segment big --state SP --state RJ --group treated
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

from customer_segmentation._outputs import writing_to
from customer_segmentation._words import counted
from customer_segmentation.publishing import CommandError, one_row, reading

DEFAULT_FOLDER = "exports"
# What a campaign needs and no more: no address, no order. The order of the columns is a promise.
# Their headings in a French CSV stand beside them.
HEADINGS = {
    "customer_unique_id": "client",
    "segment_code": "segment",
    "action_number": "action",
    "recency_days": "jours_depuis_derniere_commande",
    "frequency": "commandes",
    "monetary": "montant",
    "customer_state": "etat",
    "confidence": "confiance",
    "group": "groupe",
    "reason": "raison",
}
COLUMNS = tuple(HEADINGS)
LANGUAGES = {"en": "english", "fr": "french"}
GROUPS = {"treated": "traité", "control": "témoin"}
ORDERS = {"sureness": "members.confidence desc", "value": "members.monetary desc"}
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


@dataclass(frozen=True)
class Audience:
    """Whose files are written.

    Attributes
    ----------
    segments : tuple of Segment
    as_of_date : date
    states : tuple of str
        Empty for all, also those whose state is not known.
    group : str, optional
        ``treated`` or ``control``; both without it.
    order : str
        ``sureness`` or ``value``, the highest first.
    limit : int, optional
        So many at most.
    """

    segments: tuple[Segment, ...]
    as_of_date: date
    states: tuple[str, ...] = ()
    group: str | None = None
    order: str = "sureness"
    limit: int | None = None

    @property
    def stem(self) -> str:
        """The name of its files, which says all that was chosen."""
        parts = ["+".join(file_word(one.code) for one in self.segments), str(self.as_of_date)]
        parts += [file_word(state) for state in self.states]
        parts += [self.group] if self.group else []
        parts += [f"by-{self.order}"] if self.order != "sureness" else []
        parts += [f"first-{self.limit}"] if self.limit else []
        return "_".join(parts)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--segment",
        action="append",
        help="English or French name, or code of the playbook; again, or with commas, for several in one file",
    )
    what.add_argument("--all", action="store_true", help="files of its own for every segment")
    parser.add_argument(
        "--as-of", metavar="DATE", help="as-of date (default: the latest segmented one)"
    )
    parser.add_argument(
        "--state",
        action="append",
        default=[],
        help="only customers of a state; again, or with commas, for several (default: all)",
    )
    parser.add_argument(
        "--group",
        choices=sorted(GROUPS),
        help="only those to write to, or the control group (default: both)",
    )
    parser.add_argument(
        "--order",
        choices=sorted(ORDERS),
        default="sureness",
        help="who comes first: the surest members, or those who spent most (default: %(default)s)",
    )
    parser.add_argument(
        "--limit", type=positive, metavar="N", help="so many at most (default: all)"
    )
    parser.add_argument(
        "--to", metavar="FOLDER", default=DEFAULT_FOLDER, help="folder (default: %(default)s)"
    )
    parser.add_argument(
        "--language",
        choices=sorted(LANGUAGES),
        help="of the texts (default: that of the name given, or English)",
    )


def positive(text: str) -> int:
    """Read a whole number above 0."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0.")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Write the files and name them."""
    with reading(options.database) as connection:
        as_of_date = choose_date(connection, options.as_of)
        segments = known_segments(connection, as_of_date)
        states = known_states(connection, ",".join(options.state).split(","))
        if options.all:
            chosen: list[tuple[Segment, ...]] = [(one,) for one in segments]
            language = options.language or "en"
        else:
            found = find_segments(options.segment, segments)
            chosen = [tuple(dict.fromkeys(one for one, _ in found))]
            language = options.language or found[0][1]
        for several in chosen:
            audience = Audience(
                several, as_of_date, states, options.group, options.order, options.limit
            )
            names = ", ".join(one.name(language) for one in several)
            for path, rows in export(
                connection, audience, folder=Path(options.to), language=language
            ):
                print(f"{path}: {counted(rows, 'customer')}, {names}, as of {as_of_date}")
    return 0


def known_states(connection: duckdb.DuckDBPyConnection, asked: Sequence[str]) -> tuple[str, ...]:
    """Return the states asked for as the tables write them.

    Raises
    ------
    CommandError
        For one that no customer lives in; it lists those that there are.
    """
    asked = [state for state in asked if state.strip()]
    if not asked:
        return ()
    known = {
        plain(row[0]): row[0]
        for row in connection.execute(
            "select distinct customer_state from marts.customers where customer_state is not null order by 1"
        ).fetchall()
    }
    for state in asked:
        if plain(state) not in known:
            raise CommandError(
                f"there is no customer of state {state!r}. Known states: {', '.join(known.values()) or 'none'}"
            )
    return tuple(dict.fromkeys(known[plain(state)] for state in asked))


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


def find_segments(asked: Sequence[str], segments: Sequence[Segment]) -> list[tuple[Segment, str]]:
    """Find several; what is the name of none is taken apart at its commas."""
    names = {plain(name) for one in segments for name in (one.code, one.english, one.french)}
    return [
        find_segment(name, segments)
        for text in asked
        for name in ([text] if plain(text) in names else text.split(","))
    ]


def plain(text: str) -> str:
    """Return a text without case, accents and outer or doubled spaces."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def export(
    connection: duckdb.DuckDBPyConnection,
    audience: Audience,
    *,
    folder: Path,
    language: str = "en",
) -> list[tuple[Path, int]]:
    """Write an audience as CSV and as Parquet, and beside them what to do.

    Either all three files are there at the end or the old ones are: each is written beside its
    place and moved into it. They are their owner's only, whatever the umask.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    audience : Audience
    folder : Path
        Made when missing, for its owner only.
    language : str, default "en"

    Returns
    -------
    list of tuple of Path and int
        The files and the customers in them.
    """
    is_synthetic = one_row(connection, "select is_synthetic from marts.data_origin")[0]
    mark = "_SYNTHETIC" if is_synthetic else ""
    stem = f"{audience.stem}{'_fr' if language == 'fr' else ''}{mark}"
    # Dots first: a half-written file is not taken for an audience.
    paths = [folder / f"{stem}.{kind}" for kind in ("csv", "parquet", "md")]
    parts = [folder / f".{path.name}.part" for path in paths]
    with writing_to(folder):
        make_private_folder(folder)
        choose_members(connection, audience, language=language)
        total = one_row(connection, "select count(*) from chosen_members")[0]
        about = what_to_do(connection, audience, stem=stem, total=total, language=language)
        columns = ", ".join(f'"{name}"' for name in COLUMNS)
        reader = connection.execute(f"select {columns} from chosen_members order by place")
        batches = reader.to_arrow_reader(BATCH_ROWS)
        try:
            with (
                open_private(parts[0], "w", encoding="utf-8-sig", newline="") as text,
                open_private(parts[1], "wb") as binary,
                open_private(parts[2], "w", encoding="utf-8") as words,
                pq.ParquetWriter(binary, batches.schema) as parquet,
                # None: only where a person looks.
                tqdm(total=total, unit=" customers", desc=stem, disable=None, leave=False) as bar,
            ):
                words.write(about)
                writer = csv.writer(text, **CSV_FORMATS[language])
                writer.writerow(HEADINGS.values() if language == "fr" else HEADINGS)
                for batch in batches:
                    parquet.write_batch(batch)
                    writer.writerows(safe_rows(batch, language=language))
                    bar.update(batch.num_rows)
            for part, path in zip(parts, paths, strict=True):
                part.replace(path)
        finally:
            for part in parts:
                part.unlink(missing_ok=True)
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


def choose_members(
    connection: duckdb.DuckDBPyConnection, audience: Audience, *, language: str
) -> None:
    """Put the rows of the files into temporary table chosen_members, with what to do with each."""
    word = LANGUAGES[language]
    wanted = ["as_of_date = ?", "list_contains(?, segment_code)"]
    given: list[object] = [audience.as_of_date, [one.code for one in audience.segments]]
    if audience.states:
        wanted.append("list_contains(?, customer_state)")
        given.append(list(audience.states))
    if audience.group:
        wanted.append("is_control" if audience.group == "control" else "not is_control")
    connection.execute(
        f"""
        create or replace temporary table chosen_members as
        select
            row_number() over (order by {ORDERS[audience.order]}, customer_unique_id) as place,
            customer_unique_id,
            segment_code,
            action_number,
            recency_days,
            frequency,
            monetary,
            customer_state,
            round(confidence, 4) as confidence,
            case when is_control then 'control' else 'treated' end as "group",
            reason_{word} as reason,
            action_{word} as action,
            {"channel_french" if language == "fr" else "channel"} as channel,
            message_{word} as message,
        from bi.audience_members as members
        where {" and ".join(wanted)}
        order by place
        {f"limit {audience.limit}" if audience.limit else ""}
        """,
        given,
    )


def what_to_do(
    connection: duckdb.DuckDBPyConnection,
    audience: Audience,
    *,
    stem: str,
    total: int,
    language: str,
) -> str:
    """Say in Markdown what is the same for many rows of the files: date, rules, actions, headings."""
    texts = ABOUT[language]
    french = "_french" if language == "fr" else ""
    codes = [one.code for one in audience.segments]
    notice, name = one_row(connection, "select notice, data_name from marts.data_origin")
    rules = connection.execute(
        f"select segment_name{french}, segment_code, rule{french} from segmentation.segment_profiles"
        " where as_of_date = ? and list_contains(?, segment_code) order by cluster",
        [audience.as_of_date, codes],
    ).fetchall()
    actions = connection.execute(
        "select segment_code, action_number, min(recency_days), max(recency_days), count(*), action, channel, message"
        " from chosen_members group by all order by segment_code, action_number"
    ).fetchall()
    colon = "\N{NO-BREAK SPACE}:" if language == "fr" else ":"
    lines = [
        f"# {', '.join(one.name(language) for one in audience.segments)}",
        "",
        texts["what"].format(
            stem=stem,
            customers=whole(total, language),
            date=audience.as_of_date,
            name=name,
            notice=notice,
        ),
        "",
        *[f"- **{label}** (`{code}`){colon} {rule}." for label, code, rule in rules],
        "",
        texts["actions"],
        "",
        f"| {' | '.join(texts['heads'].split(','))} |",
        "| --- | ---: | ---: | ---: | --- | --- | --- |",
        *[
            f"| {code} | {number} | {first}–{last} | {whole(customers, language)} | {action} | {channel} | {message} |"
            for code, number, first, last, customers, action, channel, message in actions
        ],
        "",
        texts["columns"].format(**dict(zip(COLUMNS, HEADINGS.values(), strict=True)))
        if language == "fr"
        else texts["columns"],
        "",
    ]
    return "\n".join(lines)


def whole(number: int, language: str) -> str:
    """Return a number with what a language writes between thousands."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}" if language == "fr" else ",")


# What a reader is told of the files, by language.
ABOUT = {
    "en": {
        "what": "{stem}.csv and .parquet: {customers} customers as of {date}, data {name} ({notice}).",
        "actions": "What to do, by days since the last order. Write to group `treated` only; `control` is left"
        " alone, so that the campaign can be measured (`segmentation.control_outcomes`).",
        "heads": "segment_code,action_number,days,customers,action,channel,message",
        "columns": "`recency_days` are days since the last order, `frequency` orders, `monetary` the money"
        " spent, `confidence` how clear the membership is: 1 in the middle of the segment, 0 halfway to the next.",
    },
    "fr": {
        "what": "{stem}.csv et .parquet : {customers} clients au {date:%d/%m/%Y}, données {name} ({notice}).",
        "actions": "Que faire, selon le nombre de jours depuis la dernière commande. N’écrire qu’au groupe « traité » ;"
        " le groupe « témoin » n’est pas sollicité, afin que l’effet de la campagne puisse être mesuré"
        " (`segmentation.control_outcomes`).",
        "heads": "segment,action,jours,clients,que faire,canal,message",
        "columns": "`{recency_days}` : jours depuis la dernière commande ; `{frequency}` : nombre de commandes ;"
        " `{monetary}` : montant dépensé ; `{confidence}` : netteté de l’appartenance au segment, de 1 au centre à 0 à"
        " mi-chemin du segment voisin. Dans le fichier Parquet, les colonnes gardent leurs noms anglais.",
    },
}
# Spreadsheets in French take a comma for a decimal mark.
CSV_FORMATS: dict[str, dict[str, Any]] = {
    "en": {"quoting": csv.QUOTE_NONNUMERIC, "lineterminator": "\r\n"},
    "fr": {"quoting": csv.QUOTE_MINIMAL, "lineterminator": "\r\n", "delimiter": ";"},
}


def safe_rows(batch: pa.RecordBatch, *, language: str = "en") -> Iterator[list[Any]]:
    """Yield the rows of a batch with cells that a spreadsheet of a language reads as they are meant."""
    columns = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        values = column.to_pylist()
        if language == "fr" and field.name == "group":
            values = [GROUPS[value] for value in values]
        elif pa.types.is_string(field.type):
            values = [safe_cell(value) for value in values]
        elif language == "fr" and not pa.types.is_integer(field.type):
            values = [None if value is None else str(value).replace(".", ",") for value in values]
        columns.append(values)
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
