"""What a person sees of dbt while it builds."""

from __future__ import annotations

import io
import itertools
import re

import pytest

from customer_segmentation.publishing.dbt_process import PROGRESS_SECONDS, follow
from customer_segmentation.steps.engines import Engine

LINES = """\
00:00:01  Running with dbt=1.12.6
00:00:02  Registered adapter: duckdb=1.11.1
00:00:02  Found 90 models, 12 seeds, 250 data tests
00:00:02
00:00:02  Concurrency: 2 threads (target='dev')
00:00:02
00:00:02  1 of 1 START hook: project.on-run-start.0 .............. [RUN]
00:00:02  1 of 1 OK hook: project.on-run-start.0 ................. [OK in 0.10s]
00:00:02  1 of 4 START sql table model marts.rfm ................ [RUN]
00:00:02  1 of 4 OK created sql table model marts.rfm ........... [OK in 0.10s]
00:00:02  2 of 4 START test unique_rfm .......................... [RUN]
Warning of unique_rfm: 3 rows, such as {"customer": "Running with dbt=1"}
00:00:03  2 of 4 WARN 3 unique_rfm .............................. [WARN 3 in 0.02s]
00:00:03  3 of 4 START python table model segmentation_work.fits  [RUN]
· K-means 1/20: 2017-04-01 fitted
re-used 3 of 4 fits
00:00:04  3 of 4 ERROR creating python table model fits ......... [ERROR in 0.02s]
00:00:04  4 of 4 SKIP relation segmentation.segments ............ [SKIP]
00:00:05  Finished running 2 models in 0 hours 0 minutes and 3.00 seconds (3.00s).
00:00:05  Completed with 1 error, 0 partial successes, and 1 warning:
00:00:05
00:00:05    Runtime Error in model fits
  the second line of a message
00:00:05  Done. PASS=1 WARN=1 ERROR=1 SKIP=1 NO-OP=0 TOTAL=4
"""
KEPT = """\
Warning of unique_rfm: 3 rows, such as {"customer": "Running with dbt=1"}
00:00:03  2 of 4 WARN 3 unique_rfm .............................. [WARN 3 in 0.02s]
re-used 3 of 4 fits
00:00:04  3 of 4 ERROR creating python table model fits ......... [ERROR in 0.02s]
00:00:05  Completed with 1 error, 0 partial successes, and 1 warning:
00:00:05
00:00:05    Runtime Error in model fits
  the second line of a message
"""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines_in_colour() -> list[str]:
    return [
        line.replace("OK created", "\x1b[32mOK created\x1b[0m") for line in LINES.splitlines(True)
    ]


def test_what_is_wrong_is_shown_and_the_rest_is_counted() -> None:
    out = io.StringIO()
    follow(lines_in_colour(), out, clock=lambda: 0.0)
    assert out.getvalue() == (
        f"{KEPT}  4 of 4 models and tests, 0 s\n"
        "  1 of them were left out because of what failed before.\n"
    )


def test_a_log_file_hears_of_progress_now_and_then() -> None:
    seconds = itertools.count(0, PROGRESS_SECONDS / 2)
    out = io.StringIO()
    follow(
        [f"00:00:02  {n} of 9 PASS t{n} ... [PASS]\n" for n in range(1, 10)],
        out,
        clock=lambda: next(seconds),
    )
    assert 2 <= out.getvalue().count("of 9 models and tests") < 9


def test_a_log_file_hears_at_which_date_a_model_of_many_dates_is() -> None:
    seconds = itertools.count(0, PROGRESS_SECONDS)
    lines = ["00:00:02  1 of 9 PASS t ... [PASS]\n"]
    lines += [f"· Ageing of models {n}/180: 2011-01-01 unchanged\n" for n in range(1, 4)]
    out = io.StringIO()
    follow(lines, out, clock=lambda: next(seconds))
    assert "  1 of 9 models and tests, 45 s  Ageing of models 2/180: 2011-01-01 unchanged\n" in (
        out.getvalue()
    )


@pytest.mark.parametrize(
    "line",
    [
        "1 of 9 PASS grain_of_rfm ................ [PASS in 0.29s]",
        "1 of 9 PASS grain_of_rfm  [PASS in 0.29s]",
        "1 of 9 START test grain_of_rfm  [RUN]",
    ],
)
def test_a_name_is_shown_whether_dots_follow_it_or_not(line: str) -> None:
    seconds = itertools.count(0, PROGRESS_SECONDS)
    out = io.StringIO()
    follow([f"00:00:02  {line}\n"], out, clock=lambda: next(seconds))
    assert re.search(r"of 9 models and tests, \d+ s  grain_of_rfm\n", out.getvalue())


def test_a_terminal_has_one_line_that_is_written_over() -> None:
    out = Terminal()
    follow(lines_in_colour(), out, clock=lambda: 0.0)
    shown = out.getvalue()
    assert "\r\x1b[K  1 of 4 models and tests, 0 s  marts.rfm" in shown
    assert "\r\x1b[K  2 of 4 models and tests, 0 s  K-means 1/20: 2017-04-01 fitted" in shown
    for line in KEPT.splitlines(True):
        assert f"\r\x1b[K{line}" in shown
    assert shown.endswith(
        "\r\x1b[K  4 of 4 models and tests, 0 s\n  1 of them were left out because of what failed before.\n"
    )


def test_what_is_no_line_of_a_build_is_shown_as_it_is() -> None:
    out = io.StringIO()
    usage = "Usage: dbt build [OPTIONS]\n\n  Run all seeds\n"
    follow(usage.splitlines(True), out)
    assert out.getvalue() == usage


def test_a_step_of_a_model_is_one_whole_write_that_is_known_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writes: list[str] = []
    monkeypatch.setattr("sys.stdout.write", writes.append)
    Engine.report(None, "K-means 1/20: 2017-04-01 fitted")  # type: ignore[arg-type]
    monkeypatch.undo()
    assert len(writes) == 1
    assert writes[0].endswith("\n")
    out = Terminal()
    follow(["00:00:03  3 of 4 START python model x  [RUN]\n", *writes], out, clock=lambda: 0.0)
    assert "0 s  K-means 1/20: 2017-04-01 fitted" in out.getvalue()
    quiet = io.StringIO()
    follow(writes, quiet, clock=lambda: 0.0)
    assert quiet.getvalue() == ""


def test_what_a_model_notes_of_the_result_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[str] = []
    monkeypatch.setattr("sys.stdout.write", writes.append)
    Engine.note(None, "Var force_retrain names 2018-03-15")  # type: ignore[arg-type]
    monkeypatch.undo()
    quiet = io.StringIO()
    follow(["00:00:03  3 of 4 START python model x  [RUN]\n", *writes], quiet, clock=lambda: 0.0)
    assert "Var force_retrain names 2018-03-15\n" in quiet.getvalue()
