"""Decisions: each rule by hand, facts before the date only, and the walk over dates."""

from __future__ import annotations

import csv
import itertools
import re

import duckdb
import numpy as np
import pandas as pd
import pytest

from customer_segmentation.steps.decisions import (
    DECISION_COLUMNS,
    Threshold,
    decide,
    longest_age,
    thresholds_from,
    whole_months,
)
from rendering import PROJECT, rendered

THRESHOLDS = {
    "structure_agreement": Threshold("below", 0.9, 0.8),
    "prediction_agreement": Threshold("below", 0.8, 0.65),
    "model_age_months": Threshold("above", 5, 6),
    "outdated_share": Threshold("above", 0.05, 0.1),
    "order_value_ratio": Threshold("above", 1.5, 3.0),
}
DAYS = pd.date_range("2018-01-01", periods=5, freq="MS")


def dates(**changes: dict[int, object]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "as_of_date": DAYS,
            "is_segmentable": True,
            "is_sparse": False,
            "note": "Segmented.",
            "orders_in_last_month": 6_000,
            "order_value_ratio": 1.05,
            "fitted_model_id": [f"model-{number}" for number in range(len(DAYS))],
            "is_fit_accepted": True,
            "gate_failures": "",
        }
    ).astype(object)
    for column, values in changes.items():
        for row, value in values.items():
            frame.loc[row, column] = value
    return frame


def pairs(**changes: dict[tuple[int, int], float]) -> pd.DataFrame:
    """Nothing ever changes, but for what is said."""
    rows = []
    for later in range(len(DAYS)):
        for base in range(later):
            row = {
                "baseline_as_of_date": DAYS[base].date(),
                "as_of_date": DAYS[later].date(),
                "prediction_agreement": 0.95,
                "structure_agreement": 0.99,
                "outdated_share": 0.01,
            }
            for measure, values in changes.items():
                row[measure] = values.get((base, later), row[measure])
            rows.append(row)
    return pd.DataFrame(rows)


def drift(verdicts: dict[tuple[int, int], str] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "baseline_as_of_date": DAYS[base].date(),
                "as_of_date": DAYS[later].date(),
                "feature": "monetary",
                "verdict": verdict,
            }
            for (base, later), verdict in (verdicts or {}).items()
        ],
        columns=["baseline_as_of_date", "as_of_date", "feature", "verdict"],
    )


def decided(frame=None, pair=None, verdicts=None, thresholds=THRESHOLDS, **options) -> pd.DataFrame:
    found = decide(
        dates() if frame is None else frame,
        pairs() if pair is None else pair,
        drift(verdicts),
        thresholds,
        **options,
    )
    assert list(found.columns) == list(DECISION_COLUMNS)
    return found


def summary(found: pd.DataFrame) -> list[tuple[str, str | None]]:
    once = found.drop_duplicates("as_of_date")
    return list(zip(once["decision"], once["model_id"], strict=True))


def reasons(found: pd.DataFrame, row: int) -> list[str]:
    """Return what the reasons of a date are about, with their levels."""
    of_date = found[found["as_of_date"] == DAYS[row].date()]
    return [
        code if level is None else f"{code} {level}"
        for code, level in zip(of_date["reason_code"], of_date["level"], strict=True)
    ]


def detail(found: pd.DataFrame, row: int, code: str) -> object:
    of_date = found[(found["as_of_date"] == DAYS[row].date()) & (found["reason_code"] == code)]
    return of_date["detail"].item()


def test_nothing_crossed_keeps_the_first_model() -> None:
    found = decided()
    assert summary(found) == [("retrain", "model-0")] + [("keep", "model-0")] * 4
    assert reasons(found, 0) == ["first_model"]
    assert reasons(found, 1) == ["within_limits"]


@pytest.mark.parametrize(
    ("measure", "value"), [("prediction_agreement", 0.6), ("structure_agreement", 0.79)]
)
def test_agreement_below_its_limit_retrains_and_the_new_model_is_judged_from_there(
    measure: str, value: float
) -> None:
    found = decided(pair=pairs(**{measure: {(0, 2): value}}))
    assert [decision for decision, _ in summary(found)] == [
        "retrain",
        "keep",
        "retrain",
        "keep",
        "keep",
    ]
    assert summary(found)[4] == ("keep", "model-2")
    last = found[found["as_of_date"] == DAYS[4].date()].iloc[0]
    assert last["judged_model_id"] == "model-2"
    assert last["model_age_days"] == (DAYS[4] - DAYS[2]).days
    row = found[found["threshold_code"] == measure].iloc[0]
    assert (row["level"], row["value"], row["threshold"]) == (
        "act",
        value,
        THRESHOLDS[measure].act,
    )
    assert row["reason_code"] == measure


def test_the_limit_itself_is_good_enough() -> None:
    found = decided(pair=pairs(prediction_agreement={(0, 2): 0.65}))
    assert summary(found)[2] == ("keep", "model-0")
    assert reasons(found, 2) == ["prediction_agreement watch"]


def test_labels_out_of_date_add_up_until_they_are_rescored() -> None:
    shares = {(0, later): 0.03 for later in range(1, 5)}
    found = decided(pair=pairs(outdated_share=shares))
    assert [decision for decision, _ in summary(found)] == [
        "retrain",
        "keep",
        "rescore",
        "keep",
        "rescore",
    ]
    once = found.drop_duplicates("as_of_date").set_index("as_of_date")["outdated_share"]
    assert once[DAYS[2].date()] == pytest.approx(0.06)
    assert once[DAYS[3].date()] == pytest.approx(0.03)
    assert {model for _, model in summary(found)} == {"model-0"}


def test_a_feature_that_drifts_is_investigated_and_the_model_stays() -> None:
    found = decided(verdicts={(0, 1): "watch", (0, 2): "drift", (0, 3): "passing of time"})
    assert [decision for decision, _ in summary(found)] == [
        "retrain",
        "keep",
        "investigate",
        "keep",
        "keep",
    ]
    assert summary(found)[2] == ("investigate", "model-0")
    assert reasons(found, 1) == ["feature_drift watch"]
    assert reasons(found, 2) == ["feature_drift act"]
    assert found[found["reason_code"] == "feature_drift"]["feature"].tolist() == ["monetary"] * 2
    assert reasons(found, 3) == ["within_limits"]


def test_order_values_out_of_proportion_are_investigated_and_nothing_is_learnt_from_them() -> None:
    found = decided(
        frame=dates(order_value_ratio={2: 100.0, 3: 2.0}),
        pair=pairs(prediction_agreement={(0, 2): 0.1}),
    )
    assert summary(found)[2] == ("investigate", "model-0")
    assert reasons(found, 2) == ["order_value_ratio act", "prediction_agreement act"]
    assert summary(found)[3] == ("keep", "model-0")
    assert reasons(found, 3) == ["order_value_ratio watch"]
    assert found.drop_duplicates("as_of_date")["is_fallback"].tolist() == [
        False,
        False,
        True,
        False,
        False,
    ]


def test_a_sparse_month_is_investigated() -> None:
    found = decided(
        frame=dates(is_sparse={3: True}, orders_in_last_month={3: 4}, order_value_ratio={3: np.nan})
    )
    assert summary(found)[3] == ("investigate", "model-0")
    assert reasons(found, 3) == ["sparse_month"]
    assert found[found["reason_code"] == "sparse_month"]["value"].tolist() == [4]


def test_nothing_is_learnt_from_a_sparse_month_but_the_first_model() -> None:
    found = decided(
        frame=dates(is_sparse={0: True, 1: True}, orders_in_last_month={0: 7, 1: 7}),
        pair=pairs(prediction_agreement={(0, 1): 0.1, (0, 2): 0.1}),
    )
    assert summary(found)[:3] == [
        ("retrain", "model-0"),
        ("investigate", "model-0"),
        ("retrain", "model-2"),
    ]
    assert reasons(found, 0) == ["first_model_after_sparse_month"]


AGED = {**THRESHOLDS, "model_age_months": Threshold("above", 1, 2)}


def test_a_model_as_old_as_its_limit_is_retrained() -> None:
    found = decided(thresholds=AGED)
    assert summary(found) == [
        ("retrain", "model-0"),
        ("keep", "model-0"),
        ("retrain", "model-2"),
        ("keep", "model-2"),
        ("retrain", "model-4"),
    ]
    assert reasons(found, 1) == ["model_age_months watch"]
    row = found[found["as_of_date"] == DAYS[2].date()].iloc[0]
    assert (row["threshold_code"], row["level"], row["value"], row["threshold"]) == (
        "model_age_months",
        "act",
        2,
        2,
    )
    assert found.drop_duplicates("as_of_date")["model_age_months"].tolist() == [None, 1, 2, 1, 2]


def test_an_old_model_stays_when_nothing_can_be_learnt() -> None:
    """A sparse month, corrupted values and a refused fit each leave it; the next good date retrains."""
    for changes in (
        {"is_sparse": {2: True}},
        {"order_value_ratio": {2: 100.0}},
        {"is_fit_accepted": {2: False}, "gate_failures": {2: "Too small."}},
    ):
        found = decided(frame=dates(**changes), thresholds=AGED)
        assert summary(found)[2:4] == [("investigate", "model-0"), ("retrain", "model-3")], changes
        assert found.drop_duplicates("as_of_date")["is_fallback"].tolist()[2:4] == [True, False]


def test_what_is_too_old_to_be_measured_would_decide_nothing() -> None:
    """Sparse months keep a model beyond its age; bad measures there add reasons, and no other decision."""
    sparse = dates(is_sparse={2: True, 3: True}, is_fit_accepted={3: False})
    everything = pairs(
        prediction_agreement={(0, 3): 0.1, (0, 4): 0.1}, structure_agreement={(0, 4): 0.1}
    )
    is_near = everything["as_of_date"] <= DAYS[2].date()
    found, expected = (
        decided(frame=sparse, pair=pair, verdicts={(0, 1): "none"}, thresholds=AGED)
        for pair in (everything[is_near], everything)
    )
    assert summary(found) == summary(expected)
    assert summary(found)[2:] == [
        ("investigate", "model-0"),
        ("investigate", "model-0"),
        ("retrain", "model-4"),
    ]
    for frame, measured in ((found, None), (expected, 0.1)):
        row = frame[frame["as_of_date"] == DAYS[3].date()].iloc[0]
        assert (row["prediction_agreement"], row["drifted_features"]) == (measured, None)


@pytest.mark.parametrize(
    ("months", "act", "longest"), [(24, 3, 24), (24, 36, 36), (24, 30.5, 31), (24, 1e9, 1200)]
)
def test_a_model_is_measured_until_its_age_retrains_it(
    months: int, act: float, longest: int
) -> None:
    thresholds = {"model_age_months": Threshold("above", 1, act)}
    assert longest_age({"engine": {"longest_age_months": months}}, thresholds) == longest


@pytest.mark.parametrize(
    ("earlier", "later", "months"),
    [
        ("2018-06-01", "2018-09-01", 3),
        ("2018-06-01", "2018-08-31", 2),
        ("2017-12-01", "2018-03-01", 3),
        ("2018-02-01", "2018-05-01", 3),
        ("2018-07-18", "2018-10-17", 2),
        ("2018-07-18", "2018-10-18", 3),
        ("2018-01-31", "2018-02-28", 1),
        ("2018-01-31", "2018-02-27", 0),
        ("2016-02-29", "2017-02-28", 12),
        ("2018-01-01", "2018-01-01", 0),
    ],
)
def test_whole_months(earlier: str, later: str, months: int) -> None:
    assert whole_months(pd.Timestamp(earlier), pd.Timestamp(later)) == months


def test_a_fit_that_was_not_accepted_does_not_take_over() -> None:
    found = decided(
        frame=dates(is_fit_accepted={2: False}, gate_failures={2: "Silhouette too low."}),
        pair=pairs(prediction_agreement={(0, 2): 0.3, (0, 3): 0.3}),
    )
    assert summary(found)[2] == ("investigate", "model-0")
    assert detail(found, 2, "fit_refused") == "Silhouette too low."
    assert summary(found)[3] == ("retrain", "model-3")
    assert found.drop_duplicates("as_of_date")["is_fallback"].tolist()[2:4] == [True, False]


def test_no_accepted_fit_no_model() -> None:
    found = decided(
        frame=dates(is_fit_accepted={0: None}, fitted_model_id={0: None}, gate_failures={0: None})
    )
    assert summary(found)[:2] == [("investigate", None), ("retrain", "model-1")]


def test_a_date_without_enough_data_is_left_alone() -> None:
    left_out = dates(
        is_segmentable={0: False},
        note={0: "Not segmented: 3 customers."},
        fitted_model_id={0: None},
    )
    found = decided(frame=left_out)
    assert summary(found)[:2] == [("keep", None), ("retrain", "model-1")]
    assert reasons(found, 0) == ["not_segmented"]
    assert detail(found, 0, "not_segmented") == "Not segmented: 3 customers."


def test_retraining_can_be_forced() -> None:
    found = decided(force_retrain=["2018-02-01", "latest"])
    assert summary(found)[1] == ("retrain", "model-1")
    assert summary(found)[4] == ("retrain", "model-4")
    assert reasons(found, 4) == ["forced"]
    # Even on a month of which nothing would be learnt; never with a fit that failed its gates.
    sparse = decided(frame=dates(is_sparse={4: True}), force_retrain=["latest"])
    assert summary(sparse)[4] == ("retrain", "model-4")
    refused = decided(frame=dates(is_fit_accepted={4: False}), force_retrain=["latest"])
    assert summary(refused)[4] == ("investigate", "model-0")
    said: list[str] = []
    decided(force_retrain=["2018-02-01", "2018-02-15", "latest"], report=said.append)
    assert len(said) == 1
    assert "force_retrain names 2018-02-15, which is no date of marts.periods" in said[0]


def test_later_facts_do_not_change_earlier_decisions() -> None:
    frame = dates(order_value_ratio={2: 100.0})
    pair = pairs(prediction_agreement={(0, 1): 0.7, (0, 3): 0.2}, outdated_share={(0, 1): 0.2})
    everything = decided(frame=frame, pair=pair)
    for known in range(1, len(DAYS)):
        until = decided(
            frame=frame.head(known),
            pair=pair[pd.to_datetime(pair["as_of_date"]) < DAYS[known]],
        )
        expected = everything[pd.to_datetime(everything["as_of_date"]) < DAYS[known]]
        pd.testing.assert_frame_equal(until, expected.reset_index(drop=True))


def test_no_dates_no_decisions() -> None:
    found = decide(dates().head(0), pairs().head(0), drift(), THRESHOLDS, force_retrain=["latest"])
    assert found.empty
    assert list(found.columns) == list(DECISION_COLUMNS)


def test_levels() -> None:
    above, below = Threshold("above", 1, 2), Threshold("below", 2, 1)
    assert [above.level(v) for v in (0.9, 1, 2, None, np.nan)] == [None, "watch", "act", None, None]
    assert [below.level(v) for v in (2, 1.9, 1, 0.9)] == [None, "watch", "watch", "act"]
    seed = pd.DataFrame(
        {"threshold_code": ["a"], "direction": ["above"], "watch_value": [1], "act_value": [2]}
    )
    assert thresholds_from(seed) == {"a": Threshold("above", 1.0, 2.0)}


# --- in words ---------------------------------------------------------------------------------

SEEDS = ("maintenance_words", "maintenance_thresholds", "feature_words")
MACROS = ("macros/numbers.sql", "macros/seed_rules.sql")


def said(found: pd.DataFrame, **verdict: object) -> list[tuple[str, str]]:
    """Return the sentences of decisions, English and French; a verdict is that of monetary."""
    connection = duckdb.connect()
    connection.execute("create schema staging")
    for seed in SEEDS:
        path = PROJECT / "seeds" / f"{seed}.csv"
        connection.execute(f"create table staging.{seed} as from read_csv('{path}')")
    row = {
        "baseline_as_of_date": DAYS[0].date(),
        "as_of_date": DAYS[1].date(),
        "feature": "monetary",
        "verdict": "drift",
        "cause": "behaviour",
        "psi_behaviour": 0.3,
        "ks_behaviour": 0.15,
        "missing_share_rise": 0.0,
        **verdict,
    }
    connection.register("verdict_rows", pd.DataFrame([row]))
    connection.execute(
        "create table staging.feature_verdicts as select * replace (baseline_as_of_date::date as baseline_as_of_date,"
        " as_of_date::date as as_of_date, cause::varchar as cause) from verdict_rows"
    )
    columns = ", ".join(
        f'"{name}"::{"varchar" if kind == "string" else kind} as "{name}"'
        for name, kind in DECISION_COLUMNS.items()
    )
    connection.register("found", found)
    connection.execute(f"create table staging.refresh_decisions as select {columns} from found")
    known = {
        "setting": lambda *_: 100,
        "ordered_list": lambda value, separator, place: (
            f"string_agg({value}, '{separator}' order by {place})"
        ),
    }
    sql = rendered(*MACROS, "models/maintenance/decision_reasons.sql", known=known)
    return connection.execute(
        f"select reason, reason_french from ({sql}) order by as_of_date, reason_number"
    ).fetchall()


def test_reasons_are_sentences_that_a_marketer_understands() -> None:
    found = decided(
        frame=dates(
            order_value_ratio={1: 1.5},
            is_sparse={3: True},
            orders_in_last_month={3: 16},
            is_fit_accepted={4: False},
            gate_failures={4: "Silhouette too low."},
        ),
        pair=pairs(
            prediction_agreement={(0, 2): 0.6499, (2, 4): 0.2},
            structure_agreement={(2, 4): 0.85},
            outdated_share={(2, 3): 0.101},
        ),
        thresholds=AGED,
    )
    assert said(found) == [
        (
            "There is no model yet: the first one is trained.",
            "Il n’y a pas encore de modèle : le premier est entraîné.",
        ),
        (
            "Median order of the month before against that of the three months before it, the larger divided by the"
            " smaller: 1.50, at or above the early-warning limit of 1.5.",
            "Montant médian d’une commande le mois précédent et lors des trois mois d’avant, le plus grand divisé par"
            " le plus petit : 1,50, seuil d’alerte de 1,5 atteint.",
        ),
        (
            "Age of the model of 2018-01-01, in months: 1, at or above the early-warning limit of 1.",
            "Âge du modèle du 01/01/2018, en mois : 1, seuil d’alerte de 1 atteint.",
        ),
        (
            # Two decimals would make it its limit.
            "Agreement of the model of 2018-01-01 with one trained on the customers of this date (1 = the same"
            " segments, 0 = as by chance): 0.6499, below the limit of 0.65.",
            "Accord du modèle du 01/01/2018 avec un modèle entraîné sur les clients de cette date (1 = mêmes"
            " segments, 0 = hasard) : 0,6499, sous le seuil de 0,65.",
        ),
        (
            "Age of the model of 2018-01-01, in months: 2, at or above the limit of 2.",
            "Âge du modèle du 01/01/2018, en mois : 2, seuil de 2 atteint.",
        ),
        (
            "The month before had few orders (16, fewer than 100): nothing is learnt from it.",
            "Le mois précédent a eu peu de commandes (16, moins de 100) : aucun enseignement n’en est tiré.",
        ),
        (
            "Age of the model of 2018-03-01, in months: 1, at or above the early-warning limit of 1.",
            "Âge du modèle du 01/03/2018, en mois : 1, seuil d’alerte de 1 atteint.",
        ),
        (
            "Customers whose segment has changed since lists were last to be drawn, at most: 10.1 %, at or above the"
            " limit of 10 %.",
            "Part des clients ayant changé de segment depuis la dernière actualisation des listes, au plus : 10,1 %,"
            " seuil de 10 % atteint.",
        ),
        (
            "Agreement of the model of 2018-03-01 with one trained on the customers of this date (1 = the same"
            " segments, 0 = as by chance): 0.20, below the limit of 0.65.",
            "Accord du modèle du 01/03/2018 avec un modèle entraîné sur les clients de cette date (1 = mêmes"
            " segments, 0 = hasard) : 0,20, sous le seuil de 0,65.",
        ),
        (
            "Agreement of the segments given on 2018-03-01 with segments found anew among the same customers (1 = the"
            " same, 0 = as by chance): 0.85, below the early-warning limit of 0.9.",
            "Accord des segments attribués le 01/03/2018 avec une nouvelle segmentation des mêmes clients (1 = mêmes"
            " segments, 0 = hasard) : 0,85, sous le seuil d’alerte de 0,9.",
        ),
        (
            "Age of the model of 2018-03-01, in months: 2, at or above the limit of 2.",
            "Âge du modèle du 01/03/2018, en mois : 2, seuil de 2 atteint.",
        ),
        (
            "Customers whose segment has changed since lists were last to be drawn, at most: 11.1 %, at or above the"
            " limit of 10 %.",
            "Part des clients ayant changé de segment depuis la dernière actualisation des listes, au plus : 11,1 %,"
            " seuil de 10 % atteint.",
        ),
        (
            "The model trained on this date was not accepted. Silhouette too low.",
            "Le modèle entraîné à cette date a échoué à ses contrôles.",
        ),
    ]


@pytest.mark.parametrize(
    ("verdict", "english", "french"),
    [
        (
            {},
            "Since 2018-01-01 customers behave differently in the money spent (population stability index 0.30, limit"
            " 0.25; share of customers who lie elsewhere, at least 15.0 %, limit 10 %).",
            "Depuis le 01/01/2018, le comportement des clients a changé pour le montant dépensé (indice de stabilité de"
            " la population 0,30, seuil 0,25 ; part des clients déplacés, au moins 15,0 %, seuil 10 %).",
        ),
        (
            {"cause": "inflow of customers", "psi_behaviour": 0.2499, "ks_behaviour": 0.2},
            "Since 2018-01-01 new customers differ in the money spent, while earlier ones behave as before (population"
            " stability index 0.25, limit 0.1; share of customers who lie elsewhere, at least 20.0 %, limit 20 %).",
            "Depuis le 01/01/2018, les nouveaux clients se distinguent par le montant dépensé, alors que le"
            " comportement des anciens n’a pas changé (indice de stabilité de la population 0,25, seuil 0,1 ; part des"
            " clients déplacés, au moins 20,0 %, seuil 20 %).",
        ),
        (
            {"cause": "missing values", "psi_behaviour": 0.0, "ks_behaviour": None, "missing_share_rise": 0.059},
            "More customers than on 2018-01-01 have no value for the money spent (additional share of customers"
            " 5.9 %, limit 5 %).",
            "Plus de clients qu’au 01/01/2018 n’ont pas de valeur pour le montant dépensé (part de clients en plus"
            " 5,9 %, seuil 5 %).",
        ),
    ],
)  # fmt: skip
def test_drift_in_words(verdict: dict[str, object], english: str, french: str) -> None:
    found = decided(frame=dates().head(2), verdicts={(0, 1): "drift"})
    assert said(found, **verdict)[1] == (english, french)


def test_a_feature_without_words_is_called_by_its_own_name() -> None:
    found = decided(frame=dates().head(2), verdicts={(0, 1): "drift"})
    found["feature"] = found["feature"].replace({"monetary": "visits"})
    (_, (english, french)) = said(found, feature="visits")
    assert "differently in visits (" in english
    assert "a changé pour visits (" in french


def test_the_words_of_both_languages_have_the_same_marks_and_no_names_of_columns() -> None:
    with (PROJECT / "seeds" / "maintenance_words.csv").open(encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["word_code"])
    for code, pair in itertools.groupby(rows, key=lambda row: row["word_code"]):
        words = {row["language"]: row["words"] for row in pair}
        assert sorted(words) == ["en", "fr"], code
        marks = {language: set(re.findall(r"\{\w+\}", text)) for language, text in words.items()}
        # What the build says of a fit or a date is English.
        assert marks["en"] - {"{detail}"} == marks["fr"], code
        assert not re.search(r"\w_\w", re.sub(r"\{\w+\}", "", " ".join(words.values()))), code
