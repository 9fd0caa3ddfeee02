from customer_segmentation.steps import (
    STABILITY_COLUMNS,
    StabilitySettings,
    engine_of,
    period_stability,
    quantile_reader,
    read_panel,
)


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    shares = dbt.ref("period_inputs")
    given = dbt.config.get("settings")
    settings = StabilitySettings.from_settings(given)
    customers = dbt.ref("segmentation_features")
    (baseline,) = engine.row(dbt.ref("stability_baseline"), ["baseline_as_of_date"])
    measures = period_stability(
        engine.frame(dbt.ref("refresh_inputs"), where="is_segmentable"),
        engine.frame(dbt.ref("kmeans_fits")),
        lambda: read_panel(engine, customers, settings.features, shares=shares),
        baseline=baseline,
        settings=settings,
        agreement=engine.frame(dbt.ref("model_agreement")),
        quantiles_of=quantile_reader(
            engine, customers, features=settings.features, transforms=settings.transforms
        ),
        previous=engine.previous_rows(dbt.this),
        report=engine.report,
    )
    return engine.table(measures, STABILITY_COLUMNS)
