from olist_segmentation.frames import duckdb_projection
from olist_segmentation.pictures import AXIS_COLUMNS, projection_axes


def model(dbt, session):
    dbt.config(materialized="table")
    axes = projection_axes(
        dbt.ref("study_segmented").order("customer_unique_id").df(),
        features=dbt.config.meta_get("features"),
    )
    return session.from_df(axes).project(duckdb_projection(AXIS_COLUMNS))
