from customer_segmentation.steps import (
    CANDIDATE_COLUMNS,
    StudySettings,
    duckdb_projection,
    previous_rows,
    study_columns,
    study_feature_sets,
)


def model(dbt, session):
    dbt.config(materialized="table")
    columns_of = study_columns(
        dbt.config.meta_get("features"), dbt.config.meta_get("other_feature_sets")
    )
    customers = dbt.ref("study_features").filter("is_in_fit").order("customer_unique_id")
    candidates = study_feature_sets(
        dbt.ref("study_inputs").order("feature_set_position").df(),
        lambda feature_set: customers.project(", ".join(columns_of[feature_set])).df().dropna(),
        features_of=columns_of,
        settings=StudySettings.from_mapping(
            dbt.config.meta_get("study"),
            n_clusters=dbt.config.meta_get("n_clusters"),
            transforms=dbt.config.meta_get("transforms"),
        ),
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(line, flush=True),
    )
    return session.from_df(candidates).project(duckdb_projection(CANDIDATE_COLUMNS))
