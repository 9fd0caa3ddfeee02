from customer_segmentation.steps import (
    CANDIDATE_COLUMNS,
    StudySettings,
    duckdb_projection,
    features_with,
    previous_rows,
    study_columns,
    study_feature_sets,
    study_inputs,
)


def model(dbt, session):
    dbt.config(materialized="table")
    settings = dbt.config.get("settings")
    described = features_with(dbt.config.get("features"), "is_described")
    columns_of = study_columns(
        settings["segmentation_features"], settings["study"]["other_feature_sets"]
    )
    (compared,) = dbt.ref("periods").filter("is_compared").aggregate("max(as_of_date)").fetchone()
    customers = dbt.ref("measured_customers").filter(
        f"is_in_fit and as_of_date = try_cast('{compared}' as date)"
    )

    def rows_of(feature_set):
        return customers.filter(
            " and ".join(f"{name} is not null" for name in columns_of[feature_set])
        )

    candidates = study_feature_sets(
        study_inputs(rows_of, columns_of=columns_of, described=described),
        lambda feature_set: (
            rows_of(feature_set)
            .order("customer_unique_id")
            .project(", ".join(columns_of[feature_set]))
            .df()
        ),
        features_of=columns_of,
        settings=StudySettings.from_settings(settings),
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(f"· {line}", flush=True),
    )
    return session.from_df(candidates).project(duckdb_projection(CANDIDATE_COLUMNS))
