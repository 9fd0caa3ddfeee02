from olist_segmentation.frames import duckdb_projection, previous_rows
from olist_segmentation.study import CLUSTER_COLUMNS, StudySettings, study_clusters


def model(dbt, session):
    dbt.config(materialized="table")
    feature_sets = dbt.config.meta_get("feature_sets")
    customers = dbt.ref("study_features").filter("is_in_fit").order("customer_unique_id")
    in_use = dbt.ref("study_model").order("cluster, feature_position").df()
    clusters = study_clusters(
        dbt.ref("study_finalists").order("feature_set_position, algorithm, n_clusters").df(),
        lambda feature_set: customers.df().dropna(subset=feature_sets[feature_set]),
        features_of=feature_sets,
        settings=StudySettings.from_mapping(dbt.config.meta_get("study")),
        reference=in_use.pivot(index="cluster", columns="feature", values="centroid")
        .reindex(columns=next(iter(feature_sets.values())))
        .dropna(axis="columns")
        .to_numpy(),
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(line, flush=True),
    )
    return session.from_df(clusters).project(duckdb_projection(CLUSTER_COLUMNS))
