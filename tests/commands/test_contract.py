"""The contract page and the runbook: every figure equals its query, every command runs."""

from __future__ import annotations

import datetime
import html
import os
import re
import shlex
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import duckdb
import jinja2.meta
import pytest

from browser import CHROMIUM, SERIOUS, TOO_WIDE, Browser, axe_source
from conftest import BESIDE_OTHERS, PROJECT, query
from customer_segmentation.__main__ import main
from customer_segmentation.commands._contract import (
    CHARTS,
    FIGURES,
    LANGUAGES,
    TABLES,
    TEMPLATES,
    charts,
    markdown,
    page_as_html,
    written,
)
from customer_segmentation.commands._contract.words import with_elisions
from customer_segmentation.commands.contract import write
from forks import Forks

SECTIONS = {
    "en": [
        "Service annex",
        "Frequency",
        "Fitting performance tools",
        "Updating the model",
        "Adjusting to new data",
        "Cost in resources",
        "Contingency plan",
    ],
    "fr": [
        "Engagements de service",
        "Fréquence",
        "Outils de mesure de la qualité du modèle",
        "Mise à jour du modèle",
        "Adaptation aux nouvelles données",
        "Coût en ressources",
        "Plan de continuité",
    ],
}


@pytest.mark.parametrize(
    ("value", "kind", "english", "french"),
    [
        (96_096, "whole", "96,096", "96\u202f096"),
        (1, "months", "1 month", "un mois"),
        (3, "months", "3 months", "3 mois"),
        (None, "months", "–", "–"),
        (1, "every", "every month", "tous les mois"),
        (3, "every", "every 3 months", "tous les 3 mois"),
        ([2, 3], "range", "2 to 3 months", "2 à 3 mois"),
        ([1, 1], "range", "1 month", "un mois"),
        ([None, None], "range", "–", "–"),
        (0.0834, "share", "8.3%", "8,3\u202f%"),
        (0.1, "limit", "10%", "10\u202f%"),
        (0.025, "limit", "2.5%", "2,5\u202f%"),
        (0.6549, "index", "0.65", "0,65"),
        (Decimal("2400.128"), "money", "2,400", "2\u202f400"),
        (0.401, "money", "less than 1", "moins de 1"),
        (0, "money", "0", "0"),
        (0.25, "decimal", "0.25", "0,25"),
        (4.0, "decimal", "4", "4"),
        (1_614_999_999, "megabytes", "1,615", "1\u202f615"),
        (262_144, "megabytes", "0.3", "0,3"),
        (17.06, "seconds", "17.1", "17,1"),
        (datetime.date(2018, 1, 31), "date", "2018-01-31", "31/01/2018"),
        (datetime.date(2018, 1, 31), "day", "31 January 2018", "31 janvier 2018"),
        (datetime.date(2018, 8, 1), "day", "1 August 2018", "1er août 2018"),
        ("retrain", "text", "retrain", "réentraîner"),
        ("monetary", "text", "monetary", "monetary"),
        (None, "index", "–", "–"),
        (float("nan"), "index", "–", "–"),
    ],
)
def test_how_values_are_written(value, kind, english: str, french: str) -> None:
    assert written(value, kind, "en") == english
    assert written(value, kind, "fr") == french


def source_of(language: str) -> str:
    return TEMPLATES.loader.get_source(TEMPLATES, f"{language}.md")[0]


def test_no_figure_is_typed_and_both_languages_say_the_same() -> None:
    used = {}
    for language in LANGUAGES:
        source = source_of(language)
        text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|</?h[23].*?>|docs/\S+", "", source)
        # "1 when two models put the same customers together, 0 as by chance" is no figure.
        assert re.findall(r"\d", text) == ["1", "0"]
        assert re.findall(r"^## (.*)$", source, flags=re.MULTILINE) == SECTIONS[language]
        tree = TEMPLATES.parse(source)
        used[language] = jinja2.meta.find_undeclared_variables(tree)
        for kind, known in (("table", TABLES), ("chart", CHARTS)):
            assert set(re.findall(rf"{kind}\('(\w+)'", source)) == set(known)
    assert used["en"] == used["fr"]
    unused = set(FIGURES) - used["en"]
    assert not unused
    assert used["en"] - set(FIGURES) == {"values", "table", "chart", "is_synthetic"}


def cell_texts(table: str) -> list[str]:
    cells = re.findall(r"<td[^>]*>(.*?)</td>", table, flags=re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", "", cell)) for cell in cells]


@pytest.mark.build
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_figure_on_the_page_equals_its_query(sample_database: Path, language: str) -> None:
    with duckdb.connect(str(sample_database), read_only=True) as connection:
        page = page_as_html(connection, language)
        text = markdown(connection, language)
        found = {
            sql: connection.execute(html.unescape(sql)).fetchall()
            for sql in set(re.findall(r'data-query="([^"]*)"', page))
        }
    # In French no line is broken before a mark that has a space.
    said = re.sub(r"<[^>]*>", "", page[page.index("<body>") :])
    assert ("\u00a0:" in said) == (language == "fr")
    assert language == "en" or not re.search(r" [:;?!»%]|« ", said)
    page, text = page.replace("\u00a0", " "), text.replace("\u00a0", " ")
    figures = re.findall(
        r'<data data-kind="(\w+)" data-query="([^"]*)" title="[^"]*">([^<]*)</data>', page
    )
    # All but what stands in a branch that is not taken.
    assert len(figures) > 90
    for kind, sql, shown in figures:
        value = found[sql][0][0]
        assert html.unescape(shown) == written(value, kind, language), sql
        assert html.unescape(shown) in text
    tables = re.findall(
        r'<div class="table" id="(\w+)"[^>]*data-query="([^"]*)">(.*?)</div>', page, flags=re.DOTALL
    )
    assert [name for name, *_ in tables] == re.findall(r"table\('(\w+)'", source_of(language))
    for name, sql, body in tables:
        expected = [
            written(value, kind, language)
            for row in found[sql]
            for value, (*_, kind) in zip(row, TABLES[name].columns, strict=True)
        ]
        assert cell_texts(body) == expected, name
        assert expected, name
        heads = [column[1 if language == "fr" else 0] for column in TABLES[name].columns]
        assert [html.unescape(head) for head in re.findall(r"<th[^>]*>(.*?)</th>", body)] == heads
        # On a phone each cell stands beside its heading.
        labels = [html.unescape(label) for label in re.findall(r'data-label="([^"]*)"', body)]
        assert labels == heads * (len(expected) // len(heads))
    drawn = re.findall(r'<figure id="chart-(\w+)" data-query="([^"]*)">', page)
    assert [name for name, _ in drawn] == ["agreement", "borders", "cost"]
    assert "SYNTH" in page
    assert "SYNTH" in text
    # Nothing is left of a template, and no Markdown reaches the reader of the page.
    assert not re.search(r"\{\{|\{%|\*\*|\| ---|&lt;data", page)
    assert not re.search(r"\{\{|\{%|<data|<figure", text)
    assert "tous les 1 mois" not in page
    for word in ("réappr", "horloge", "bande nulle", "var ", "tous les 1"):
        assert word not in page


CHANGES = {
    "hours of a person": (
        "update seeds.policy_costs set cost_value = 175 where cost_code = 'review_price_per_hour'",
        "hours beyond them at 175",
        "les heures supplémentaires à 175",
    ),
    "response": (
        "update seeds.policy_costs set cost_value = 5 where cost_code = 'response_working_days'",
        "within 5 working days",
        "dans les 5 jours ouvrés",
    ),
    "term": (
        "update seeds.policy_costs set cost_value = 24 where cost_code = 'term_months'",
        "| Term | 24 months",
        "| Durée | 24 mois",
    ),
    "limit": (
        "update seeds.maintenance_thresholds set act_value = 0.7 where threshold_code = 'prediction_agreement'",
        "agreement falls below 0.70",
        "l’accord tombe sous 0,70",
    ),
    "age": (
        "update seeds.maintenance_thresholds set act_value = 1 where threshold_code = 'model_age_months'",
        "**Retrain after 1 month at the latest.**",
        "**Réentraîner au bout d’un mois au plus tard.**",
    ),
    "decisions": (
        "update maintenance.decisions set decision = 'investigate'",
        "called for training and {dates} for a person's look",
        "un réentraînement et {dates} un examen humain",
    ),
    "reasons": (
        "update maintenance.decisions set reasons = 'So said | the table', reasons_french = 'Ainsi dit | la table'",
        "So said \\| the table",
        "Ainsi dit \\| la table",
    ),
    "refused rows": (
        "update marts.data_origin set rejected_rows = 1234",
        "raw rows 1,234 were refused",
        "1\u202f234 ont été refusées",
    ),
    "nothing measured": (
        "delete from maintenance.period_stability",
        "No date can be measured yet.",
        "Aucune date ne peut encore être mesurée.",
    ),
}


@pytest.fixture(scope="module")
def own_database(sample_database: Path, tmp_path_factory: pytest.TempPathFactory):
    """Connect to a copy that may be changed."""
    path = tmp_path_factory.mktemp("contract") / "olist.duckdb"
    shutil.copy(sample_database, path)
    with duckdb.connect(str(path)) as connection:
        yield connection


@pytest.fixture(scope="module")
def unchanged(own_database: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return {language: one_line(markdown(own_database, language)) for language in LANGUAGES}


def one_line(text: str) -> str:
    return re.sub(r"[ \n]+", " ", text)


@pytest.mark.build
@pytest.mark.parametrize("change", CHANGES)
def test_the_text_follows_the_tables(
    own_database: duckdb.DuckDBPyConnection, unchanged: dict[str, str], change: str
) -> None:
    sql, *said = CHANGES[change]
    dates = own_database.execute("select count(*) from maintenance.decisions").fetchone()[0]
    own_database.execute("begin")
    try:
        own_database.execute(sql)
        for language, words in zip(LANGUAGES, said, strict=True):
            wanted = words.format(dates=dates)
            assert wanted not in unchanged[language]
            assert wanted in one_line(markdown(own_database, language))
    finally:
        own_database.execute("rollback")


@pytest.mark.build
def test_too_little_history_has_no_chart(own_database: duckdb.DuckDBPyConnection) -> None:
    own_database.execute("begin")
    try:
        own_database.execute(CHANGES["nothing measured"][0])
        page = page_as_html(own_database, "fr")
    finally:
        own_database.execute("rollback")
    assert 'id="chart-agreement"' not in page
    assert 'id="chart-cost"' in page
    assert page.count("<h2") == len(SECTIONS["fr"]) + 1


@pytest.mark.build
def test_the_price_is_the_sum_of_its_table(sample_database: Path) -> None:
    (total,) = query(sample_database, FIGURES["price"].sql)[0]
    for sql in (TABLES["price"].sql, TABLES["price"].french_sql):
        rows = query(sample_database, sql)
        assert sum(float(row[3] or 0) for row in rows) == pytest.approx(float(total))
    # Each is how often it is done times a person's hours, but for seconds of a machine.
    price = float(query(sample_database, FIGURES["review_price"].sql)[0][0])
    for _, times, hours, cost in rows[:3]:
        assert float(times) * float(hours) * price == pytest.approx(float(cost), rel=0.01)


DAYS = [datetime.date(2018, month, 1) for month in (1, 2, 3)]


def laid_out(rows: list[tuple], **options: bool) -> list[charts.Panel]:
    return charts.panels(rows, names=str.upper, x_text=str, y_text=str, **options)


def test_lines_are_drawn_to_scale_and_steps_jump_at_a_date() -> None:
    rows = [("a", day, "s", y, False) for day, y in zip(DAYS, (4.0, None, 2.0), strict=True)]
    rows += [("a", day, "limit", 1.0, True) for day in DAYS]
    (panel,) = laid_out(rows)
    line, limit = panel.lines
    assert [(line.label, line.last, line.is_limit), limit.is_limit] == [("S", "2.0", False), True]
    bottom, top = charts.HEIGHT - charts.BOTTOM, charts.TOP
    assert line.points == ((charts.LEFT, top), (charts.WIDTH - charts.RIGHT, (top + bottom) / 2))
    # By days, not by dates: January is longer than February.
    assert limit.points[1][0] - limit.points[0][0] > limit.points[2][0] - limit.points[1][0]
    assert [text for _, text in panel.y_ticks] == ["0.0", "2.0", "4.0"]
    (steps,) = laid_out(rows[:3], are_steps=True)
    assert steps.lines[0].points == (
        line.points[0],
        (line.points[1][0], line.points[0][1]),
        line.points[1],
    )


def test_one_date_or_none_is_no_line() -> None:
    assert laid_out([]) == []
    assert laid_out([("a", DAYS[0], "s", 1.0, False)]) == []
    assert laid_out([("a", day, "s", None, False) for day in DAYS]) == []
    # Nothing at all is a line on the axis.
    (panel,) = laid_out([("a", day, "s", 0.0, False) for day in DAYS])
    assert {y for _, y in panel.lines[0].points} == {charts.HEIGHT - charts.BOTTOM}


def test_bars_are_as_high_as_their_values() -> None:
    rows = [(1, Decimal(40), False, 0.1), (2, 20.0, True, None), (3, None, False, None)]
    high, low = charts.bars(rows, x_text=str, y_text=str, note=repr)
    assert high.height == pytest.approx(2 * low.height)
    assert high.y + high.height == low.y + low.height == charts.HEIGHT - charts.BOTTOM
    assert (low.stands_out, low.label, low.note) == (True, "2", "None")
    assert charts.bars([], x_text=str, y_text=str, note=str) == []
    (none,) = charts.bars([(1, 0, False, None)], x_text=str, y_text=str, note=str)
    assert none.height == 0


@pytest.mark.build
@pytest.mark.skipif(not CHROMIUM, reason="there is no chromium; on Debian: apt install chromium")
def test_the_page_fits_a_phone(sample_database: Path, tmp_path: Path) -> None:
    too_wide = (
        "[...document.querySelectorAll('.table')].filter(e => !e.closest('details')"
        " && e.scrollWidth > e.clientWidth).length"
    )
    with duckdb.connect(str(sample_database), read_only=True) as connection:
        for language in LANGUAGES:
            page = page_as_html(connection, language)
            (tmp_path / f"{language}.html").write_text(page, encoding="utf-8")
    with Browser(tmp_path, is_offline=True) as browser:
        for path in sorted(tmp_path.glob("*.html")):
            for width in (1280, 390):
                browser.open(path.as_uri(), width=width)
                assert browser.run(TOO_WIDE) <= 0, f"{path.name} at {width}"
                # What is not on request is short, and no table of it is wider than the screen.
                assert browser.run(too_wide) == 0, f"{path.name} at {width}"
                height = browser.run("document.documentElement.scrollHeight")
                assert height < (12_000 if width == 390 else 7_000), f"{path.name} at {width}"
                browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
                assert browser.run(TOO_WIDE) <= 0, f"{path.name} at {width}, opened"
                assert browser.run("[...document.querySelectorAll('details')].length") == 5
                if width == 390:
                    # The first column stays where a table is moved sideways; sentences have the whole width.
                    assert (
                        browser.run(
                            "getComputedStyle(document.querySelector('#policy td')).position"
                        )
                        == "sticky"
                    )
                    reason = (
                        "document.querySelector('#decisions td:last-child').getBoundingClientRect()"
                    )
                    assert browser.run(f"{reason}.right") <= 390


@pytest.mark.parametrize(
    ("text", "french"),
    [
        ("un préavis de un mois", "un préavis d’un mois"),
        (
            'au bout de <data title="de un">un mois</data>',
            'au bout d’<data title="de un">un mois</data>',
        ),
        ("de 12 mois, de une à unité", "de 12 mois, de une à unité"),
    ],
)
def test_a_month_in_words_is_elided(text: str, french: str) -> None:
    assert with_elisions(text) == french


@pytest.mark.build
@pytest.mark.skipif(not CHROMIUM, reason="there is no chromium; on Debian: apt install chromium")
def test_the_page_is_accessible(sample_database: Path, tmp_path: Path) -> None:
    axe = axe_source()
    path = tmp_path / "contract.html"
    with duckdb.connect(str(sample_database), read_only=True) as connection:
        path.write_text(page_as_html(connection, "fr"), encoding="utf-8")
    with Browser(tmp_path, is_offline=True) as browser:
        for width in (1280, 390):
            browser.open(path.as_uri(), width=width)
            browser.run(f"{axe}; 0")
            assert browser.run(SERIOUS) == []


@pytest.mark.build
def test_the_files_are_written(sample_database: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("SEGMENTATION_DATABASE", str(sample_database))
    assert main(["contract", "--to", str(tmp_path / "contract")]) == 0
    names = {path.name for path in (tmp_path / "contract").iterdir()}
    assert names == {
        f"maintenance_contract.{language}.{extension}"
        for language in ("en", "fr")
        for extension in ("md", "html")
    }
    assert len(capsys.readouterr().out.splitlines()) == 4
    monkeypatch.setenv("SEGMENTATION_DATABASE", str(tmp_path / "none.duckdb"))
    assert main(["contract"]) == 1
    assert "run `make build`" in capsys.readouterr().err
    spine = tmp_path / "spine.duckdb"
    shutil.copy(sample_database, spine)
    with duckdb.connect(str(spine)) as connection:
        connection.execute("drop view maintenance.refresh_policy")
    monkeypatch.setenv("SEGMENTATION_DATABASE", str(spine))
    assert main(["contract", "--to", str(tmp_path / "spine")]) == 1
    said = capsys.readouterr().err
    assert "run `make build` without a selection" in said
    assert "refresh_policy" in said


# --- promises -------------------------------------------------------------------------------------------

# What would break a promise, and which test of the build then says so. In `decisions` a date is taken that has a model
# to judge and a good month before it.
GOOD = (
    "(select max(as_of_date) from maintenance.decisions inner join marts.periods using (as_of_date)"
    " where judged_model_id is not null and is_segmentable and not is_sparse and not is_forced)"
)
BROKEN = {
    "rescored by the model in force": (
        "update segmentation_work.kmeans_assignments set model_id = 'another'"
        " where as_of_date = (select max(as_of_date) from marts.periods)",
        "published_models_are_those_of_the_decisions",
        "another",
    ),
    "one model in force": (
        "update segmentation.period_models set model_id = 'another'"
        " where as_of_date = (select max(as_of_date) from marts.periods)",
        "published_models_are_those_of_the_decisions",
        "another",
    ),
    "a border moves by decision": (
        "update maintenance.decisions set decision = 'keep' where decision = 'retrain' and as_of_date = ("
        "select max(as_of_date) from maintenance.decisions where decision = 'retrain')",
        "published_models_are_those_of_the_decisions",
        "keep",
    ),
    "everybody is scored": (
        "update segmentation.segment_profiles set customers = customers - 1 where cluster = 0",
        "every_customer_of_a_segmented_date_has_a_segment",
        "",
    ),
    "scored by that model": (
        "update segmentation_work.kmeans_assignments set cluster = (cluster + 1) % 4"
        " where customer_unique_id = (select min(customer_unique_id) from segmentation_work.kmeans_assignments)",
        "sql_scoring_equals_the_python_assignment",
        "",
    ),
    "gates": (
        "update segmentation.model_registry set is_accepted = false",
        "decisions_keep_the_promises_of_the_contract",
        "failed its gates",
    ),
    "sparse month": (
        "update maintenance.decisions set decision = 'keep', is_forced = false"
        " where as_of_date in (select as_of_date from marts.periods where is_sparse)",
        "decisions_keep_the_promises_of_the_contract",
        "sparse month",
    ),
    "order values": (
        f"update maintenance.decisions set decision = 'retrain', order_value_ratio = 3 where as_of_date = {GOOD}",
        "decisions_keep_the_promises_of_the_contract",
        "out of proportion",
    ),
    "agreement": (
        "update maintenance.decisions set decision = 'keep', prediction_agreement = 0.64, order_value_ratio = 1"
        f" where as_of_date = {GOOD}",
        "decisions_keep_the_promises_of_the_contract",
        "Agreement",
    ),
    "structure": (
        "update maintenance.decisions set decision = 'rescore', prediction_agreement = 1, structure_agreement = 0.79,"
        f" order_value_ratio = 1 where as_of_date = {GOOD}",
        "decisions_keep_the_promises_of_the_contract",
        "Structure",
    ),
    "at the latest every three months": (
        "update maintenance.decisions set decision = 'keep', prediction_agreement = 1, structure_agreement = 1,"
        f" model_age_months = 3, order_value_ratio = 1 where as_of_date = {GOOD}",
        "decisions_keep_the_promises_of_the_contract",
        "as old as its limit",
    ),
    "drift": (
        "update maintenance.decisions set decision = 'keep', prediction_agreement = 1, structure_agreement = 1,"
        " model_age_months = 1, order_value_ratio = 1, thresholds_crossed = 'feature_drift (act)'"
        f" where as_of_date = {GOOD}",
        "decisions_keep_the_promises_of_the_contract",
        "Drift",
    ),
    "labels out of date": (
        "update maintenance.decisions set decision = 'keep', prediction_agreement = 1, structure_agreement = 1,"
        " model_age_months = 1, order_value_ratio = 1, thresholds_crossed = null, outdated_share = 0.05"
        f" where as_of_date = {GOOD}",
        "decisions_keep_the_promises_of_the_contract",
        "out of date",
    ),
    "corrupted months stop the build": (
        "update segmentation_work.refresh_decisions set threshold_code = 'order_value_ratio', level = 'act'"
        f" where as_of_date = {GOOD}",
        "no_month_is_corrupted",
        "look corrupted",
    ),
}


@pytest.mark.build
@pytest.mark.parametrize("promise", BROKEN)
def test_a_promise_that_is_broken_stops_the_build(
    own_database: duckdb.DuckDBPyConnection, compiled_folder: Path, promise: str
) -> None:
    change, name, said = BROKEN[promise]
    sql = (compiled_folder / "tests" / "singular" / f"{name}.sql").read_text("utf-8")
    assert own_database.execute(sql).fetchall() == []
    own_database.execute("begin")
    try:
        own_database.execute(change)
        rows = own_database.execute(sql).fetchall()
    finally:
        own_database.execute("rollback")
    assert rows
    assert all(said in repr(row) for row in rows)


@pytest.mark.build
@pytest.mark.real
def test_the_contract_of_the_real_data_says_what_was_found(
    real_database: Path, tmp_path: Path
) -> None:
    pages = {path.name: path.read_text("utf-8") for path in write(real_database, tmp_path)}
    english = pages["maintenance_contract.en.md"]
    assert "SYNTHETIC" not in english
    assert "a border between segments moves when a decision says retrain" in " ".join(
        english.split()
    )
    assert "**Rescore every month.**" in english
    assert "**Retrain after 3 months at the latest.**" in english
    french = pages["maintenance_contract.fr.md"]
    assert "**Actualiser les listes tous les mois.**" in french
    assert "**Réentraîner au bout de 3 mois au plus tard.**" in french


@pytest.mark.build
@pytest.mark.thorough
def test_every_command_of_the_runbook_runs(
    small_folder: Path, sample_database: Path, tmp_path: Path, forks: Forks
) -> None:
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    # An environment like the user's, whose programs need not wait for their imports.
    own = tmp_path / "environment"
    forks.make_programs(own / "bin")
    (own / ".runtime").touch()
    text = (PROJECT / "docs" / "runbook.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert len(commands) > 10
    environment = {
        **os.environ,
        **BESIDE_OTHERS,
        "OLIST_RAW_DIR": str(small_folder),
        "SEGMENTATION_DATABASE": str(database),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
        "DBT_USE_COLORS": "false",
        # The builds' own tests run elsewhere, often enough.
        "DBT_EXCLUDE_RESOURCE_TYPES": "test unit_test",
        "PARTIAL": "1",
        # The models are compared elsewhere, too; a command's own options come before these.
        "OPTIONS": "--selector without_study",
        "PYTHONPATH": str(PROJECT / "python"),
    }
    shown: set[tuple[str, ...]] = set()
    for command in commands:
        words = shlex.split(command)
        if words[1:4] == ["--quiet", "show", "--inline"]:
            # One of each form goes through dbt, which shows what the query gives.
            form = tuple(word for word in words[5:] if not word.isdigit())
            if form in shown:
                query(database, words[4])
                continue
            shown.add(form)
        if command == "make contract":
            command += f" TO={tmp_path / 'contract'}"
        # dbt parses the project once with vars, and once without.
        target = tmp_path / ("target_of_vars" if "--vars" in command else "target")
        command = command.replace('OPTIONS="', f'OPTIONS="{environment["OPTIONS"]} ')
        command = command.replace(".venv/", f"{own}/").replace("make ", f"make VENV={own} ")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=PROJECT,
            env={**environment, "DBT_TARGET_PATH": str(target)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert "rror" not in done.stderr, command
        if command.endswith(" rollback"):
            assert "is the database that was published until" in done.stdout
    assert len(shown) == 2
    assert query(database, "select count(*) from segmentation.customer_segments")[0][0] > 0
    # A full build forgets what could be re-used, not what builds have cost.
    assert query(database, "select count(*) from maintenance.run_totals")[0][0] > 1
    assert (tmp_path / "contract" / "maintenance_contract.fr.html").exists()
