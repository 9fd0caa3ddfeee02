"""What is worked out once in a run of dbt is what dbt would have worked out each time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from dbt.adapters.events.types import SQLQueryStatus
from dbt.clients.jinja import get_rendered
from dbt.tracking import track_behavior_change_warn
from dbt_common.clients import agate_helper, jinja
from dbt_common.events import event_manager, functions
from dbt_common.events.base_types import EventLevel
from dbt_common.events.logger import LoggerConfig
from dbt_common.events.types import Note

from customer_segmentation._dbt import work_out_once

DEAR = {"number": 3, "names": ["a", "b"], "text": "'x' || y", "none": None}
ARGUMENTS = [
    "1", "1.50", "true", "None", "plain", "a, b", "['a', 1]", "it's", "",
    "{{ number }}", "{{ number + 1 }}", "{{ names }}", "{{ text }}", "{{ none }}",
    "{{ number | as_text }}", "{{ 'no' | as_native }}", "{% for n in names %}{{ n }} {% endfor %}",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _as_dbt_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what is patched to itself, so that it is put back."""
    for place, name in (
        (jinja.NativeSandboxTemplate, "new_context"),
        (functions, "env_secrets"),
        (agate_helper, "build_type_tester"),
        (event_manager.EventManager, "fire_event"),
    ):
        monkeypatch.setattr(place, name, getattr(place, name))


class Context(dict[str, Any]):
    """A context that says when it is copied."""

    copies = 0

    def __iter__(self) -> Iterator[str]:
        self.copies += 1
        return super().__iter__()

    def keys(self) -> Any:
        self.copies += 1
        return super().keys()


def test_arguments_of_tests_are_read_alike_and_without_a_copy_of_the_context(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # dbt keeps what has no expression in it.
    monkeypatch.setattr("dbt.clients.jinja._render_cache", {})
    before, context = Context(DEAR), Context(DEAR)
    expected = [get_rendered(text, before, native=True) for text in ARGUMENTS]
    monkeypatch.setattr("dbt.clients.jinja._render_cache", {})
    work_out_once()
    assert [get_rendered(text, context, native=True) for text in ARGUMENTS] == expected
    assert before.copies
    assert not context.copies


@pytest.mark.parametrize(
    "rows",
    [
        [{"day": "2026-01-02", "number": 1, "text": "007"}],
        [{"day": None, "number": 1.5, "text": ""}, {"day": None, "number": None, "text": "null"}],
        [{"day": True, "number": [1, 2], "text": "2026-01-02 03:04:05"}],
        [],
    ],
)
def test_results_have_the_same_values_and_types(rows: list[dict[str, Any]]) -> None:
    names = ["day", "number", "text"]

    def read() -> tuple[Any, Any]:
        table = agate_helper.table_from_data_flat(rows, names)
        return [list(row) for row in table.rows], [type(one) for one in table.column_types]

    expected = read()
    work_out_once()
    assert read() == expected
    assert read() == expected


def test_columns_that_are_text_elsewhere_are_not_text_here() -> None:
    work_out_once()
    for value in ("12", 12):
        table = agate_helper.table_from_data_flat([{"one": value}], ["one"])
        assert table.rows[0][0] == value


def test_a_secret_of_the_environment_is_left_out_of_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for secret in ("first", "second"):
        # A run looks anew.
        monkeypatch.setenv("DBT_ENV_SECRET_WORD", secret)
        work_out_once()
        assert functions.env_scrubber(f"the {secret} word") == "the ***** word"


@pytest.mark.parametrize(
    ("level", "is_listened_to", "lines"),
    [
        (EventLevel.INFO, False, ["for all", "forced"]),
        (EventLevel.INFO, True, ["for all", "forced"]),
        (
            EventLevel.DEBUG,
            False,
            ["SQL status: OK in 1.000 seconds", "for all", "quietly", "forced"],
        ),
    ],
)
def test_an_event_is_put_into_words_when_somebody_hears_it(
    level: EventLevel, is_listened_to: bool, lines: list[str]
) -> None:
    work_out_once()
    written, heard = io.StringIO(), []
    manager = event_manager.EventManager()
    manager.add_logger(LoggerConfig("heard", level=level, output_stream=written))
    manager.add_callback(track_behavior_change_warn)
    if is_listened_to:
        manager.add_callback(lambda message: heard.append(message.info.msg))
    manager.fire_event(SQLQueryStatus(status="OK", elapsed=1.0))
    manager.fire_or_defer_event(Note(msg="for all"), level=EventLevel.INFO)
    manager.fire_event(Note(msg="quietly"), EventLevel.DEBUG)
    manager.fire_event(Note(msg="forced"), level=EventLevel.WARN, force_warn_or_error_handling=True)
    assert [line[10:] for line in written.getvalue().splitlines()] == lines
    assert len(heard) == (4 if is_listened_to else 0)
