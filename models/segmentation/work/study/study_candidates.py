from customer_segmentation.steps import (
    CANDIDATE_COLUMNS,
    StudySettings,
    engine_of,
    features_with,
    of_date,
    study_columns,
    study_feature_sets,
    study_inputs,
)


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    settings = dbt.config.get("settings")
    columns_of = study_columns(
        settings["segmentation_features"], settings["study"]["other_feature_sets"]
    )
    periods, customers = dbt.ref("periods"), dbt.ref("measured_customers")
    (compared,) = engine.row(periods, ["max(as_of_date)"], where="is_compared")

    def rows_of(feature_set):
        known = " and ".join(f"{name} is not null" for name in columns_of[feature_set])
        return engine.query(
            "select * from {customers} as customers"
            f" where is_in_fit and {of_date(compared)} and {known}",
            customers=customers,
        )

    candidates = study_feature_sets(
        study_inputs(
            engine,
            rows_of,
            columns_of=columns_of,
            described=features_with(dbt.config.get("features"), "is_described"),
        ),
        lambda feature_set: engine.frame(
            rows_of(feature_set), columns_of[feature_set], order="customer_unique_id"
        ),
        features_of=columns_of,
        settings=StudySettings.from_settings(settings),
        previous=engine.previous_rows(dbt.this),
        report=engine.report,
    )
    return engine.table(candidates, CANDIDATE_COLUMNS)
