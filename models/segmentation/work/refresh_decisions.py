from customer_segmentation.steps import DECISION_COLUMNS, decide, duckdb_projection, thresholds_from


def model(dbt, session):
    dbt.config(materialized="table")
    decisions = decide(
        dbt.ref("refresh_inputs").order("as_of_date").df(),
        dbt.ref("model_agreement").order("baseline_as_of_date, as_of_date").df(),
        dbt.ref("feature_verdicts").order("baseline_as_of_date, as_of_date, feature").df(),
        thresholds_from(dbt.ref("maintenance_thresholds").df()),
        force_retrain=dbt.config.get("settings")["force_retrain"],
        report=lambda line: print(f"· {line}", flush=True),
    )
    return session.from_df(decisions).project(duckdb_projection(DECISION_COLUMNS))
