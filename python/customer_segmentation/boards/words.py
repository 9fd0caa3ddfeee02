"""The words, numbers and dates of the pages, in English or French.

Boards are written in English, in ``charts/*.yml`` and in the sentences of their queries. The French
of each is in ``charts/french.csv``: a line a sentence, in which ``{}`` stands for what differs from
one database to the next. What the tables call ``watches_gifts`` or ``recency_days`` has a name for
people in ``charts/names.csv``. So the words are in one place, and a reader can correct them there.
"""

from __future__ import annotations

import csv
import datetime
import decimal
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

Language = Literal["en", "fr"]
LANGUAGES: tuple[Language, ...] = ("en", "fr")
# Blanks at which no line is broken: between a number and its unit, and between thousands in French.
NO_BREAK = "\u00a0"
NARROW = "\u202f"
MONTHS: dict[Language, tuple[str, ...]] = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "fr": (
        "janvier", "février", "mars", "avril", "mai", "juin",
        "juillet", "août", "septembre", "octobre", "novembre", "décembre",
    ),
}  # fmt: skip
MONTH = "|".join(MONTHS["en"])
# The board tool's names of formats, and what they say of a number.
FORMATS = {
    "integer": ",.0f",
    "percent": ".1%",
    "percent_whole": ".0%",
    "number_full": ",.2f",
}
# The name of a hole whose text is nobody's to change.
AS_IS = "as_is"
EVERYTHING = re.compile(r"\{[a-z_]*\}")
# What a query says has another name among people.
NAMED = re.compile(r"\[\[(.+?)\]\]")
# Words that stay small in the name of a place.
PLACES = frozenset({"seller", "place", "zip_code", "state"})
# Columns whose texts are names already, and the same in every language.
NAMES = frozenset({"segment_code", "notice", "customer_unique_id"})
SMALL = frozenset({"de", "do", "da", "dos", "das", "e"})


class Words:
    """What is written on the pages, in one language.

    Parameters
    ----------
    language : {"en", "fr"}
    catalogue : mapping of str to str, optional
        The French of English sentences; ``{}`` stands for any text, in the same order in both, or
        ``{name}`` where the order differs.
    names : mapping of str to str, optional
        What people call what has another name in the tables.
    """

    def __init__(
        self,
        language: Language,
        catalogue: Mapping[str, str] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.language = language
        self.names = dict(names or {})
        self.exact: dict[str, str] = {}
        self.patterns: list[tuple[re.Pattern[str], str]] = []
        # What the catalogue lacks: tests and the author look here.
        self.unknown: set[str] = set()
        if language == "fr":
            self.learn(catalogue or {})

    @property
    def colon(self) -> str:
        """Return a colon between two parts of a line, with its blanks."""
        return f"{NO_BREAK}: " if self.language == "fr" else ": "

    def learn(self, catalogue: Mapping[str, str]) -> None:
        """Add sentences; the longer the text that a pattern demands, the earlier it is tried."""
        for english, french in catalogue.items():
            if EVERYTHING.search(english):
                self.patterns.append((_as_pattern(english), french))
            else:
                self.exact[english] = french
        self.patterns.sort(key=lambda pair: -len(pair[0].pattern))

    def text(self, english: str) -> str:
        """Return a sentence or a name in the language of the page."""
        plain = NAMED.sub(
            lambda name: self.names.get(name[1], name[1].replace("_", " ")), english.strip()
        )
        if self.language == "en":
            return self._beginning(self.figures(self._named(plain)))
        french = self._known(plain)
        if french is None:
            french = self.figures(plain)
            own = re.sub(
                rf"\b(?:{'|'.join(MONTHS['fr'])}|1er)\b", "", self.figures(NAMED.sub("", english))
            )
            if re.search(r"[^\W\d_]{2}", own):
                self.unknown.add(english)
        return self._beginning(with_marks_kept(french))

    def with_names(self, text: str) -> str:
        """Return a text with names that are the same in every language: only what the catalogue knows is changed."""
        known = self._whole(text) if self.language == "fr" else None
        return with_marks_kept(known) if known else text

    def _named(self, text: str) -> str:
        """Return an English text with people's names of things for those of the tables."""
        if text in self.names:
            return self.names[text]
        return re.sub(
            r"\b[a-z]+(?:_[a-z0-9]+)+\b",
            lambda name: self.names.get(name.group(), name.group()),
            text,
        )

    @staticmethod
    def _beginning(text: str) -> str:
        """Return a text that begins with a capital letter; figures and brackets have none."""
        return text[:1].upper() + text[1:]

    def _known(self, english: str) -> str | None:
        """Return the French of a text, when the catalogue has it or each sentence of it."""
        return self._whole(english) or self._by_sentences(english)

    def _whole(self, english: str) -> str | None:
        """Return the French of a text that the catalogue has."""
        known = self.exact.get(english) or self.names.get(english)
        if known is not None:
            return known
        for pattern, french in self.patterns:
            match = pattern.fullmatch(english)
            if match:
                return self._filled(match, french)
        return None

    def _filled(self, match: re.Match[str], french: str) -> str:
        """Return a French sentence with what the English one has in its holes."""
        names = match.re.groupindex
        others = [
            self._part(part)
            for place, part in enumerate(match.groups(), 1)
            if place not in names.values()
        ]
        waiting = iter(others)

        def fill(hole: re.Match[str]) -> str:
            name = hole.group()[1:-1]
            if not name:
                return next(waiting)
            part = match[f"of_{name}"]
            return part if name == AS_IS else self._part(part)

        return EVERYTHING.sub(fill, french)

    def _part(self, text: str) -> str:
        """Return what fills a hole of a sentence: a name, names, or figures."""
        return self._known(text) or self._list(text.split(", ")) or self.figures(text)

    def _list(self, pieces: Sequence[str]) -> str | None:
        """Return the French of a list of names, some of which may have a comma themselves."""
        for end in range(len(pieces), 0, -1):
            name = self._whole(", ".join(pieces[:end]))
            if name is None:
                continue
            if end == len(pieces):
                return name
            others = self._list(pieces[end:])
            if others is not None:
                return f"{name}, {others}"
        return None

    def _by_sentences(self, english: str, marks: str = ".;") -> str | None:
        """Return the French of several sentences, when each is known."""
        if not marks:
            return None
        said = []
        for piece in english.removesuffix(".").split(f"{marks[0]} "):
            french = (
                self._whole(piece)
                or self._whole(f"{piece}.")
                or self._by_sentences(piece, marks=marks[1:])
            )
            if french is None:
                return None
            said.append(french.removesuffix("."))
        between = ". " if marks[0] == "." else f"{NO_BREAK}; "
        return between.join(said) + "." * english.endswith(".")

    def figures(self, text: str) -> str:
        """Return a text with its numbers and dates as the language writes them.

        ISO dates become written ones in both languages.
        """
        text = re.sub(
            r"\b(\d{4})-(\d{2})-(\d{2})\b",
            lambda date: self.date(datetime.date.fromisoformat(date.group())),
            text,
        )
        text = re.sub(r"(?<=\d) ?%", f"{NO_BREAK}%", text)
        if self.language == "en":
            return text
        text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", NARROW, text)
        text = re.sub(r"(?<=\d)\.(?=\d)", ",", text)
        text = re.sub(
            rf"\b(\d{{1,2}}) ({MONTH})\b",
            lambda date: f"{'1er' if date.group(1) == '1' else date.group(1)} {date.group(2)}",
            text,
        )
        return re.sub(
            rf"\b(?:{MONTH})\b(?= \d{{4}})",
            lambda month: MONTHS["fr"][MONTHS["en"].index(month.group())],
            text,
        )

    def date(self, day: datetime.date) -> str:
        """Return a day as it is written in a sentence."""
        if self.language == "en":
            return f"{day.day} {MONTHS['en'][day.month - 1]} {day.year}"
        number = "1er" if day.day == 1 else str(day.day)
        return f"{number} {MONTHS['fr'][day.month - 1]} {day.year}"

    def value(self, value: object, spec: str | None = None) -> str:
        """Return a figure, a date or a text as a cell of a table shows it.

        Parameters
        ----------
        value : object
        spec : str, optional
            A number's format: a name of the board tool or a specification as ``.2f`` or ``.1%``;
            ``month`` for a day that stands for its month.
        """
        if value is None:
            return "–"
        if isinstance(value, bool):
            return self.text("yes" if value else "no")
        if isinstance(value, (datetime.date, datetime.datetime)):
            day = self.date(value)
            return day.split(" ", 1)[1] if spec == "month" else day
        if isinstance(value, (int, float, decimal.Decimal)):
            known = FORMATS.get(spec or "", spec) or (",d" if isinstance(value, int) else ",.2f")
            if isinstance(value, float) and value != value:
                return "–"
            # SQL, which writes the sentences, rounds a tie of decimals so.
            with decimal.localcontext(rounding=decimal.ROUND_HALF_UP):
                shown = format(value, known)
            if not re.search("[1-9]", shown):
                # What is rounded to nothing is not below it.
                shown = shown.removeprefix("-")
            return self.figures(shown.replace("-", "\u2212"))
        return str(value)

    def regional(self) -> dict[str, object]:
        """Return how the board tool writes numbers and dates in this language."""
        number = {
            "decimal": "." if self.language == "en" else ",",
            "thousands": "," if self.language == "en" else NARROW,
            "grouping": [3],
            "currency": ["", ""],
            "percent": f"{NO_BREAK}%",
        }
        place = "en-US" if self.language == "en" else "fr-FR"
        return {"locale": {"number": number, "time": place}, "language": self.language}


def with_marks_kept(french: str) -> str:
    """Return a French text with no-break spaces beside the marks that have a space."""
    return re.sub(r" (?=[%:;!?»])|(?<=«) ", NO_BREAK, french)


def as_place(text: str) -> str:
    """Return a text with the name of a place, which the data have in small letters, as it is written."""
    place, bracket, rest = text.partition("(")
    written = re.sub(
        r"(?<![\w'’])[^\W\d_]+(?![\w])",
        lambda word: word[0] if word[0] in SMALL else word[0][0].upper() + word[0][1:],
        place,
    )
    return f"{written}{bracket}{rest}"


def _as_pattern(sentence: str) -> re.Pattern[str]:
    """Return what recognises a sentence with holes."""
    pieces = []
    last = 0
    for hole in EVERYTHING.finditer(sentence):
        name = hole.group()[1:-1]
        pieces += [re.escape(sentence[last : hole.start()])]
        # A hole is within one sentence, or clause of one; a notice may be several.
        inside = ".+?" if name == AS_IS else r"(?:(?![.;] ).)+?"
        pieces += [f"(?P<of_{name}>{inside})" if name else f"({inside})"]
        last = hole.end()
    return re.compile("".join([*pieces, re.escape(sentence[last:])]), re.DOTALL)


def read_catalogue(path: Path) -> dict[str, str]:
    """Return the French of each English sentence.

    Parameters
    ----------
    path : Path
        A CSV file with the columns ``english`` and ``french``.

    Raises
    ------
    ValueError
        When a sentence stands there twice, or its holes differ between the languages.
    """
    catalogue: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            english, french = row["english"], row["french"]
            if english in catalogue:
                raise ValueError(f"{path}: {english!r} stands there twice.")
            if sorted(EVERYTHING.findall(english)) != sorted(EVERYTHING.findall(french)):
                raise ValueError(f"{path}: the {{}} of {english!r} are not those of its French.")
            catalogue[english] = french
    return catalogue


def read_names(path: Path, language: Language) -> dict[str, str]:
    """Return what people call things, by what the tables call them.

    Parameters
    ----------
    path : Path
        A CSV file with the columns ``name``, ``english`` and ``french``.
    language : {"en", "fr"}
    """
    with path.open(encoding="utf-8", newline="") as file:
        column = "english" if language == "en" else "french"
        return {row["name"]: row[column] for row in csv.DictReader(file)}


def in_language(rows: Iterable[Mapping[str, object]], words: Words) -> list[dict[str, object]]:
    """Return the rows of a query in the language of the page.

    A column ``x_french`` is what French pages show as ``x``; names of places and sellers, in the
    columns `PLACES` and `NAMES`, stay as they are.
    """
    translated = []
    for row in rows:
        shown: dict[str, object] = {}
        for column, value in row.items():
            if column.endswith("_french"):
                continue
            french = row.get(f"{column}_french") if words.language == "fr" else None
            if isinstance(french, str):
                value = with_marks_kept(french[:1].upper() + french[1:])
            elif isinstance(value, str) and column in PLACES:
                value = words.with_names(as_place(value))
            elif isinstance(value, str) and column not in NAMES:
                value = words.text(value)
            shown[column] = value
        translated.append(shown)
    return translated
