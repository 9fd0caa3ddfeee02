from customer_segmentation.cluster import robust_columns
from customer_segmentation.steps import (
    PROJECTION_COLUMNS,
    duckdb_projection,
    previous_rows,
    project_customers,
)


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.config.meta_get("features")
    study = dbt.config.meta_get("study")
    finalists = (
        dbt.ref("study_finalists")
        .filter("algorithm = 'spectral' and feature_set_position = 1")
        .df()
    )
    in_use = finalists[finalists["n_clusters"] == dbt.config.meta_get("n_clusters")]
    projection = project_customers(
        dbt.ref("study_segmented").order("customer_unique_id").df(),
        features=features,
        robust=robust_columns(features, dbt.config.meta_get("transforms")),
        spectral=None if in_use.empty else in_use.iloc[0],
        sample_rows=dbt.config.meta_get("sample_rows"),
        exact_silhouette_rows=study["exact_silhouette_rows"],
        smallest_cluster_share=study["smallest_cluster_share"],
        seed=study["seeds"][0],
        previous=previous_rows(session, dbt.this),
    )
    return session.from_df(projection).project(duckdb_projection(PROJECTION_COLUMNS))
