from customer_segmentation.steps import (
    CLUSTER_COLUMNS,
    StudySettings,
    engine_of,
    of_date,
    ranks_from,
    rules_from,
    study_clusters,
    study_columns,
)


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    settings = dbt.config.get("settings")
    is_named_by_rank = dbt.config.meta_get("is_named_by_rank")
    ranks = ranks_from(engine.frame(dbt.ref("segment_ranks")))
    columns_of = study_columns(
        settings["segmentation_features"], settings["study"]["other_feature_sets"]
    )
    periods, customers = dbt.ref("periods"), dbt.ref("measured_customers")
    (compared,) = engine.row(periods, ["max(as_of_date)"], where="is_compared")
    centroids_in_use = engine.query(
        "select centroids.* from {centroids} as centroids"
        " inner join (select model_id from {models} as models where"
        f" {of_date(compared)}) as in_use on centroids.model_id = in_use.model_id",
        centroids=dbt.ref("model_centroids"),
        models=dbt.ref("period_models"),
    )
    clusters = study_clusters(
        engine.frame(
            dbt.ref("study_candidates"),
            where="is_finalist and n_clusters > 1",
            order="feature_set_position, algorithm, n_clusters",
        ),
        lambda feature_set: engine.frame(
            customers, where=f"is_in_fit and {of_date(compared)}", order="customer_unique_id"
        ).dropna(subset=columns_of[feature_set]),
        features_of=columns_of,
        settings=StudySettings.from_settings(settings),
        centroids_in_use=engine.frame(centroids_in_use),
        rules=rules_from(
            engine.frame(dbt.ref("segment_playbook")), engine.frame(dbt.ref("segment_labels"))
        ),
        ranks=ranks if is_named_by_rank else None,
        previous=engine.previous_rows(dbt.this),
        report=engine.report,
    )
    return engine.table(clusters, CLUSTER_COLUMNS)
