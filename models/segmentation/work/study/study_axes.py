from customer_segmentation.cluster import robust_columns
from customer_segmentation.steps import (
    AXIS_COLUMNS,
    duckdb_projection,
    previous_rows,
    projection_axes,
)


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.config.meta_get("features")
    axes = projection_axes(
        dbt.ref("study_segmented").order("customer_unique_id").df(),
        features=features,
        robust=robust_columns(features, dbt.config.meta_get("transforms")),
        previous=previous_rows(session, dbt.this),
    )
    return session.from_df(axes).project(duckdb_projection(AXIS_COLUMNS))
