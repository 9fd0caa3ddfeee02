from customer_segmentation.steps import (
    CHANGE_COLUMNS,
    engine_of,
    feature_changes,
    features_with,
    read_panel,
)


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    stated = dbt.config.get("features")
    in_use = dbt.config.get("settings")["segmentation_features"]
    features = list(dict.fromkeys([*features_with(stated, "is_described"), *in_use]))
    customers = dbt.ref("rfm")
    # What nobody has, as reviews in a table of orders, cannot change.
    counts = engine.row(customers, [f"count({name})" for name in features])
    features = [name for name, count in zip(features, counts, strict=True) if count] or features
    inputs = dbt.ref("period_inputs")
    changes = feature_changes(
        engine.frame(inputs, ["as_of_date", "rfm_fingerprint as rows_fingerprint"]),
        lambda: read_panel(
            engine, customers, features, has_fit_flag=False, by_column=True, shares=inputs
        ),
        features=features,
        clocks=features_with(stated, "grows_daily"),
        previous=engine.previous_rows(dbt.this),
    )
    return engine.table(changes, CHANGE_COLUMNS)
