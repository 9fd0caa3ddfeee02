from customer_segmentation.steps import (
    CHANGE_COLUMNS,
    duckdb_projection,
    feature_changes,
    features_with,
    previous_rows,
    read_panel,
)


def model(dbt, session):
    dbt.config(materialized="table")
    stated = dbt.config.get("features")
    in_use = dbt.config.get("settings")["segmentation_features"]
    features = list(dict.fromkeys([*features_with(stated, "is_described"), *in_use]))
    customers = dbt.ref("rfm")
    # What nobody has, as reviews in a table of orders, cannot change.
    counts = customers.aggregate(", ".join(f"count({name})" for name in features)).fetchone()
    features = [name for name, count in zip(features, counts, strict=True) if count] or features
    inputs = dbt.ref("period_inputs")
    changes = feature_changes(
        inputs.project("as_of_date, rfm_fingerprint as rows_fingerprint").df(),
        lambda: read_panel(session, customers, features, has_fit_flag=False, shares=inputs),
        features=features,
        clocks=features_with(stated, "grows_daily"),
        previous=previous_rows(session, dbt.this),
    )
    return session.from_df(changes).project(duckdb_projection(CHANGE_COLUMNS))
