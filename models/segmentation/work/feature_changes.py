from customer_segmentation.steps import (
    CHANGE_COLUMNS,
    engine_of,
    feature_changes,
    features_with,
    longest_age,
    read_panel,
    thresholds_from,
)


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    stated = dbt.config.get("features")
    settings = dbt.config.get("settings")
    in_use = settings["segmentation_features"]
    features = list(dict.fromkeys([*features_with(stated, "is_described"), *in_use]))
    thresholds = thresholds_from(engine.frame(dbt.ref("maintenance_thresholds")))
    (baseline,) = engine.row(dbt.ref("periods"), ["max(as_of_date)"], where="is_baseline")
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
        longest_age_months=longest_age(settings, thresholds),
        baseline=baseline,
        previous=engine.previous_rows(dbt.this),
        report=engine.report,
    )
    return engine.table(changes, CHANGE_COLUMNS)
