"""Write the maintenance contract: one page in English and French, as Markdown and HTML.

Every figure on it is the result of a query on the published database, which the HTML carries
beside it.

Examples
--------
  python -m customer_segmentation contract --to exports/contract
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import html
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb

from customer_segmentation.publishing import reading

Language = Literal["en", "fr"]
Kind = Literal["whole", "months", "share", "index", "date", "money", "seconds", "megabytes", "text"]

DEFAULT_FOLDER = "exports/contract"
NO_BREAK = "\N{NARROW NO-BREAK SPACE}"


@dataclasses.dataclass(frozen=True)
class Figure:
    """A single value.

    Attributes
    ----------
    sql : str
        Gives one row with one column.
    kind : str
        How it is written.
    """

    sql: str
    kind: Kind


@dataclasses.dataclass(frozen=True)
class Table:
    """Several rows.

    Attributes
    ----------
    sql : str
    columns : tuple of (str, str, str)
        Heading in English, in French, and kind of each column of the query.
    """

    sql: str
    columns: tuple[tuple[str, str, Kind], ...]


def _recommended(cadence: str, column: str) -> str:
    return f"select {column} from maintenance.refresh_policy where is_recommended and cadence = '{cadence}'"


def _recommended_without_clock(cadence: str, column: str) -> str:
    return (
        f"select {column} from maintenance.refresh_policy"
        f" where is_recommended_without_clock and cadence = '{cadence}'"
    )


def _limit(code: str, column: str = "act_value") -> str:
    return f"select {column} from seeds.maintenance_thresholds where threshold_code = '{code}'"


def _last_run(column: str) -> str:
    return f"select {column} from maintenance.run_totals order by started_at desc, run_id limit 1"


LAST_STABLE = (
    "(select max(as_of_date) from maintenance.period_stability"
    " inner join marts.periods using (as_of_date) where not is_sparse)"
)

# Of each cadence, at the interval that is recommended.
POLICY_FIGURES: tuple[tuple[str, str, Kind], ...] = (
    ("months", "interval_months", "months"),
    ("low", "recommended_low", "whole"),
    ("high", "recommended_high", "months"),
    ("changed", "end_changed_share", "share"),
    ("changed_worst", "worst_changed_share", "share"),
    ("cost", "cost_a_year", "money"),
    ("times_a_year", "times_a_year", "whole"),
    ("seconds", "seconds", "whole"),
    ("hours", "review_hours", "index"),
    ("machine_price", "machine_price_per_hour", "money"),
    ("review_price", "review_price_per_hour", "money"),
)

FIGURES: dict[str, Figure] = {
    "latest": Figure("select max(as_of_date) from marts.periods", "date"),
    "customers": Figure("select count(*) from marts.customers", "whole"),
    "mode": Figure("select max(refresh_mode) from segmentation.period_models", "text"),
    **{
        f"{cadence}_{name}": Figure(_recommended(cadence, column), kind)
        for cadence in ("rescore", "refit")
        for name, column, kind in POLICY_FIGURES
    },
    "refit_agreement": Figure(_recommended("refit", "end_agreement"), "index"),
    "refit_agreement_held": Figure(_recommended("refit", "end_agreement_without_clock"), "index"),
    "refit_agreement_worst": Figure(_recommended("refit", "worst_agreement"), "index"),
    "refit_changed_held": Figure(_recommended("refit", "end_changed_share_without_clock"), "share"),
    "judged_baselines": Figure(_recommended("refit", "judged_baselines"), "whole"),
    "judged_blocks": Figure(_recommended("refit", "judged_blocks"), "whole"),
    "judged_months": Figure(_recommended("refit", "judged_months"), "months"),
    "rescore_months_held": Figure(
        _recommended_without_clock("rescore", "interval_months"), "months"
    ),
    "refit_months_held": Figure(_recommended_without_clock("refit", "interval_months"), "months"),
    "judged_longest": Figure(
        "select max(interval_months) from maintenance.refresh_policy"
        " where cadence = 'refit' and is_within_rule is not null",
        "months",
    ),
    "outdated_limit": Figure(_limit("outdated_share"), "share"),
    "outdated_watch": Figure(_limit("outdated_share", "watch_value"), "share"),
    "outdated_over": Figure(
        "select count(*) from maintenance.decisions where outdated_share >="
        f" ({_limit('outdated_share')})",
        "whole",
    ),
    "age_limit": Figure(_limit("model_age_months"), "months"),
    "oldest": Figure(
        "select max(as_of_date - fitted_as_of_date) from segmentation.period_models", "whole"
    ),
    "sparse": Figure("select count(*) from marts.periods where is_sparse", "whole"),
    "prediction_limit": Figure(_limit("prediction_agreement"), "index"),
    "structure_limit": Figure(_limit("structure_agreement"), "index"),
    "psi_limit": Figure(_limit("feature_psi"), "index"),
    "value_limit": Figure(_limit("order_value_ratio"), "index"),
    "baseline": Figure("select max(baseline_as_of_date) from maintenance.period_stability", "date"),
    "stable_date": Figure(f"select {LAST_STABLE}", "date"),
    "structure_worst": Figure(
        "select min(adjusted_rand_index) from maintenance.period_stability where design = 'structure'",
        "index",
    ),
    "structure_within": Figure(
        "select count(*) filter (where is_within_null_band) from maintenance.period_stability"
        " where design = 'structure'",
        "whole",
    ),
    "stability_dates": Figure(
        "select count(distinct as_of_date) from maintenance.period_stability", "whole"
    ),
    "refused": Figure("select rejected_rows from marts.data_origin", "whole"),
    "raw_rows": Figure("select raw_rows from marts.data_origin", "whole"),
    "compared": Figure("select max(as_of_date) from marts.periods where is_compared", "date"),
    "models": Figure("select count(*) from segmentation.model_registry", "whole"),
    "accepted": Figure(
        "select count(*) filter (where is_accepted) from segmentation.model_registry", "whole"
    ),
    "fallbacks": Figure(
        "select count(*) filter (where is_fallback) from segmentation.period_models", "whole"
    ),
    "retrainings": Figure(
        "select count(*) from maintenance.decisions where decision = 'retrain'", "whole"
    ),
    "investigations": Figure(
        "select count(*) from maintenance.decisions where decision = 'investigate'", "whole"
    ),
    "dates": Figure("select count(*) from maintenance.decisions", "whole"),
    "last_decision": Figure(
        "select decision from maintenance.decisions order by as_of_date desc limit 1", "text"
    ),
    "run_seconds": Figure(_last_run("run_seconds"), "seconds"),
    "run_rows": Figure(_last_run("row_count"), "whole"),
    "run_bytes": Figure(_last_run("byte_count"), "megabytes"),
    "run_memory": Figure(_last_run("peak_memory_bytes"), "megabytes"),
    "yearly_machine": Figure(_last_run("yearly_cost"), "money"),
    "currency": Figure("select currency from marts.data_origin", "text"),
    "builds_a_year": Figure(_last_run("yearly_cost / nullif(run_cost, 0)"), "whole"),
}

# How far a row of the policy is beyond the limit of its cadence.
BEYOND = (
    "case when is_within_rule and {worst} then 'worst case' when not is_within_rule then 'mean and worst case'"
    " when is_within_rule then 'no' end"
)

TABLES: dict[str, Table] = {
    "rescoring": Table(
        "select interval_months, end_agreement, end_changed_share, worst_changed_share,"
        " end_changed_share_without_clock, "
        + BEYOND.format(worst=f"worst_changed_share > ({_limit('outdated_share')})")
        + ", times_a_year, cost_a_year"
        " from maintenance.refresh_policy where cadence = 'rescore'"
        " and (is_within_rule is not null or is_recommended) order by interval_months",
        (
            ("Interval, months", "Intervalle, mois", "whole"),
            ("Agreement at the end", "Accord à la fin", "index"),
            ("In another segment, mean", "Dans un autre segment, moyenne", "share"),
            ("In another segment, worst case", "Dans un autre segment, pire cas", "share"),
            ("The same, border held", "De même, frontière tenue", "share"),
            ("Beyond the limit", "Hors limite", "text"),
            ("Rescorings a year", "Réattributions par an", "index"),
            ("Cost a year", "Coût par an", "money"),
        ),
    ),
    "policy": Table(
        "select interval_months, expected_agreement, end_agreement, worst_agreement,"
        " end_agreement_without_clock, end_structure_agreement, worst_structure_agreement,"
        " end_changed_share, worst_changed_share, "
        + BEYOND.format(
            worst=f"(worst_agreement < ({_limit('prediction_agreement')})"
            f" or worst_structure_agreement < ({_limit('structure_agreement')}))"
        )
        + ", times_a_year, cost_a_year"
        " from maintenance.refresh_policy where cadence = 'refit'"
        " and (is_within_rule is not null or is_recommended) order by interval_months",
        (
            ("Interval, months", "Intervalle, mois", "whole"),
            ("Expected agreement", "Accord attendu", "index"),
            ("Agreement at the end, mean", "Accord à la fin, moyenne", "index"),
            ("Agreement, worst case", "Accord, pire cas", "index"),
            ("At the end, border held", "À la fin, frontière tenue", "index"),
            ("Structure at the end, mean", "Structure à la fin, moyenne", "index"),
            ("Structure, worst case", "Structure, pire cas", "index"),
            ("In another segment, mean", "Dans un autre segment, moyenne", "share"),
            ("In another segment, worst case", "Dans un autre segment, pire cas", "share"),
            ("Beyond the limit", "Hors limite", "text"),
            ("Refits a year", "Réapprentissages par an", "index"),
            ("Cost a year", "Coût par an", "money"),
        ),
    ),
    "stability": Table(
        "select as_of_date,"
        + ",".join(
            f" max(case when design = '{design}' then adjusted_rand_index end) as {design}"
            for design in ("prediction_vs_refit", "labels_vs_refit", "structure", "migration")
        )
        + ", max(case when design = 'structure' then null_low end) as null_low,"
        " case when coalesce(bool_or(design = 'prediction_vs_refit' and adjusted_rand_index <"
        f" ({_limit('prediction_agreement')})), false) or coalesce(bool_or(design = 'structure' and"
        f" adjusted_rand_index < ({_limit('structure_agreement')})), false) then 'yes' else 'no' end as is_beyond"
        " from maintenance.period_stability group by as_of_date order by as_of_date",
        (
            ("As of", "Date", "date"),
            ("Frozen model against refit", "Modèle figé contre réappris", "index"),
            ("Labels given against refit", "Étiquettes données contre réappris", "index"),
            ("Structure", "Structure", "index"),
            ("Migration", "Migration", "index"),
            ("Structure: null band from", "Structure : bande nulle dès", "index"),
            ("Beyond a limit", "Hors limite", "text"),
        ),
    ),
    "drift": Table(
        "select feature, verdict, cause, ks_time, ks_behaviour, ks_same_customers,"
        " population_stability_index_behaviour, missing_share"
        f" from maintenance.feature_drift where as_of_date = {LAST_STABLE} order by feature",
        (
            ("Feature", "Variable", "text"),
            ("Verdict", "Verdict", "text"),
            ("Cause", "Cause", "text"),
            ("KS, passing of time", "KS, temps qui passe", "index"),
            ("KS, beyond it", "KS, au-delà", "index"),
            ("KS, the same customers", "KS, mêmes clients", "index"),
            ("PSI, beyond the passing of time", "PSI, au-delà du temps qui passe", "index"),
            ("Missing", "Manquants", "share"),
        ),
    ),
    "decisions": Table(
        "select as_of_date, decision, fitted_as_of_date, model_age_months, prediction_agreement,"
        " structure_agreement, outdated_share,"
        " (select string_agg(threshold_code, ', ' order by reason_number) from maintenance.decision_reasons as reasons"
        " where reasons.as_of_date = decisions.as_of_date and level = 'act') as beyond"
        " from maintenance.decisions order by as_of_date",
        (
            ("As of", "Date", "date"),
            ("Decision", "Décision", "text"),
            ("Model of", "Modèle du", "date"),
            ("Age of the model before, months", "Âge du modèle d'avant, mois", "whole"),
            ("Its agreement with a refit", "Son accord avec un réapprentissage", "index"),
            ("Structure", "Structure", "index"),
            ("Out of date, at most", "Périmés, au plus", "share"),
            ("Beyond the limits", "Hors limites", "text"),
        ),
    ),
    "nodes": Table(
        "select node_name, seconds, row_count, byte_count from maintenance.run_costs"
        " where node_type = 'model' and run_id = (select arg_max(run_id, started_at) from maintenance.run_totals)"
        " order by seconds desc, node_name limit 5",
        (
            ("Model", "Modèle", "text"),
            ("Seconds", "Secondes", "seconds"),
            ("Rows", "Lignes", "whole"),
            ("Megabytes", "Mégaoctets", "megabytes"),
        ),
    ),
}

# Words only: every figure is a placeholder. Figures {{name}}, tables [[name]].
PAGES: dict[Language, str] = {
    language: (Path(__file__).parent / "contract_pages" / f"{language}.md").read_text("utf-8")
    for language in ("en", "fr")
}

# Words of the tables that a reader sees.
FRENCH_WORDS = {
    "keep": "garder",
    "rescore": "réattribuer",
    "retrain": "réapprendre",
    "investigate": "examiner",
    "drift": "dérive",
    "watch": "à surveiller",
    "passing of time": "temps qui passe",
    "none": "aucun",
    "behaviour": "comportement",
    "inflow of customers": "afflux de clients",
    "missing values": "valeurs manquantes",
    "no": "non",
    "yes": "oui",
    "worst case": "pire cas",
    "mean and worst case": "moyenne et pire cas",
}


def written(value: Any, kind: Kind, language: Language) -> str:
    """Write a value for a reader.

    Parameters
    ----------
    value : result of a query
    kind : str
        whole, months ("1 month", "3 months"), share (per cent, one decimal), index (two
        decimals), date, money (two decimals), seconds (one decimal), megabytes (from bytes;
        below 10 with one decimal), text.
    language : {"en", "fr"}

    Returns
    -------
    str
        A dash for null.
    """
    if value is None or value != value:
        return "–"
    if kind == "text":
        return FRENCH_WORDS.get(str(value), str(value)) if language == "fr" else str(value)
    if kind == "date":
        day = value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value))
        return f"{day:%d/%m/%Y}" if language == "fr" else f"{day:%Y-%m-%d}"
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if kind == "months":
        word = "mois" if language == "fr" else "month" if number == 1 else "months"
        return f"{number:,.0f} {word}"
    shown = {
        "whole": lambda: f"{number:,.0f}",
        "share": lambda: f"{number * 100:,.1f}",
        "index": lambda: f"{number:,.2f}",
        "money": lambda: f"{number:,.2f}",
        "seconds": lambda: f"{number:,.1f}",
        "megabytes": lambda: f"{number / 1_000_000:,.{0 if number >= 10_000_000 else 1}f}",
    }[kind]()
    if language == "fr":
        shown = shown.replace(",", NO_BREAK).replace(".", ",")
    if kind == "share":
        shown += f"{NO_BREAK}%" if language == "fr" else "%"
    return shown


def markdown(connection: duckdb.DuckDBPyConnection, language: Language) -> str:
    """Render the page as Markdown.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        To a published database.
    language : {"en", "fr"}

    Returns
    -------
    str
    """

    def figure(match: re.Match[str]) -> str:
        one = FIGURES[match[1]]
        return written(_value(connection, one.sql), one.kind, language)

    def table(match: re.Match[str]) -> str:
        one = TABLES[match[1]]
        lines = [
            _headings(one, language),
            ["---:" if kind != "text" else "---" for *_, kind in one.columns],
        ]
        lines += _cells(connection, one, language)
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    page = re.sub(r"\[\[(\w+)\]\]", table, PAGES[language])
    return _synthetic_note(connection, language) + re.sub(r"\{\{(\w+)\}\}", figure, page)


def page_as_html(connection: duckdb.DuckDBPyConnection, language: Language) -> str:
    """Render the page as one self-contained HTML file; each figure carries its query.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        To a published database.
    language : {"en", "fr"}

    Returns
    -------
    str
    """

    def figure(match: re.Match[str]) -> str:
        one = FIGURES[match[1]]
        shown = html.escape(written(_value(connection, one.sql), one.kind, language))
        query = html.escape(one.sql, quote=True)
        return f'<data data-kind="{one.kind}" data-query="{query}" title="{query}">{shown}</data>'

    def table(name: str) -> str:
        one = TABLES[name]
        kinds = ",".join(kind for *_, kind in one.columns)
        classes = [' class="text"' if kind == "text" else "" for *_, kind in one.columns]

        def row(tag: str, line: list[str]) -> str:
            cells = zip(classes, line, strict=True)
            inner = "".join(
                f"<{tag}{style}>{html.escape(cell)}</{tag[:2]}>" for style, cell in cells
            )
            return f"<tr>{inner}</tr>"

        head = row('th scope="col"', _headings(one, language))
        rows = "".join(row("td", line) for line in _cells(connection, one, language))
        return (
            f'<div class="table"><table data-kinds="{kinds}" data-query="{html.escape(one.sql, quote=True)}">'
            f"<thead>{head}</thead><tbody>{rows}</tbody></table></div>"
        )

    body = []
    for block in re.split(
        r"\n\s*\n", _synthetic_note(connection, language) + PAGES[language].strip()
    ):
        if block.startswith("[["):
            body.append(table(block.strip("[]\n ")))
            continue
        text = " ".join(html.escape(block, quote=False).split("\n"))
        text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
        text = re.sub(r"`(.+?)`", r"<code>\1</code>", text)
        if text.startswith("# "):
            text = f"<h1>{text[2:]}</h1>"
        elif text.startswith("## "):
            text = f"<h2>{text[3:]}</h2>"
        elif text.startswith("- "):
            items = "".join(
                f"<li>{item.strip()}</li>" for item in re.split(r"(?:^|\s)- ", text)[1:]
            )
            text = f"<ul>{items}</ul>"
        else:
            text = f"<p>{text}</p>"
        # Last, because a query may hold what marks a list.
        body.append(re.sub(r"\{\{(\w+)\}\}", figure, text))
    title = PAGES[language].split("\n", 1)[0][2:]
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n<style>{STYLE}</style>\n'
        "</head>\n<body>\n<main>\n" + "\n".join(body) + "\n</main>\n</body>\n</html>\n"
    )


STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;color:#1b1b1b;background:#fff;margin:0}"
    "main{max-width:60rem;margin:0 auto;padding:2rem 1rem}"
    ".table{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:1rem 0}"
    "th,td{padding:.25rem .6rem;border-bottom:1px solid #ccc;text-align:right}"
    "th:first-child,td:first-child,.text{text-align:left}td:first-child{white-space:nowrap}data{font-weight:600}"
)


def write(database: Path, folder: Path) -> list[Path]:
    """Write the four files of the contract.

    Parameters
    ----------
    database : Path
        A published database.
    folder : Path

    Returns
    -------
    list of Path
    """
    files = []
    with reading(database) as connection:
        folder.mkdir(parents=True, exist_ok=True)
        for language in ("en", "fr"):
            for extension, render in (("md", markdown), ("html", page_as_html)):
                path = folder / f"maintenance_contract.{language}.{extension}"
                path.write_text(render(connection, language), encoding="utf-8")
                files.append(path)
    return files


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes."""
    parser.add_argument(
        "--to",
        metavar="FOLDER",
        type=Path,
        default=Path(DEFAULT_FOLDER),
        help="folder (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Write the contract and name its files."""
    print(*write(options.database, options.to), sep="\n")
    return 0


def _value(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    row = connection.execute(sql).fetchone()
    return row[0] if row else None


def _headings(table: Table, language: Language) -> list[str]:
    return [french if language == "fr" else english for english, french, _ in table.columns]


def _cells(
    connection: duckdb.DuckDBPyConnection, table: Table, language: Language
) -> list[list[str]]:
    return [
        [
            written(value, kind, language)
            for value, (*_, kind) in zip(row, table.columns, strict=True)
        ]
        for row in connection.execute(table.sql).fetchall()
    ]


def _synthetic_note(connection: duckdb.DuckDBPyConnection, language: Language) -> str:
    if not _value(connection, "select is_synthetic from marts.data_origin"):
        return ""
    if language == "fr":
        return "**Données SYNTHÉTIQUES : aucun client réel.**\n\n"
    return "**SYNTHETIC data: no real customer.**\n\n"
