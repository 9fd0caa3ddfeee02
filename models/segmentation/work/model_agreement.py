from customer_segmentation.steps import (
    AGREEMENT_COLUMNS,
    AgreementSettings,
    engine_of,
    features_with,
    longest_age,
    model_agreement,
    read_panel,
    thresholds_from,
)


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    shares = dbt.ref("period_inputs")
    given = dbt.config.get("settings")
    settings = AgreementSettings.from_settings(
        given, clocks=features_with(dbt.config.get("features"), "grows_daily")
    )
    thresholds = thresholds_from(engine.frame(dbt.ref("maintenance_thresholds")))
    customers = dbt.ref("segmentation_features")
    agreement = model_agreement(
        engine.frame(dbt.ref("refresh_inputs"), where="is_segmentable"),
        engine.frame(dbt.ref("kmeans_fits")),
        lambda: read_panel(engine, customers, settings.features, shares=shares),
        settings=settings,
        longest_age_months=longest_age(given, thresholds),
        previous=engine.previous_rows(dbt.this),
        report=engine.report,
    )
    return engine.table(agreement, AGREEMENT_COLUMNS)
