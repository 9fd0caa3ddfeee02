from customer_segmentation.steps import (
    AGREEMENT_COLUMNS,
    AgreementSettings,
    duckdb_projection,
    features_with,
    model_agreement,
    previous_rows,
    read_panel,
)


def model(dbt, session):
    dbt.config(materialized="table")
    shares = dbt.ref("period_inputs")
    settings = AgreementSettings.from_settings(
        dbt.config.get("settings"), clocks=features_with(dbt.config.get("features"), "grows_daily")
    )
    customers = dbt.ref("segmentation_features")
    agreement = model_agreement(
        dbt.ref("refresh_inputs").filter("is_segmentable").df(),
        dbt.ref("kmeans_fits").df(),
        lambda: read_panel(session, customers, settings.features, shares=shares),
        settings=settings,
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(f"· {line}", flush=True),
    )
    return session.from_df(agreement).project(duckdb_projection(AGREEMENT_COLUMNS))
