from customer_segmentation.steps import DECISION_COLUMNS, decide, engine_of, thresholds_from


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    pair = "baseline_as_of_date, as_of_date"
    decisions = decide(
        engine.frame(dbt.ref("refresh_inputs"), order="as_of_date"),
        engine.frame(dbt.ref("model_agreement"), order=pair),
        engine.frame(dbt.ref("feature_verdicts"), order=f"{pair}, feature"),
        thresholds_from(engine.frame(dbt.ref("maintenance_thresholds"))),
        force_retrain=dbt.config.get("settings")["force_retrain"],
        report=engine.note,
    )
    return engine.table(decisions, DECISION_COLUMNS)
