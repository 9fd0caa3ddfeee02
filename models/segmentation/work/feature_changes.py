from customer_segmentation.steps import (
    CHANGE_COLUMNS,
    duckdb_projection,
    feature_changes,
    previous_rows,
    read_panel,
)


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.config.meta_get("features")
    customers = dbt.ref("rfm")
    shares = dbt.ref("measured_share")
    changes = feature_changes(
        dbt.ref("rfm_fingerprints").df(),
        lambda: read_panel(session, customers, features, has_fit_flag=False, shares=shares),
        features=features,
        clocks=dbt.config.meta_get("clocks"),
        previous=previous_rows(session, dbt.this),
    )
    return session.from_df(changes).project(duckdb_projection(CHANGE_COLUMNS))
