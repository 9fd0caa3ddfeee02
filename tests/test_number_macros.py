"""Intervals in SQL are those of statsmodels, however many customers there are."""

from __future__ import annotations

from pathlib import Path

import duckdb
import jinja2
import pytest
from statsmodels.stats.proportion import proportion_confint

PROJECT = Path(__file__).resolve().parents[1]
COUNTS = [0, 1, 7, 96_096, 1_145_419, 99_999_999, 10**12]


@pytest.mark.parametrize(("z", "alpha"), [("none", 0.05), ("z_of_several()", 0.01)])
@pytest.mark.parametrize("trials", COUNTS)
def test_an_interval_is_wilsons_of_any_number_of_customers(
    trials: int, z: str, alpha: float
) -> None:
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    macros = (PROJECT / "macros/numbers.sql").read_text("utf-8")
    for successes in {0, trials // 3, trials}:
        low, high = (
            environment.from_string(
                macros + f"{{{{ wilson('successes', 'trials', '{end}', {z}) }}}}"
            ).render()
            for end in ("low", "high")
        )
        counts = f"select {successes}::bigint as successes, {trials}::bigint as trials"
        found = duckdb.sql(f"select {low}, {high} from ({counts})").fetchone()
        if trials == 0:
            assert found == (None, None)
        else:
            expected = proportion_confint(successes, trials, alpha=alpha, method="wilson")
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
