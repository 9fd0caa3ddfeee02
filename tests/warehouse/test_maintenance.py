"""Maintenance as a user runs it: published is what was decided, both refresh modes, settings."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmarks.history import truncate_raw_data
from conftest import SMALL_STUDY, WITHOUT_TESTS, different_rows, query

# --- both modes -----------------------------------------------------------------------------------------


def assert_decisions_are_obeyed(decided: Path) -> None:
    models = query(
        decided,
        "select as_of_date, decision, decisions.model_id, period_models.model_id, note"
        " from maintenance.decisions inner join segmentation.period_models using (as_of_date)",
    )
    assert {row[1] for row in models} >= {"retrain", "rescore"}
    for as_of_date, decision, model_in_force, model_used, note in models:
        assert model_in_force == model_used, as_of_date
        if decision == "rescore":
            assert "Scored by the model of" in note
    # A segment means the same number of days and reais until the next retraining.
    (used,) = query(
        decided,
        "select count(distinct model_id) from segmentation.customer_segments",
    )[0]
    retrained = sum(row[1] == "retrain" for row in models)
    assert used == retrained < len(models)
    # Everybody is scored by the model in force; a dbt test holds that SQL scores the same.
    assert query(
        decided,
        "select count(*), count(*) filter (where s.model_id != p.model_id)"
        " from segmentation.customer_segments as s inner join segmentation.period_models as p using (as_of_date)",
    ) == [(query(decided, "select count(*) from segmentation_work.segmentation_features")[0][0], 0)]


@pytest.mark.build
def test_the_pipeline_obeys_its_decisions(
    publish, sample_folder: Path, sample_database: Path, tmp_path: Path
) -> None:
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    settings = json.dumps(
        {
            "force_retrain": ["2018-05-01"],
            "engine": {"measured_customers": 1000},
            "study": SMALL_STUDY,
        }
    )
    publish("--vars", settings, raw_dir=sample_folder, database=database)
    assert_decisions_are_obeyed(database)
    # The study compares on one date, by the numbers of the model in force there, and describes as of another.
    compared, described = (
        query(database, f"select max(as_of_date) from marts.periods where {flag}")[0][0]
        for flag in ("is_compared", "is_described")
    )
    assert compared < described
    for table, date in (
        ("model_comparison", compared),
        ("cluster_stability", compared),
        ("segment_traits", described),
        ("segment_separation", described),
        ("segment_projection", described),
        ("projection_axes", described),
        ("segment_radar", described),
    ):
        found = query(database, f"select distinct as_of_date from segmentation.{table}")
        assert found == [(date,)], table
    # On a share of the customers, while all of them have a segment.
    customers, share = query(
        database,
        "select customers, measured_share from segmentation_work.period_inputs order by as_of_date desc",
    )[0]
    assert 500 < customers * share <= 1_000 < customers
    measured, segmented = (
        query(database, f"select max(customers) from {table}")[0][0]
        for table in (
            "maintenance.period_stability",
            "(select count(*) as customers from segmentation.customer_segments group by as_of_date)",
        )
    )
    assert 500 < measured <= 1_000 < segmented
    rows = query(
        database,
        "select decision, is_forced, fitted_as_of_date::text from maintenance.decisions"
        " where as_of_date = '2018-05-01'",
    )
    assert rows == [("retrain", True, "2018-05-01")]

    # What was stated as of a date is what was stated before the later months were known, though their
    # customers are so many that less than before is measured.
    cut = "2018-03-01"
    before = tmp_path / "before" / "olist.duckdb"
    truncated = truncate_raw_data(sample_folder, cut, tmp_path / "truncated")
    selection = ("--select", "+decisions", "+feature_drift", "+period_stability")
    publish(*selection, *WITHOUT_TESTS, "--vars", settings, raw_dir=truncated, database=before)
    shares = f"select min(measured_share) filter (where as_of_date <= '{cut}'), min(measured_share) from {{}}"
    share_before, share_after = query(database, shares.format("segmentation_work.period_inputs"))[0]
    assert share_after < share_before
    for table in (
        "segmentation_work.period_inputs",
        "maintenance.decisions",
        "maintenance.feature_drift",
        "maintenance.period_stability",
    ):
        stated = f"from {table} where as_of_date <= '{cut}' order by all"
        known = query(before, stated)
        assert len(known) > 5, table
        assert repr(query(database, stated)) == repr(known), table


@pytest.mark.build
def test_every_period_publishes_each_date_with_its_own_fit(
    publish, sample_folder: Path, sample_database: Path, tmp_path: Path
) -> None:
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    selection = (
        "--select",
        "+customer_segments",
        "+decisions",
        "--indirect-selection",
        "buildable",
    )
    settings = "{refresh_mode: every_period}"
    publish(*selection, "--vars", settings, raw_dir=sample_folder, database=database)
    used = query(
        database,
        "select period_models.as_of_date, fitted_as_of_date, is_accepted, refresh_mode"
        " from segmentation.period_models inner join segmentation.model_registry using (as_of_date)",
    )
    assert {row[3] for row in used} == {"every_period"}
    assert all(as_of_date == fitted for as_of_date, fitted, is_accepted, _ in used if is_accepted)
    # What would have been decided, and what was fitted, is the same.
    for table in ("maintenance.decisions", "segmentation.model_registry"):
        assert different_rows(sample_database, database, f"from {table}") == 0, table


@pytest.mark.build
@pytest.mark.real
def test_what_is_published_is_what_was_decided_on_the_real_data(real_database: Path) -> None:
    assert_decisions_are_obeyed(real_database)
    decisions = query(
        real_database,
        "select decisions.as_of_date::text, decision, model_age_months, fitted_as_of_date::text, is_sparse"
        " from maintenance.decisions inner join marts.periods using (as_of_date) order by as_of_date",
    )
    # Nothing is learnt from the twenty orders of the last two months, and no model grows older than the contract says.
    assert [row[0] for row in decisions if row[4]] == ["2018-10-01", "2018-10-18"]
    for as_of_date, decision, age, fitted, is_sparse in decisions:
        if is_sparse:
            assert (decision, fitted) == ("investigate", "2018-08-01"), as_of_date
        if age is not None and age >= 3:
            assert decision == "retrain", as_of_date


@pytest.mark.build
@pytest.mark.real
def test_no_border_moves_without_a_decision_on_the_real_data(real_database: Path) -> None:
    """Days of the border between recent and lapsed, among customers with one order and about the same money."""
    borders = query(
        real_database,
        """
        select as_of_date, decision,
            max(recency_days) filter (where segment_code = 'recent') as last_recent,
            min(recency_days) filter (where segment_code = 'lapsed') as first_lapsed
        from segmentation.customer_segments
        inner join marts.rfm using (as_of_date, customer_unique_id)
        inner join maintenance.decisions using (as_of_date)
        where rfm.frequency = 1 and rfm.monetary between 99 and 101
        group by as_of_date, decision order by as_of_date
        """,
    )
    assert len(borders) == 20
    moved = 0
    below, above = 0, 10_000
    for as_of_date, decision, last_recent, first_lapsed in borders:
        assert last_recent < first_lapsed, as_of_date
        if decision == "retrain":
            moved += last_recent > above or first_lapsed < below
            below, above = last_recent, first_lapsed
        # Between retrainings one number of days parts them at every date.
        below, above = max(below, last_recent), min(above, first_lapsed)
        assert below < above, as_of_date
    assert moved >= 3


@pytest.mark.build
def test_a_setting_of_the_maintenance_out_of_range_is_refused(
    publish, sample_folder: Path, tmp_path: Path
) -> None:
    settings = (
        "{baseline_as_of_date: 2017-01-15, refresh_mode: sometimes, force_retrain: latest,"
        " engine: {null_seeds: -1}, study: {interval_months: 0}, study_as_of_date: '2018-02-30'}"
    )
    done = publish(
        "--vars", settings, raw_dir=sample_folder, database=tmp_path / "olist.duckdb", may_fail=True
    )
    assert done.returncode == 1
    for sentence in (
        "baseline_as_of_date is '2017-01-15'; it must be the first of a month",
        "refresh_mode is 'sometimes'; it must be every_period or as_decided",
        "force_retrain is 'latest'; it must be a list of different values, each a date",
        "engine.null_seeds is -1; it must be a whole number, 0 or more",
        "study_as_of_date is '2018-02-30'; it must be a date such as 2018-10-18",
        "study.interval_months is 0; it must be a whole number from 1 to 1200 (months); or null for a new",
    ):
        assert sentence in done.stderr
