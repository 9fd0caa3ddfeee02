from customer_segmentation.cluster import robust_columns
from customer_segmentation.steps import (
    ALTERNATIVE_COLUMNS,
    AlternativeSettings,
    duckdb_projection,
    previous_rows,
    segmentation_alternatives,
)


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.config.meta_get("features")
    study = dbt.config.meta_get("study")
    customers = dbt.ref("alternative_rows")
    settings = AlternativeSettings(
        features=tuple(f"feature_{name}" for name in features),
        robust=robust_columns(features, dbt.config.meta_get("transforms")),
        n_clusters=dbt.config.meta_get("n_clusters"),
        n_neighbors=study["spectral_neighbors"][0],
        assign_labels=study["spectral_assign_labels"][0],
        seed=study["seeds"][0],
        exact_silhouette_rows=study["exact_silhouette_rows"],
    )
    columns = ", ".join(name for name in customers.columns if name != "as_of_date")
    found = segmentation_alternatives(
        customers.aggregate(
            f"as_of_date, count(*) || '-' || sum(hash({columns})) as rows_fingerprint"
        ).df(),
        lambda day: (
            customers.filter(f"as_of_date = '{day:%Y-%m-%d}'").order("customer_unique_id").df()
        ),
        settings=settings,
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(line, flush=True),
    )
    return session.from_df(found).project(duckdb_projection(ALTERNATIVE_COLUMNS))
