"""Numbers and dates as people of a language write them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any, Literal

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent

from customer_segmentation.shop import in_currency

Language = Literal["en", "fr"]
Kind = Literal[
    "whole",
    "decimal",
    "months",
    "every",
    "range",
    "share",
    "limit",
    "index",
    "day",
    "date",
    "money",
    "seconds",
    "megabytes",
    "currency",
    "text",
]

LANGUAGES: tuple[Language, ...] = ("en", "fr")
LOCALES = {"en": "en_GB", "fr": "fr_FR"}
NO_BREAK = "\N{NARROW NO-BREAK SPACE}"
NOTHING = "–"

# Words of the tables that a reader sees.
FRENCH_WORDS = {
    "keep": "conserver",
    "rescore": "actualiser les listes",
    "retrain": "réentraîner",
    "investigate": "examen humain",
    "drift": "dérive",
    "watch": "à surveiller",
    "passing of time": "temps qui passe",
    "none": "aucun changement",
    "behaviour": "comportement",
    "inflow of customers": "nouveaux clients",
    "missing values": "valeurs manquantes",
    "no": "non",
    "yes": "oui",
    "worst case": "au pire",
    "mean and worst case": "en moyenne et au pire",
}


def written(value: Any, kind: Kind, language: Language) -> str:
    """Write a value for a reader.

    Parameters
    ----------
    value : result of a query
    kind : str
        whole; decimal (two decimals at most); months ("1 month", "3 months"); every ("every
        month", "every 3 months"); range (of months, low and high); share (per cent, one decimal);
        limit (per cent, no more decimals than it has); index (two decimals); day ("1 October
        2018"); date (short, for tables); money (whole, or "less than 1"); seconds (one decimal);
        megabytes (from bytes; below 10 with one decimal); currency (with the blank before it, nothing when it
        is not known); text.
    language : {"en", "fr"}

    Returns
    -------
    str
        A dash for null.
    """
    if value is None or value != value:
        return NOTHING
    return _WRITERS[kind](value, language)


def with_marks_kept(text: str) -> str:
    """Return a French text with no-break spaces beside the marks that have a space; tags stay."""
    return re.sub(
        r"<[^>]*>| (?=[:;?!»%])|(?<=«) ",
        lambda found: found.group() if found.group()[0] == "<" else "\N{NO-BREAK SPACE}",
        text,
    )


def with_elisions(text: str) -> str:
    """Return a French text with « d’un » where a figure in words follows « de »; tags stay."""
    return re.sub(
        r"<[^>]*>|\bde\s+(?=(?:<[^>]*>)?un\b)",
        lambda found: found.group() if found.group()[0] == "<" else "d’",
        text,
    )


def _decimal(pattern: str) -> Callable[[Any, Language], str]:
    return lambda value, language: format_decimal(value, pattern, locale=LOCALES[language])


def _text(value: Any, language: Language) -> str:
    return FRENCH_WORDS.get(str(value), str(value)) if language == "fr" else str(value)


def _day(value: Any, language: Language) -> str:
    day = format_date(_date(value), "d MMMM y", locale=LOCALES[language])
    return "1er" + day[1:] if language == "fr" and day.startswith("1 ") else day


def _date(value: Any) -> datetime.date:
    return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value))


def _months(value: Any, language: Language) -> str:
    number = _decimal("#,##0")(value, language)
    if language == "fr" and value == 1:
        return "un mois"
    return f"{number} mois" if language == "fr" else f"{number} month{'s' * (value != 1)}"


def _range(value: Any, language: Language) -> str:
    low, high = value
    if low is None or high is None:
        return NOTHING
    if low == high:
        return _months(high, language)
    return f"{low} {'à' if language == 'fr' else 'to'} {_months(high, language)}"


def _every(value: Any, language: Language) -> str:
    if value == 1:
        return "tous les mois" if language == "fr" else "every month"
    return ("tous les " if language == "fr" else "every ") + _months(value, language)


def _percent(pattern: str) -> Callable[[Any, Language], str]:
    space = {"en": "", "fr": NO_BREAK}
    return lambda value, language: format_percent(
        value, f"{pattern}{space[language]}%", locale=LOCALES[language]
    )


def _money(value: Any, language: Language) -> str:
    if 0 < value < 1:
        return "moins de 1" if language == "fr" else "less than 1"
    return _decimal("#,##0")(value, language)


def _megabytes(value: Any, language: Language) -> str:
    return _decimal("#,##0" if value >= 10_000_000 else "#,##0.0")(value / 1_000_000, language)


_WRITERS: dict[Kind, Callable[[Any, Language], str]] = {
    "whole": _decimal("#,##0"),
    "decimal": _decimal("#,##0.##"),
    "months": _months,
    "every": _every,
    "range": _range,
    "share": _percent("#,##0.0"),
    "limit": _percent("#,##0.##"),
    "index": _decimal("#,##0.00"),
    "day": _day,
    "date": lambda value, language: (
        f"{_date(value):%d/%m/%Y}" if language == "fr" else f"{_date(value):%Y-%m-%d}"
    ),
    "money": _money,
    "seconds": _decimal("#,##0.0"),
    "megabytes": _megabytes,
    "currency": lambda value, language: in_currency(str(value)),
    "text": _text,
}
