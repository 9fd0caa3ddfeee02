from customer_segmentation.steps import (
    STABILITY_COLUMNS,
    StabilitySettings,
    duckdb_projection,
    period_stability,
    previous_rows,
    quantile_reader,
    read_panel,
)


def model(dbt, session):
    dbt.config(materialized="table")
    shares = dbt.ref("period_inputs")
    given = dbt.config.get("settings")
    settings = StabilitySettings.from_settings(given)
    customers = dbt.ref("segmentation_features")
    (baseline,) = dbt.ref("stability_baseline").project("baseline_as_of_date").fetchone()
    measures = period_stability(
        dbt.ref("refresh_inputs").filter("is_segmentable").df(),
        dbt.ref("kmeans_fits").df(),
        lambda: read_panel(session, customers, settings.features, shares=shares),
        baseline=baseline,
        settings=settings,
        agreement=dbt.ref("model_agreement").df(),
        quantiles_of=quantile_reader(
            customers, features=settings.features, transforms=settings.transforms
        ),
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(f"· {line}", flush=True),
    )
    return session.from_df(measures).project(duckdb_projection(STABILITY_COLUMNS))
