"""Shops in which some date, or none, can be segmented: the rest is built, and the tables say why and what to mend."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import duckdb
import pytest
from test_new_data import edit

from conftest import WITHOUT_UNIT_TESTS, Run, made_once, make_sample, query
from customer_segmentation.commands import contract
from rendering import rendered

pytestmark = [pytest.mark.build, pytest.mark.thorough]

# Enough for a date to be segmented, and quick to build.
CUSTOMERS = 1_500
NO_NAMES = (
    "frequency is the same for everybody. Try n_clusters: 3, which passes every gate at this date."
)


@pytest.fixture(scope="module")
def one_order_each(run: Run, shared_folder: Path) -> Path:
    """Return raw files in which nobody has ordered twice, as of a new shop or of guests."""
    folder = shared_folder / "one_order_each"

    def make() -> None:
        make_sample(run, folder, CUSTOMERS)
        edit(
            folder,
            "olist_customers_dataset",
            "select * replace (customer_id as customer_unique_id) from raw",
        )

    made_once(folder, make)
    return folder


@pytest.fixture(scope="module")
def unsegmented(run: Run, one_order_each: Path, shared_folder: Path) -> Path:
    """Return the database of that shop, built in full, with dates that begin long before it."""
    database = shared_folder / "unsegmented" / "olist.duckdb"

    def build() -> None:
        settings = "{first_as_of_date: 1990-01-01}"
        done = run(
            "dbt", "build", *WITHOUT_UNIT_TESTS, "--vars", settings, raw_dir=one_order_each, database=database,
        )  # fmt: skip
        # Every test passes on a shop without segments.
        assert done.returncode == 0, done.stdout[-6000:]

    made_once(database.parent, build)
    return database


def test_a_shop_without_segments_has_its_marts(unsegmented: Path) -> None:
    customers = query(unsegmented, "select count(*) from marts.customers")[0][0]
    assert customers > CUSTOMERS
    for table in ("marts.rfm", "marts.rfm_scores"):
        at_the_end = query(
            unsegmented,
            f"select count(*) from {table} where as_of_date = (select max(as_of_date) from marts.periods)",
        )
        assert at_the_end == [(customers,)]
    assert query(
        unsegmented, "select segment_change, count(*) from bi.customer_360 group by all"
    ) == [("not segmented", customers)]
    assert query(unsegmented, "select count(*) from segmentation.customer_segments") == [(0,)]
    assert query(unsegmented, "select count(*) from maintenance.period_stability") == [(0,)]
    # The models are compared all the same, and say which number of clusters to take.
    assert query(
        unsegmented,
        "select n_clusters from segmentation.model_comparison where is_chosen and feature_set = 'in_use'",
    ) in ([(2,)], [(3,)])


def test_its_dates_say_what_to_mend(unsegmented: Path) -> None:
    notes = query(
        unsegmented,
        "select period_models.note from segmentation.period_models inner join marts.periods using (as_of_date)"
        " where is_segmentable order by as_of_date",
    )
    assert len(notes) > 5
    for (note,) in notes:
        assert note.startswith("Not segmented: no fit up to this date was accepted.")
        assert "one-time buyers'" in note or "Big spenders'" in note
    assert notes[-1][0].endswith(NO_NAMES)
    reasons = query(
        unsegmented,
        "select decision, reasons from maintenance.decisions order by as_of_date desc limit 1",
    )
    assert reasons[0][0] == "investigate"
    assert NO_NAMES in reasons[0][1]
    assert query(unsegmented, "select is_measured, note from maintenance.stability_baseline") == [
        (False, "Stability is not measured: no first of a month is segmented.")
    ]


def test_there_is_no_date_before_the_first_purchase(unsegmented: Path) -> None:
    assert query(
        unsegmented,
        "select min(as_of_date) > min(purchased_at), min(as_of_date) - interval 1 month <= min(purchased_at),"
        " min(extract(day from as_of_date)) = 1 from marts.periods cross join marts.orders",
    ) == [(True, True, True)]


def test_its_readers_cope(run: Run, unsegmented: Path, tmp_path: Path) -> None:
    pages = contract.write(unsegmented, tmp_path / "contract")
    assert len(pages) == 4
    done = run("customer_segmentation", "audience", "--all", database=unsegmented)
    assert done.returncode == 1
    assert "no as-of date is segmented; table segmentation.period_models says why" in done.stderr
    if not Path(sys.executable).with_name("dct").exists():
        pytest.skip("the group charts is not installed")
    nothing_at_all = tmp_path / "nothing" / "olist.duckdb"
    nothing_at_all.parent.mkdir()
    shutil.copy(unsegmented, nothing_at_all)
    with duckdb.connect(str(nothing_at_all)) as connection:
        # As if no date had enough customers.
        for schema, table in connection.sql(
            "select schema_name, table_name from duckdb_tables() where schema_name in ('segmentation', 'maintenance')"
            " and table_name not in ('period_models', 'stability_baseline')"
        ).fetchall():
            connection.execute(f"delete from {schema}.{table}")
    # The French pages are drawn of what is worse to draw.
    for database, language, sentence in (
        (unsegmented, "en", "No date is segmented"),
        (nothing_at_all, "fr", "Aucune date n’est segmentée"),
    ):
        boards = tmp_path / "boards" / database.parent.name
        done = run(
            "customer_segmentation",
            "boards",
            *("--to", str(boards), "--format", "html", "--language", language),
            database=database,
            in_project=True,
        )
        assert done.returncode == 0, done.stderr
        folder = boards / "fr" if language == "fr" else boards
        assert sentence in (folder / "overview.html").read_text("utf-8")
        pages = [page.read_text("utf-8") for page in folder.glob("*.html")]
        assert len(pages) == 9
        for text in pages:
            assert ">None<" not in text
            assert not re.search(r"\bnan[ \u00a0\u202f]%", text)
    evolution = tmp_path / "boards" / "unsegmented" / "evolution.html"
    assert "no first of a month is segmented" in evolution.read_text("utf-8")


def test_the_mend_is_right_and_a_date_span_after_the_data_says_so(
    run: Run, one_order_each: Path, tmp_path: Path
) -> None:
    database = tmp_path / "olist.duckdb"
    settings = "{n_clusters: 3, first_as_of_date: 2030-01-01, baseline_as_of_date: 2030-01-01}"
    done = run(
        "dbt", "build", "--selector", "without_study", *WITHOUT_UNIT_TESTS, "--vars", settings,
        raw_dir=one_order_each, database=database,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
    assert query(
        database, "select as_of_date::text, model_id is not null from segmentation.period_models"
    ) == [("2018-10-18", True)]
    note = query(database, "select note from segmentation.period_models")[0][0]
    assert note.endswith(
        "It is the only date, because var first_as_of_date is 2030-01-01 and the last purchase of 2018-10-17;"
        " it may be the first of a month from 2016-10-01 to 2018-10-01."
    )
    assert query(
        database, "select count(distinct segment_name) from segmentation.segment_profiles"
    ) == [(3,)]


def test_a_baseline_that_is_not_segmented_is_named_beside_those_that_are(
    run: Run, sample_folder: Path, sample_database: Path, tmp_path: Path
) -> None:
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    first, last = query(
        database,
        "select min(as_of_date)::text, max(as_of_date)::text from segmentation.period_models"
        " where model_id is not null and extract(day from as_of_date) = 1",
    )[0]
    done = run(
        "dbt", "run", "--select", "stability_measures", "period_stability", "stability_baseline",
        "--vars", "{baseline_as_of_date: 2031-05-01}",
        raw_dir=sample_folder, database=database,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "maintenance.stability_baseline names dates that are" in done.stdout
    assert query(database, "select count(*) from maintenance.period_stability") == [(0,)]
    assert query(
        database, "select is_measured, model_id, note from maintenance.stability_baseline"
    ) == [
        (
            False,
            None,
            "Stability is not measured: var baseline_as_of_date is 2031-05-01, no segmented date."
            f" It may be the first of a month from {first} to {last}.",
        )
    ]
    assert query(
        sample_database, "select is_measured, note from maintenance.stability_baseline"
    ) == [(True, "Stability is measured from 2018-01-01 on.")]


@pytest.mark.parametrize("asked", ["2030-01-01", "2016-09-04"])
def test_a_question_about_a_time_without_orders_is_refused(
    asked: str, sample_database: Path
) -> None:
    select = rendered(
        "models/bi/question_period.sql",
        known={"ref": lambda name: f"marts.{name}", "question_limit": lambda name: "3"},
        question_as_of_date=asked,
    )
    sentence = (
        f"Var question_as_of_date is {asked}, and the orders go from 2016-09-04 to 2018-10-17: name a date from"
        " 2016-09-05 to 2018-10-18, or null for the latest."
    )
    with pytest.raises(duckdb.Error, match=re.escape(sentence)):
        query(sample_database, select)


@pytest.mark.parametrize(
    ("fit", "why"),
    [
        ("where false", "None of its customers is fitted on: each lacks a feature, or seed "),
        ("", "The smallest cluster has 0.02% of the customers."),
    ],
)
@pytest.mark.parametrize("mode", ["as_decided", "every_period"])
def test_a_date_says_why_it_has_no_model(fit: str, why: str, mode: str) -> None:
    select = rendered("models/segmentation/period_models.sql", refresh_mode=mode)
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            create schema staging;
            create table staging.periods as
            select date '2018-01-01' as as_of_date, true as is_segmentable, 'Segmented.' as note;
            create table staging.model_registry as
            select 'm' as model_id, date '2018-01-01' as as_of_date, false as is_accepted,
                'The smallest cluster has 0.02% of the customers.' as gate_failures {fit};
            create table staging.refresh_decisions as
            select date '2018-01-01' as as_of_date, 'investigate' as decision, null::text as model_id,
                null::date as fitted_as_of_date, false as is_fallback
            """
        )
        ((note,),) = connection.execute(f"select note from ({select})").fetchall()
    assert note.startswith(f"Not segmented: no fit up to this date was accepted. {why}")
