from customer_segmentation.measure.drift import CHANGE_COLUMNS, feature_changes
from customer_segmentation.steps.frames import duckdb_projection, previous_rows
from customer_segmentation.steps.panel import read_panel


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.config.meta_get("features")
    customers = dbt.ref("rfm")
    shares = dbt.ref("measured_share")
    changes = feature_changes(
        dbt.ref("rfm_fingerprints").df(),
        lambda: read_panel(session, customers, features, has_fit_flag=False, shares=shares),
        features=features,
        clocks=dbt.config.meta_get("clocks"),
        previous=previous_rows(session, dbt.this),
    )
    return session.from_df(changes).project(duckdb_projection(CHANGE_COLUMNS))
