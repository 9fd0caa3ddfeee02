from customer_segmentation.steps import (
    AGREEMENT_COLUMNS,
    AgreementSettings,
    engine_of,
    features_with,
    model_agreement,
    read_panel,
)


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    shares = dbt.ref("period_inputs")
    settings = AgreementSettings.from_settings(
        dbt.config.get("settings"), clocks=features_with(dbt.config.get("features"), "grows_daily")
    )
    customers = dbt.ref("segmentation_features")
    agreement = model_agreement(
        engine.frame(dbt.ref("refresh_inputs"), where="is_segmentable"),
        engine.frame(dbt.ref("kmeans_fits")),
        lambda: read_panel(engine, customers, settings.features, shares=shares),
        settings=settings,
        previous=engine.previous_rows(dbt.this),
        report=engine.report,
    )
    return engine.table(agreement, AGREEMENT_COLUMNS)
