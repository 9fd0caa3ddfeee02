from customer_segmentation.steps import PROJECTION_COLUMNS, engine_of, project_customers


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    settings = dbt.config.get("settings")
    study = settings["study"]
    in_use = engine.frame(
        dbt.ref("study_candidates"),
        where="is_finalist and algorithm = 'spectral' and feature_set_position = 1"
        f" and n_clusters = {settings['n_clusters']}",
    )
    projection = project_customers(
        engine.frame(dbt.ref("study_segmented"), order="customer_unique_id"),
        features=settings["segmentation_features"],
        axes=engine.frame(dbt.ref("study_description"), [engine.rows_of_list("axes")]),
        spectral=None if in_use.empty else in_use.iloc[0],
        sample_rows=study["projection_sample_rows"],
        exact_silhouette_rows=study["exact_silhouette_rows"],
        smallest_cluster_share=study["smallest_cluster_share"],
        seed=study["seeds"][0],
        previous=engine.previous_rows(dbt.this),
    )
    return engine.table(projection, PROJECTION_COLUMNS)
