"""What the contract says: a query on the published database for each figure, table and chart."""

from __future__ import annotations

import dataclasses

from customer_segmentation.commands._contract.words import Kind


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
    french_sql : str, optional
        The query for a French reader, when texts of the tables are in it.
    """

    sql: str
    columns: tuple[tuple[str, str, Kind], ...]
    french_sql: str | None = None


@dataclasses.dataclass(frozen=True)
class Chart:
    """A picture.

    Attributes
    ----------
    sql : str
        For ``lines`` and ``steps``: panel, x, series, y and whether the series is a limit. For ``bars``: x, y,
        whether the bar stands out, and a share to write under it.
    kind : str
        ``lines``, ``steps`` or ``bars``.
    x, y : str
        Kinds of the values.
    """

    sql: str
    kind: str
    x: Kind
    y: Kind


def _recommended(cadence: str, column: str) -> str:
    return f"select {column} from maintenance.refresh_policy where is_recommended and cadence = '{cadence}'"


def _recommended_without_clock(cadence: str, column: str) -> str:
    return (
        f"select {column} from maintenance.refresh_policy"
        f" where is_recommended_without_clock and cadence = '{cadence}'"
    )


def _limit(code: str, column: str = "act_value") -> str:
    return f"select {column} from seeds.maintenance_thresholds where threshold_code = '{code}'"


def _term(code: str) -> str:
    return f"select cost_value from seeds.policy_costs where cost_code = '{code}'"


def _last_run(column: str) -> str:
    return f"select {column} from maintenance.run_totals order by started_at desc, run_id limit 1"


def _decided(decision: str) -> str:
    return f"select count(*) from maintenance.decisions where decision = '{decision}'"


LAST_STABLE = (
    "(select max(as_of_date) from maintenance.period_stability"
    " inner join marts.periods using (as_of_date) where not is_sparse)"
)

# What a year costs: refits and rescorings as recommended, looks at alarms as often as so far, and the machine time of
# builds. What is not known is not counted.
PRICE_ROWS = f"""(
    select 1 as position, times_a_year, cost_a_year, review_hours as hours,
        '{{refit}}' as work
    from maintenance.refresh_policy where is_recommended and cadence = 'refit'
    union all
    select 2, times_a_year, cost_a_year, review_hours, '{{rescore}}'
    from maintenance.refresh_policy where is_recommended and cadence = 'rescore'
    union all
    select 3, times, times * hours * ({_term("review_price_per_hour")}), hours, '{{investigate}}'
    from (
        select 12.0 * count(*) filter (where decision = 'investigate') / nullif(count(*), 0) as times,
            ({_term("investigation_review_hours")}) as hours
        from maintenance.decisions
    ) as looks
    union all
    select 4, ({_term("builds_per_year")}), ({_last_run("yearly_cost")}), null, '{{builds}}'
)"""
PRICE = PRICE_ROWS.format(
    refit="training a model, checking and naming its segments",
    rescore="checking the lists after a rescoring",
    investigate="a look at an alarm by a person, as often as so far",
    builds="machine time of the builds",
)
FRENCH_PRICE = PRICE_ROWS.format(
    refit="réentraîner un modèle, vérifier et nommer ses segments",
    rescore="vérifier les listes après une actualisation",
    investigate="examen humain d’une alerte, à la fréquence constatée jusqu’ici",
    builds="temps machine des mises à jour",
)

# Of each cadence, at the interval that is recommended.
POLICY_FIGURES: tuple[tuple[str, str, Kind], ...] = (
    ("months", "interval_months", "months"),
    ("every", "interval_months", "every"),
    ("range", "[recommended_low, recommended_high]", "range"),
    ("changed", "end_changed_share", "share"),
    ("changed_worst", "worst_changed_share", "share"),
)

FIGURES: dict[str, Figure] = {
    "latest": Figure("select max(as_of_date) from marts.periods", "day"),
    "first_order": Figure("select cast(first_order_at as date) from marts.data_origin", "day"),
    "last_order": Figure("select cast(last_order_at as date) from marts.data_origin", "day"),
    "customers": Figure("select count(*) from marts.customers", "whole"),
    "segments": Figure(
        "select count(*) from segmentation.segment_profiles"
        " where as_of_date = (select max(as_of_date) from segmentation.segment_profiles)",
        "whole",
    ),
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
    "outdated_limit": Figure(_limit("outdated_share"), "limit"),
    "outdated_watch": Figure(_limit("outdated_share", "watch_value"), "limit"),
    "outdated_over": Figure(
        f"select count(*) from maintenance.decisions where outdated_share >= ({_limit('outdated_share')})",
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
    "value_limit": Figure(_limit("order_value_ratio"), "decimal"),
    "baseline": Figure("select max(baseline_as_of_date) from maintenance.period_stability", "day"),
    "stable_date": Figure(f"select {LAST_STABLE}", "day"),
    "frozen_last": Figure(
        "select max(adjusted_rand_index) from maintenance.period_stability"
        f" where design = 'prediction_vs_refit' and as_of_date = {LAST_STABLE}",
        "index",
    ),
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
    "drifted": Figure(
        "select count(*) filter (where verdict = 'drift') from maintenance.feature_drift"
        f" where as_of_date = {LAST_STABLE}",
        "whole",
    ),
    "features": Figure(
        f"select count(*) from maintenance.feature_drift where as_of_date = {LAST_STABLE}", "whole"
    ),
    "refused": Figure("select rejected_rows from marts.data_origin", "whole"),
    "raw_rows": Figure("select raw_rows from marts.data_origin", "whole"),
    "compared": Figure("select max(as_of_date) from marts.periods where is_compared", "day"),
    "models": Figure("select count(*) from segmentation.model_registry", "whole"),
    "accepted": Figure(
        "select count(*) filter (where is_accepted) from segmentation.model_registry", "whole"
    ),
    "fallbacks": Figure(
        "select count(*) filter (where is_fallback) from segmentation.period_models", "whole"
    ),
    "retrainings": Figure(_decided("retrain"), "whole"),
    "investigations": Figure(_decided("investigate"), "whole"),
    "dates": Figure("select count(*) from maintenance.decisions", "whole"),
    "last_decision": Figure(
        "select decision from maintenance.decisions order by as_of_date desc limit 1", "text"
    ),
    "run_seconds": Figure(_last_run("run_seconds"), "whole"),
    "run_rows": Figure(_last_run("row_count"), "whole"),
    "run_bytes": Figure(_last_run("byte_count"), "megabytes"),
    "run_memory": Figure(_last_run("peak_memory_bytes"), "megabytes"),
    "yearly_machine": Figure(_last_run("yearly_cost"), "money"),
    "currency": Figure("select currency from marts.data_origin", "currency"),
    "control_share": Figure(
        "select round(cast(sum(control_customers) as double) / sum(control_customers + treated_customers), 2)"
        " from segmentation.control_outcomes",
        "limit",
    ),
    "price": Figure(f"select sum(cost_a_year) from {PRICE} as price", "money"),
    "review_price": Figure(_term("review_price_per_hour"), "money"),
    "machine_price": Figure(_term("machine_price_per_hour"), "money"),
    "refit_hours": Figure(_term("refit_review_hours"), "decimal"),
    "rescore_hours": Figure(_term("rescore_review_hours"), "decimal"),
    "investigation_hours": Figure(_term("investigation_review_hours"), "decimal"),
    "builds_a_year": Figure(_term("builds_per_year"), "whole"),
    "response_days": Figure(_term("response_working_days"), "decimal"),
    "term_months": Figure(_term("term_months"), "months"),
    "notice_months": Figure(_term("notice_months"), "months"),
    "review_every": Figure(_term("review_interval_months"), "every"),
}

# How far a row of the policy is beyond the limit of its cadence.
BEYOND = (
    "case when is_within_rule and {worst} then 'worst case' when not is_within_rule then 'mean and worst case'"
    " when is_within_rule then 'no' end"
)
RESCORING_BEYOND = BEYOND.format(worst=f"worst_changed_share > ({_limit('outdated_share')})")
REFIT_BEYOND = BEYOND.format(
    worst=f"(worst_agreement < ({_limit('prediction_agreement')})"
    f" or worst_structure_agreement < ({_limit('structure_agreement')}))"
)
JUDGED = "(is_within_rule is not null or is_recommended)"

_DECISIONS = (
    "select as_of_date, decision, fitted_as_of_date, model_age_months, prediction_agreement,"
    " structure_agreement, outdated_share, {reasons} from maintenance.decisions order by as_of_date"
)
_DRIFT = (
    "select coalesce(names.name, feature), verdict, cause, ks_time, ks_behaviour, ks_same_customers,"
    " population_stability_index_behaviour, missing_share from maintenance.feature_drift as drift"
    " left join seeds.feature_words as names using (feature)"
    f" where as_of_date = {LAST_STABLE} and coalesce(names.language, '{{language}}') = '{{language}}' order by feature"
)

TABLES: dict[str, Table] = {
    "price": Table(
        f"select work, times_a_year, hours, cost_a_year from {PRICE} as price order by position",
        (
            ("Work", "Travail", "text"),
            ("Times a year", "Fois par an", "decimal"),
            ("Hours of a person, each", "Heures de travail, à chaque fois", "decimal"),
            ("Cost a year", "Coût par an", "money"),
        ),
        f"select work, times_a_year, hours, cost_a_year from {FRENCH_PRICE} as price order by position",
    ),
    "rescoring": Table(
        "select interval_months, end_agreement, end_changed_share, worst_changed_share,"
        f" end_changed_share_without_clock, {RESCORING_BEYOND}, times_a_year, cost_a_year"
        f" from maintenance.refresh_policy where cadence = 'rescore' and {JUDGED} order by interval_months",
        (
            ("Interval, months", "Intervalle, mois", "whole"),
            ("Agreement at the end", "Accord à l’échéance", "index"),
            ("In another segment, mean", "Dans un autre segment, moyenne", "share"),
            ("In another segment, worst case", "Dans un autre segment, au pire", "share"),
            ("The same, border held", "De même, frontière figée", "share"),
            ("Beyond the limit", "Hors seuil", "text"),
            ("Rescorings a year", "Actualisations par an", "decimal"),
            ("Cost a year", "Coût par an", "money"),
        ),
    ),
    "policy": Table(
        "select interval_months, expected_agreement, end_agreement, worst_agreement,"
        " end_agreement_without_clock, end_structure_agreement, worst_structure_agreement,"
        f" end_changed_share, worst_changed_share, {REFIT_BEYOND}, times_a_year, cost_a_year"
        f" from maintenance.refresh_policy where cadence = 'refit' and {JUDGED} order by interval_months",
        (
            ("Interval, months", "Intervalle, mois", "whole"),
            ("Expected agreement", "Accord attendu", "index"),
            ("Agreement at the end, mean", "Accord à l’échéance, moyenne", "index"),
            ("Agreement, worst case", "Accord, au pire", "index"),
            ("At the end, border held", "À l’échéance, frontière figée", "index"),
            ("Structure at the end, mean", "Structure à l’échéance, moyenne", "index"),
            ("Structure, worst case", "Structure, au pire", "index"),
            ("In another segment, mean", "Dans un autre segment, moyenne", "share"),
            ("In another segment, worst case", "Dans un autre segment, au pire", "share"),
            ("Beyond the limit", "Hors seuil", "text"),
            ("Trainings a year", "Réentraînements par an", "decimal"),
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
            (
                "Frozen model against a retrained one",
                "Modèle figé face au modèle réentraîné",
                "index",
            ),
            (
                "Segments given against those of a retrained model",
                "Segments attribués face au modèle réentraîné",
                "index",
            ),
            ("Structure", "Structure", "index"),
            (
                "Segments given against those of the frozen model",
                "Segments attribués face au modèle figé",
                "index",
            ),
            ("Structure: threshold of chance", "Structure : seuil du hasard", "index"),
            ("Beyond a limit", "Hors seuil", "text"),
        ),
    ),
    "borders": Table(
        "select as_of_date, fitted_as_of_date, max(case when feature = 'recency_days' then border end),"
        " max(case when feature = 'monetary' then border end) from segmentation.period_models"
        " left join (select model_id, 'recency_days' as feature, minimum_recency_days - 1 as border"
        " from segmentation.segment_rules union all select model_id, 'monetary', minimum_monetary"
        " from segmentation.segment_rules) as borders using (model_id)"
        " where model_id is not null group by as_of_date, fitted_as_of_date order by as_of_date",
        (
            ("As of", "Date", "date"),
            ("Model of", "Modèle du", "date"),
            ("Highest border of recency, days", "Plus haute frontière de récence, jours", "whole"),
            ("Highest border of money", "Plus haute frontière de montant", "money"),
        ),
    ),
    "drift": Table(
        _DRIFT.format(language="en"),
        (
            ("Feature", "Variable", "text"),
            ("Verdict", "Verdict", "text"),
            ("Cause", "Cause", "text"),
            ("KS, passing of time", "KS, effet du temps qui passe", "index"),
            ("KS, beyond it", "KS, au-delà", "index"),
            ("KS, the same customers", "KS, mêmes clients", "index"),
            ("PSI, beyond the passing of time", "PSI, au-delà du temps qui passe", "index"),
            ("Missing", "Valeurs manquantes", "share"),
        ),
        _DRIFT.format(language="fr"),
    ),
    "decisions": Table(
        _DECISIONS.format(reasons="reasons"),
        (
            ("As of", "Date", "date"),
            ("Decision", "Décision", "text"),
            ("Model of", "Modèle du", "date"),
            ("Age of the model before, months", "Âge du modèle précédent, mois", "whole"),
            ("Its agreement with a retrained one", "Son accord avec un modèle réentraîné", "index"),
            ("Structure", "Structure", "index"),
            ("Out of date, at most", "Segments périmés, au plus", "share"),
            ("Reasons", "Raisons", "text"),
        ),
        _DECISIONS.format(reasons="reasons_french"),
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

CHARTS: dict[str, Chart] = {
    "agreement": Chart(
        "select '', as_of_date, case design when 'structure' then 'structure' else 'frozen' end, adjusted_rand_index,"
        " false from maintenance.period_stability where design in ('prediction_vs_refit', 'structure')"
        " union all select '', as_of_date, 'limit', act_value, true from seeds.maintenance_thresholds"
        " cross join (select distinct as_of_date from maintenance.period_stability) as dates"
        " where threshold_code = 'prediction_agreement' order by 3, 2",
        "lines",
        "date",
        "index",
    ),
    "cost": Chart(
        "select interval_months, cost_a_year, is_recommended, end_changed_share from maintenance.refresh_policy"
        f" where cadence = 'refit' and {JUDGED} order by interval_months",
        "bars",
        "months",
        "money",
    ),
    "borders": Chart(
        "select feature, as_of_date, cast(place as string), border, false from segmentation.period_models"
        " inner join (select *, row_number() over (partition by model_id, feature order by border) as place from ("
        "select model_id, 'recency_days' as feature, minimum_recency_days - 1 as border from segmentation.segment_rules"
        " union select model_id, 'monetary', minimum_monetary from segmentation.segment_rules"
        ") as found where border is not null) as borders using (model_id)"
        " order by feature desc, place, as_of_date",
        "steps",
        "date",
        "whole",
    ),
}
