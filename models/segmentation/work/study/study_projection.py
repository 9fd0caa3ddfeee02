from customer_segmentation.steps import (
    PROJECTION_COLUMNS,
    duckdb_projection,
    previous_rows,
    project_customers,
)


def model(dbt, session):
    dbt.config(materialized="table")
    settings = dbt.config.get("settings")
    study = settings["study"]
    finalists = dbt.ref("study_candidates").filter(
        "is_finalist and algorithm = 'spectral' and feature_set_position = 1"
    )
    in_use = finalists.filter(f"n_clusters = {settings['n_clusters']}").df()
    projection = project_customers(
        dbt.ref("study_segmented").order("customer_unique_id").df(),
        features=settings["segmentation_features"],
        axes=dbt.ref("study_description").project("unnest(axes, recursive := true)").df(),
        spectral=None if in_use.empty else in_use.iloc[0],
        sample_rows=study["projection_sample_rows"],
        exact_silhouette_rows=study["exact_silhouette_rows"],
        smallest_cluster_share=study["smallest_cluster_share"],
        seed=study["seeds"][0],
        previous=previous_rows(session, dbt.this),
    )
    return session.from_df(projection).project(duckdb_projection(PROJECTION_COLUMNS))
