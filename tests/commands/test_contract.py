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
import pytest

from conftest import PROJECT, query
from customer_segmentation.__main__ import main
from customer_segmentation.commands.contract import (
    FIGURES,
    PAGES,
    TABLES,
    markdown,
    page_as_html,
    write,
    written,
)

SECTIONS = {
    "en": [
        "Frequency",
        "Fitting performance tools",
        "Updating the model",
        "Adjusting to new data",
        "Cost in resources",
        "Contingency plan",
    ],
    "fr": [
        "Fréquence",
        "Outils de mesure de l'ajustement",
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
        (1, "months", "1 month", "1 mois"),
        (3, "months", "3 months", "3 mois"),
        (None, "months", "–", "–"),
        (0.0834, "share", "8.3%", "8,3\u202f%"),
        (0.6549, "index", "0.65", "0,65"),
        (Decimal("2400.128"), "money", "2,400.13", "2\u202f400,13"),
        (1_614_999_999, "megabytes", "1,615", "1\u202f615"),
        (262_144, "megabytes", "0.3", "0,3"),
        (17.06, "seconds", "17.1", "17,1"),
        (datetime.date(2018, 1, 31), "date", "2018-01-31", "31/01/2018"),
        ("keep", "text", "keep", "garder"),
        ("monetary", "text", "monetary", "monetary"),
        (None, "index", "–", "–"),
        (float("nan"), "index", "–", "–"),
    ],
)
def test_how_values_are_written(value, kind, english: str, french: str) -> None:
    assert written(value, kind, "en") == english
    assert written(value, kind, "fr") == french


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_figure_is_typed(language: str) -> None:
    page = PAGES[language]
    assert not re.search(r"\d", re.sub(r"\{\{\w+\}\}|\[\[\w+\]\]", "", page))
    assert re.findall(r"^## (.*)$", page, flags=re.MULTILINE) == SECTIONS[language]
    assert set(re.findall(r"\{\{(\w+)\}\}", page)) == set(FIGURES)
    assert set(re.findall(r"\[\[(\w+)\]\]", page)) == set(TABLES)


@pytest.mark.build
@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_figure_on_the_page_equals_its_query(sample_database: Path, language: str) -> None:
    with duckdb.connect(str(sample_database), read_only=True) as connection:
        page = page_as_html(connection, language)
        text = markdown(connection, language)
    figures = re.findall(
        r'<data data-kind="(\w+)" data-query="([^"]*)" title="[^"]*">([^<]*)</data>', page
    )
    assert len(figures) == len(re.findall(r"\{\{\w+\}\}", PAGES[language]))
    for kind, sql, shown in figures:
        value = query(sample_database, html.unescape(sql))[0][0]
        assert html.unescape(shown) == written(value, kind, language), sql
        assert html.unescape(shown) in text
    tables = re.findall(r'<table data-kinds="([^"]*)" data-query="([^"]*)">(.*?)</table>', page)
    assert len(tables) == len(TABLES)
    for kinds, sql, body in tables:
        cells = [html.unescape(cell) for cell in re.findall(r"<td[^>]*>([^<]*)</td>", body)]
        expected = [
            written(value, kind, language)
            for row in query(sample_database, html.unescape(sql))
            for value, kind in zip(row, kinds.split(","), strict=True)
        ]
        assert cells == expected
        assert cells
    # The Markdown page is the template with each placeholder's result, and nothing else.
    parts = re.split(r"(\{\{\w+\}\}|\[\[\w+\]\])", PAGES[language])
    pattern = "".join(
        "(.*?)" if part.startswith(("{{", "[[")) else re.escape(part) for part in parts
    )
    filled = re.search(f"{pattern}$", text, flags=re.DOTALL)
    assert filled
    for name, found in zip(
        (part.strip("{}[]") for part in parts if part.startswith(("{{", "[["))),
        filled.groups(),
        strict=True,
    ):
        if name in FIGURES:
            value = query(sample_database, FIGURES[name].sql)[0][0]
            assert found == written(value, FIGURES[name].kind, language), name
        else:
            kinds = [kind for *_, kind in TABLES[name].columns]
            rows = [
                " | ".join(written(v, k, language) for v, k in zip(row, kinds, strict=True))
                for row in query(sample_database, TABLES[name].sql)
            ]
            assert [line.strip("| ") for line in found.split("\n")[2:]] == rows, name
    # Outside of figures and tables there is no digit.
    rest = re.sub(r"<data.*?</data>|<table.*?</table>|<style>.*?</style>|<h\d>|</h\d>", "", page)
    assert not re.search(r"\d", rest.replace("utf-8", ""))
    assert "SYNTH" in page
    assert "{{" not in page + text
    assert "[[" not in page + text


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


@pytest.fixture(scope="module")
def tests_of_the_build(run, sample_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the singular tests as dbt compiles them."""
    target = tmp_path_factory.mktemp("promises")
    done = run(
        "dbt", "--quiet", "compile", "--select", "test_type:singular",
        raw_dir=sample_folder, database=target / "olist.duckdb", DBT_TARGET_PATH=str(target),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return next((target / "compiled").rglob("no_month_is_corrupted.sql")).parent


@pytest.mark.build
@pytest.mark.parametrize("promise", BROKEN)
def test_a_promise_that_is_broken_stops_the_build(
    sample_database: Path, tests_of_the_build: Path, tmp_path: Path, promise: str
) -> None:
    change, name, said = BROKEN[promise]
    sql = (tests_of_the_build / f"{name}.sql").read_text("utf-8")
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    with duckdb.connect(str(database)) as connection:
        assert connection.execute(sql).fetchall() == []
        connection.execute(change)
        rows = connection.execute(sql).fetchall()
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
    assert "Mode: **as_decided**" in english
    assert "**Rescore: 1 month at the longest.**" in english
    assert "**Refit: 3 months at the latest**" in english
    assert "**Réapprendre : au plus tard au bout de 3 mois**" in pages["maintenance_contract.fr.md"]


@pytest.mark.build
@pytest.mark.thorough
def test_every_command_of_the_runbook_runs(
    small_folder: Path, sample_database: Path, tmp_path: Path
) -> None:
    database = tmp_path / "olist.duckdb"
    shutil.copy(sample_database, database)
    text = (PROJECT / "docs" / "runbook.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    commands = [line for block in blocks for line in block.splitlines() if line.strip()]
    assert len(commands) > 10
    environment = {
        **os.environ,
        "OLIST_RAW_DIR": str(small_folder),
        "SEGMENTATION_DATABASE": str(database),
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
        "DBT_USE_COLORS": "false",
        # The builds' own tests run elsewhere, often enough.
        "DBT_EXCLUDE_RESOURCE_TYPES": "test unit_test",
        "PARTIAL": "1",
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
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert "rror" not in done.stderr, command
        if command == "make rollback":
            assert "is the database that was published until" in done.stdout
    assert len(shown) == 2
    assert query(database, "select count(*) from segmentation.customer_segments")[0][0] > 0
    # A full build forgets what could be re-used, not what builds have cost.
    assert query(database, "select count(*) from maintenance.run_totals")[0][0] > 1
    assert (tmp_path / "contract" / "maintenance_contract.fr.html").exists()
