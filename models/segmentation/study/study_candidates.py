from olist_segmentation.frames import duckdb_projection, previous_rows
from olist_segmentation.study import CANDIDATE_COLUMNS, StudySettings, study_feature_sets


def model(dbt, session):
    dbt.config(materialized="table")
    feature_sets = dbt.config.meta_get("feature_sets")
    customers = dbt.ref("study_features").filter("is_in_fit").order("customer_unique_id")
    candidates = study_feature_sets(
        dbt.ref("study_inputs").order("feature_set_position").df(),
        # A customer without one of the features is left out of the fits, not filled in.
        lambda feature_set: customers.project(", ".join(feature_sets[feature_set])).df().dropna(),
        settings=StudySettings.from_mapping(dbt.config.meta_get("study")),
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(line, flush=True),
    )
    return session.from_df(candidates).project(duckdb_projection(CANDIDATE_COLUMNS))
