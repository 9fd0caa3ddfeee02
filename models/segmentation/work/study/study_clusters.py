from customer_segmentation.steps import (
    CLUSTER_COLUMNS,
    StudySettings,
    duckdb_projection,
    previous_rows,
    study_clusters,
    study_columns,
)


def model(dbt, session):
    dbt.config(materialized="table")
    columns_of = study_columns(
        dbt.config.meta_get("features"), dbt.config.meta_get("other_feature_sets")
    )
    customers = dbt.ref("study_features").filter("is_in_fit").order("customer_unique_id")
    clusters = study_clusters(
        dbt.ref("study_finalists").order("feature_set_position, algorithm, n_clusters").df(),
        lambda feature_set: customers.df().dropna(subset=columns_of[feature_set]),
        features_of=columns_of,
        settings=StudySettings.from_mapping(
            dbt.config.meta_get("study"),
            n_clusters=dbt.config.meta_get("n_clusters"),
            transforms=dbt.config.meta_get("transforms"),
        ),
        centroids_in_use=dbt.ref("study_model").filter("is_compared").df(),
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(line, flush=True),
    )
    return session.from_df(clusters).project(duckdb_projection(CLUSTER_COLUMNS))
