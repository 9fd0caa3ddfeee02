from customer_segmentation.steps import customer_projection, engine_of


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
    return customer_projection(
        engine,
        segmented=dbt.ref("study_segmented"),
        features=settings["segmentation_features"],
        axes=engine.frame(dbt.ref("study_description"), [engine.rows_of_list("axes")]),
        spectral=None if in_use.empty else in_use.iloc[0],
        sample_rows=study["projection_sample_rows"],
        exact_silhouette_rows=study["exact_silhouette_rows"],
        smallest_cluster_share=study["smallest_cluster_share"],
        seed=study["seeds"][0],
        previous=engine.previous(dbt.this),
    )
