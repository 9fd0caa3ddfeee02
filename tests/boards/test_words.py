"""Words, numbers and dates of the pages, in both languages."""

from __future__ import annotations

import csv
import datetime
import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from conftest import PROJECT
from customer_segmentation.boards import TITLES, Words, read_catalogue, tables_of
from customer_segmentation.boards.sources import read_board, with_currency
from customer_segmentation.boards.words import as_place, in_language, read_names
from olist.sample.words import ENGLISH_CATEGORIES

CATALOGUE = read_catalogue(PROJECT / "charts" / "french.csv")
NAMES = {
    language: read_names(PROJECT / "charts" / "names.csv", language) for language in ("en", "fr")
}


def french(catalogue: dict[str, str]) -> Words:
    return Words("fr", catalogue, {"recency_days": "jours", "big": "gros"})


def test_a_sentence_with_holes_is_recognised_whatever_is_in_them() -> None:
    words = french({"{} are {} % of the customers": "{} : {} % des clients"})
    assert words.text("big are 48.5 % of the customers") == "Gros\u00a0: 48,5\u00a0% des clients"
    assert not words.unknown


def test_holes_with_names_may_change_their_order() -> None:
    words = french({"{many} of {all} segments": "sur {all} segments, {many}"})
    assert words.text("2 of 4 segments") == "Sur 4 segments, 2"


def test_the_sentence_that_demands_most_text_wins() -> None:
    words = french({"{} days": "{} jours", "{} of {} days": "{} jours sur {}"})
    assert words.text("3 of 10 days") == "3 jours sur 10"


def test_several_sentences_are_translated_one_by_one_or_not_at_all() -> None:
    words = french({"Too few orders": "Trop peu de commandes", "Wait {} days": "Attendre {} jours"})
    assert words.text("Too few orders; Wait 3 days.") == (
        "Trop peu de commandes\u00a0; Attendre 3 jours."
    )
    assert words.text("Too few orders. Hurry.") == "Too few orders. Hurry."
    assert words.unknown == {"Too few orders. Hurry."}


@pytest.mark.parametrize("refit", ["Refit every {}", "with the border of recency held, every {}"])
@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ("month", "chaque mois"),
        ("month or more", "chaque mois ou moins souvent"),
        ("7 months", "tous les 7 mois"),
        ("7 months or more", "tous les 7 mois ou moins souvent"),
        ("3 to 5 months", "tous les 3 à 5 mois"),
        ("3 to 5 months or more", "tous les 3 à 5 mois ou moins souvent"),
    ],
)
def test_an_interval_is_french_whether_its_sureness_is_known_or_not(
    refit: str, interval: str, said: str
) -> None:
    words = Words("fr", CATALOGUE, NAMES["fr"])
    known = words.text(refit.format(interval))
    assert known.endswith(f" {said}")
    how_surely = CATALOGUE[f"{refit}, how surely is not known"].partition("{}")[2]
    found = words.text(f"{refit.format(interval)}, how surely is not known")
    assert found == f"{known}{how_surely}"
    assert not words.unknown


def test_a_hole_ends_with_its_clause() -> None:
    words = french(
        {
            "Refit every {} months or more": "Réentraîner tous les {} mois ou plus",
            "Refit every month": "Réentraîner chaque mois",
            "held, every {} months or more": "figée, tous les {} mois ou plus",
        }
    )
    assert (
        words.text("Refit every month; held, every 4 months or more")
        == "Réentraîner chaque mois\N{NO-BREAK SPACE}; figée, tous les 4 mois ou plus"
    )


def test_a_notice_stays_as_it_is() -> None:
    words = french({"As of {} · Data: {as_is}": "Au {} · Données : {as_is}"})
    assert words.text("As of 1 March 2018 · Data: Olist, CC BY 4.0. Thanks.") == (
        "Au 1er mars 2018 · Données\u00a0: Olist, CC BY 4.0. Thanks."
    )


@pytest.mark.parametrize(
    ("value", "spec", "english", "as_french"),
    [
        (1234567, "integer", "1,234,567", "1\u202f234\u202f567"),
        (1234.5, "number_full", "1,234.50", "1\u202f234,50"),
        (0.4851, "percent", "48.5\u00a0%", "48,5\u00a0%"),
        (Decimal("-0.25"), ".2f", "−0.25", "−0,25"),
        (Decimal("10.50"), "integer", "11", "11"),
        (Decimal("-10.50"), "integer", "−11", "−11"),
        (Decimal("0.0625"), ".1%", "6.3\u00a0%", "6,3\u00a0%"),
        (Decimal("12345.125"), ".2f", "12345.13", "12345,13"),
        (None, "integer", "–", "–"),
        (float("nan"), ".2f", "–", "–"),
        (datetime.date(2018, 8, 1), None, "1 August 2018", "1er août 2018"),
        (12, None, "12", "12"),
    ],
)
def test_figures_are_written_as_the_language_writes_them(
    value: object, spec: str | None, english: str, as_french: str
) -> None:
    assert Words("en").value(value, spec) == english
    assert Words("fr").value(value, spec) == as_french


def test_what_is_rounded_to_nothing_is_not_below_it() -> None:
    for language, nothing, little in (("en", "0.00", "−0.01"), ("fr", "0,00", "−0,01")):
        assert Words(language).value(-0.0004, ".2f") == nothing
        assert Words(language).value(-0.006, ".2f") == little
        assert Words(language).value(-1000) == ("−1,000" if language == "en" else "−1\u202f000")


def test_iso_dates_in_sentences_are_written_out() -> None:
    assert Words("en").text("the model of 2018-08-01") == "The model of 1 August 2018"


def test_what_the_tables_call_it_has_a_name_for_people() -> None:
    words = Words("en", {}, {"recency_days": "days since the last order", "toys": "toys"})
    assert words.text("[[recency_days]] *") == "Days since the last order *"
    assert words.text("No change in recency_days.") == "No change in days since the last order."
    assert words.text("[[no_name_of_it]]") == "No name of it"


def test_names_of_places_and_ids() -> None:
    assert (
        as_place("1. são josé dos campos (SP) · 4869f7") == "1. São José dos Campos (SP) · 4869f7"
    )
    assert as_place("81f89e42") == "81f89e42"


def test_what_stands_beside_a_place_is_in_french() -> None:
    words = french({"{} ({} of {})": "{} ({} sur {})", "{} · {} reviews": "{} · {} avis"})
    row = {
        "state": "Mato Grosso do Sul (8 of 1,069)",
        "zip_code": "22753, rio de janeiro (RJ) · 50 reviews",
    }
    assert in_language([row | {"seller": "1. guariba (SP) · 4869f7"}], words) == [
        {
            "state": "Mato Grosso do Sul (8 sur 1\u202f069)",
            "zip_code": "22753, Rio de Janeiro (RJ) · 50 avis",
            "seller": "1. Guariba (SP) · 4869f7",
        }
    ]
    assert not words.unknown


def test_french_marks_stay_beside_their_words() -> None:
    row = {"action": "Ask", "action_french": "demander : « oui » ou non ?"}
    assert in_language([row], french({})) == [
        {"action": "Demander\u00a0: «\u00a0oui\u00a0» ou non\u00a0?"}
    ]


def test_a_column_in_french_stands_for_its_english_one() -> None:
    row = {"rule": "one order", "rule_french": "une commande", "state": "Paraná", "n": 3}
    assert in_language([row], french({})) == [{"rule": "Une commande", "state": "Paraná", "n": 3}]
    assert in_language([row], Words("en"))[0]["rule"] == "One order"


@pytest.mark.parametrize(
    ("currency", "english", "of_olist", "others"),
    [
        ("GBP", "Revenue, GBP", "Revenue, BRL", (", BRL", ", GBP")),
        ("XXX", "Revenue", "Revenue, BRL", (", BRL", "")),
        ("GBP", "GBP a customer", "BRL a customer", ("BRL", "GBP")),
        ("XXX", "Money a customer", "BRL a customer", ("BRL", "Montant")),
        ("XXX", "What they have spent", "What they have spent, BRL", (", BRL", "")),
    ],
)
def test_amounts_are_in_the_currency_of_the_data_or_in_none(
    currency: str, english: str, of_olist: str, others: tuple[str, str]
) -> None:
    """What the boards say of BRL is known in French, too, whatever the currency."""
    spoken = {
        with_currency(one, currency): with_currency(other, currency)
        for one, other in CATALOGUE.items()
    }
    words = Words("fr", spoken)
    assert words.text(english) == CATALOGUE[of_olist].replace(*others)
    assert "12" in words.text(f"The best month was May 2021: 12 {currency}".removesuffix(" XXX"))
    assert not words.unknown
    for name in TITLES:
        board = read_board(name, charts=PROJECT / "charts", currency=currency)
        said = str((board.queries, board.charts, board.title))
        assert "BRL" not in said
        assert "XXX" not in said


def test_a_catalogue_with_a_mistake_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "french.csv"
    for rows, reason in (
        ([("a {}", "b")], "are not those"),
        ([("a", "b"), ("a", "c")], "twice"),
    ):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("english", "french"), *rows])
        with pytest.raises(ValueError, match=reason):
            read_catalogue(path)


@pytest.mark.parametrize("board", TITLES)
def test_every_label_of_a_board_has_its_french(board: str) -> None:
    words = Words("fr", CATALOGUE, NAMES["fr"])
    source = yaml.safe_load((PROJECT / "charts" / f"{board}.yml").read_text(encoding="utf-8"))
    texts = [TITLES[board]]
    for chart in source["charts"].values():
        texts += [
            chart[key]
            for key in ("title", "subtitle", "label", "x_label", "y_label")
            if key in chart
        ]
        texts += [column["label"] for column in chart.get("style", {}).get("columns", {}).values()]
    for text in texts:
        if text and "{{" not in text:
            words.text(text)
    assert not words.unknown


@pytest.mark.parametrize("board", TITLES)
def test_every_sentence_of_a_query_has_its_french(board: str) -> None:
    """What queries say in format(…) and in plain texts of several words."""
    words = Words("fr", CATALOGUE, NAMES["fr"])
    source = yaml.safe_load((PROJECT / "charts" / f"{board}.yml").read_text(encoding="utf-8"))
    for query in source["queries"].values():
        sql = query["sql"] if isinstance(query, dict) else query
        for literal in re.findall(r"'((?:[^']|'')*)'", sql):
            if "_" in literal or literal.startswith((";", "^", " ", "(")):
                continue
            # What is joined to another text by || ends with a blank.
            sentence = re.sub(r"\{:[^}]*\}", "{}", literal) + "1" * literal.endswith(" ")
            if len(re.findall(r"[A-Za-z]{2,}", sentence)) > 3:
                words.text(sentence.replace("{}", "1"))
    assert not words.unknown


def test_every_category_of_the_synthetic_data_has_a_name() -> None:
    assert set(ENGLISH_CATEGORIES.values()) <= set(NAMES["fr"])


def test_boards_read_public_tables_alone() -> None:
    for board in TITLES:
        assert {table.split(".")[0] for table in tables_of(board)} <= {
            "marts", "segmentation", "maintenance", "bi", "seeds",
        }  # fmt: skip
