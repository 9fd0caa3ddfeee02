from customer_segmentation.steps import (
    CHANGE_COLUMNS,
    DESCRIBED,
    duckdb_projection,
    feature_changes,
    previous_rows,
    read_panel,
)


def model(dbt, session):
    dbt.config(materialized="table")
    settings = dbt.config.get("settings")
    features = list(dict.fromkeys([*DESCRIBED, *settings["segmentation_features"]]))
    customers = dbt.ref("rfm")
    inputs = dbt.ref("period_inputs")
    changes = feature_changes(
        inputs.project("as_of_date, rfm_fingerprint as rows_fingerprint").df(),
        lambda: read_panel(session, customers, features, has_fit_flag=False, shares=inputs),
        features=features,
        clocks=["recency_days", "tenure_days"],
        previous=previous_rows(session, dbt.this),
    )
    return session.from_df(changes).project(duckdb_projection(CHANGE_COLUMNS))
