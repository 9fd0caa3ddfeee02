"""Seeds that were edited carelessly: the tests in their YAML say what is wrong, asked without dbt."""

from __future__ import annotations

import csv
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from customer_segmentation.intake.seed_files import read_yaml
from rendering import PROJECT, Rows, rendered

Seed = list[dict[str, str]]
OURS = {path.stem: path for path in (PROJECT / "tests" / "generic").glob("*.sql")}


@functools.cache
def described() -> dict[str, dict[str, Any]]:
    """Return what the YAML says of each seed, by name."""
    files = sorted((PROJECT / "seeds").glob("*.yml"))
    return {seed["name"]: seed for path in files for seed in read_yaml(path)["seeds"]}


def rows_of(path: Path) -> Seed:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def found(seed: str, rows: Seed) -> list[str]:
    """Return what the tests of a seed say of rows; a test without a sentence of its own says its name."""
    types = described()[seed]["config"].get("column_types", {})
    columns = [column["name"] for column in described()[seed]["columns"]]
    said = []
    with duckdb.connect() as connection:
        inner = ", ".join(
            f'"{name}" {types.get(name, "string").replace("string", "varchar")}' for name in columns
        )
        connection.execute(f"create table {seed} ({inner})")
        values = [[row[name] or None for name in columns] for row in rows]
        if values:
            marks = ", ".join("?" for _ in columns)
            connection.executemany(f"insert into {seed} values ({marks})", values)
        for test in described()[seed]["data_tests"]:
            ((kind, stated),) = test.items()
            arguments = stated["arguments"]
            given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
            sql = rendered(
                OURS[kind].relative_to(PROJECT).as_posix(),
                select="{{ " + f"{kind}(rows, {given})" + " }}",
                known={"rows": Rows(identifier=seed), "staged_files": dict},
            )
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description]
            place = names.index("sentence") if "sentence" in names else None
            said += [
                stated.get("name", kind) if place is None else row[place]
                for row in cursor.fetchall()
            ]
    return said


def cell(column: str, value: str, **of: str) -> Callable[[Seed], Seed]:
    """Return what gives a column another value in the rows that have some values."""

    def changed(rows: Seed) -> Seed:
        chosen = [row for row in rows if of.items() <= row.items()]
        assert chosen
        return [row | ({column: value} if row in chosen else {}) for row in rows]

    return changed


def without(**of: str) -> Callable[[Seed], Seed]:
    """Return what deletes the rows that have some values."""

    def changed(rows: Seed) -> Seed:
        left = [row for row in rows if not of.items() <= row.items()]
        assert len(left) < len(rows)
        return left

    return changed


def with_row(**values: str) -> Callable[[Seed], Seed]:
    """Return what adds a row, empty but for some values."""
    return lambda rows: [*rows, dict.fromkeys(rows[0], "") | values]


def twice(rows: Seed) -> Seed:
    return [*rows, rows[0]]


THRESHOLDS = "maintenance_thresholds"
WORDS = "maintenance_words"
CASES: dict[str, tuple[str, Callable[[Seed], Seed], str]] = {
    "watched after it is acted on": (
        THRESHOLDS,
        cell("watch_value", "0.5", threshold_code="feature_psi"),
        "feature_psi has direction above, watch_value 0.5 and act_value 0.25; it must have direction above",
    ),
    "watched after it is acted on, below": (
        THRESHOLDS,
        cell("act_value", "0.99", threshold_code="prediction_agreement"),
        "prediction_agreement .*act_value 0.99; it must have direction below",
    ),
    "always watched": (
        THRESHOLDS,
        cell("watch_value", "0", threshold_code="outdated_share"),
        "outdated_share .*a watch_value above 0",
    ),
    "an agreement above 1": (
        THRESHOLDS,
        cell("watch_value", "80", threshold_code="structure_agreement"),
        "structure_agreement .*watch_value 80.0 .*of at most 1",
    ),
    "the other direction": (
        THRESHOLDS,
        cell("direction", "below", threshold_code="feature_psi"),
        "feature_psi has direction below",
    ),
    "a direction in capitals": (
        THRESHOLDS,
        cell("direction", "Above", threshold_code="feature_ks"),
        "feature_ks has direction Above",
    ),
    "a threshold without a value": (
        THRESHOLDS,
        cell("act_value", "", threshold_code="feature_ks"),
        "act_value is null in 1 of 8 rows",
    ),
    "a threshold that is gone": (
        THRESHOLDS,
        without(threshold_code="feature_ks"),
        "has no threshold_code feature_ks: add the row again",
    ),
    "a threshold that nothing reads": (
        THRESHOLDS,
        with_row(threshold_code="made_up", direction="above"),
        "has threshold_code made_up, which nothing reads",
    ),
    "a sentence that is gone in one language": (
        WORDS,
        without(word_code="no_change", language="fr"),
        "has no word_code no_change in language fr: add the row again",
    ),
    "a language that nobody reads": (
        WORDS,
        with_row(word_code="no_change", language="de", words="Nichts"),
        "has word_code no_change in language de, which nothing reads",
    ),
    "a placeholder that nothing fills": (
        WORDS,
        cell("words", "Age of {month}", word_code="model_age_months"),
        'words "Age of {month}" has a brace that is no placeholder; these are filled: {measure}, {value}',
    ),
    "half of a placeholder": (
        WORDS,
        cell("words", "Age of since}", word_code="model_age_months"),
        'words "Age of since}" has a brace',
    ),
    "a placeholder of a feature that nothing fills": (
        "feature_words",
        cell("between", "{from} to {to}", feature="frequency", language="en"),
        'between "{from} to {to}" has a brace',
    ),
    "one word twice": (WORDS, twice, "2 rows have word_code, language prediction_agreement, en"),
    "a rule that no cluster can meet": (
        "segment_playbook",
        cell("maximum_frequency", "1", segment_code="repeat"),
        "the rule of repeat has a minimum that is not below its maximum",
    ),
    "a segment without a code": (
        "segment_playbook",
        cell("segment_code", "", segment_code="repeat"),
        "segment_code is null in 1 of 5 rows",
    ),
    "two segments of one name": (
        "segment_labels",
        cell("name", "Big spenders", segment_code="repeat", language="en"),
        "2 rows have language, name en, Big spenders",
    ),
    "a price below 0": (
        "policy_costs",
        cell("cost_value", "-1", cost_code="refit_seconds"),
        "refit_seconds is -1.0; it must be a number, 0 or more",
    ),
    "a limit of months that is no whole number": (
        "question_limits",
        cell("limit_value", "2.5", limit_code="late_orders_months"),
        "late_orders_months is 2.5; it must be a whole number from 1 to 1200",
    ),
    "a region of another state": (
        "states",
        cell("region", "South", state_code="SP"),
        "states_regions_go_together",
    ),
    "an outlier rule that leaves nobody": (
        "outlier_rules",
        cell("minimum", "20000", feature="monetary"),
        "monetary has a minimum of 20000.0 and a maximum of 10000.0, so nobody is fitted on",
    ),
    "a score above 5": (
        "rfm_frequency_scores",
        cell("frequency_score", "9", minimum_frequency="2"),
        "9 from 2 orders; a score must be 1 to 5",
    ),
    "a score from no orders": (
        "rfm_frequency_scores",
        cell("minimum_frequency", "0", frequency_score="1"),
        "1 from 0 orders; a score must be 1 to 5, and the orders 1 or more",
    ),
    "a state that is gone": (
        "states",
        without(state_code="SP"),
        "has no state_code SP: add the row again",
    ),
    "a state in small letters": (
        "states",
        cell("state_code", "sp", state_code="SP"),
        "has state_code sp, which nothing reads",
    ),
    "an action without words": (
        "segment_actions",
        cell("action", "", segment_code="repeat"),
        "action is null in",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_careless_edit_is_found(case: str) -> None:
    seed, change, sentence = CASES[case]
    before = rows_of(PROJECT / "seeds" / f"{seed}.csv")
    said = found(seed, change(before))
    assert any(pattern_in(sentence, one) for one in said), said


def pattern_in(sentence: str, said: str) -> bool:
    """Say whether the pieces of a sentence, between ``.*``, are in another one in their order."""
    place = 0
    for piece in sentence.split(".*"):
        place = said.find(piece, place)
        if place < 0:
            return False
    return True


@pytest.mark.parametrize(
    "path",
    sorted((PROJECT / "seeds").rglob("*.csv")),
    ids=lambda path: path.parent.name + path.stem,
)
@pytest.mark.parametrize("order", [1, -1])
def test_the_seeds_pass_in_any_order_of_their_rows(path: Path, order: int) -> None:
    assert found(path.stem, rows_of(path)[::order]) == []
