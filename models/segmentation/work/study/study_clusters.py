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
    settings = dbt.config.get("settings")
    columns_of = study_columns(
        settings["segmentation_features"], settings["study"]["other_feature_sets"]
    )
    (compared,) = dbt.ref("periods").filter("is_compared").aggregate("max(as_of_date)").fetchone()
    is_date = f"as_of_date = try_cast('{compared}' as date)"
    customers = dbt.ref("measured_customers").filter(f"is_in_fit and {is_date}")
    finalists = dbt.ref("study_candidates").filter("is_finalist and n_clusters > 1")
    model_in_use = dbt.ref("period_models").filter(is_date).project("model_id")
    clusters = study_clusters(
        finalists.order("feature_set_position, algorithm, n_clusters").df(),
        lambda feature_set: (
            customers.order("customer_unique_id").df().dropna(subset=columns_of[feature_set])
        ),
        features_of=columns_of,
        settings=StudySettings.from_settings(settings),
        centroids_in_use=dbt.ref("model_centroids").join(model_in_use, "model_id").df(),
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(f"· {line}", flush=True),
    )
    return session.from_df(clusters).project(duckdb_projection(CLUSTER_COLUMNS))
