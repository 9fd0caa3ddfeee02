from customer_segmentation.steps import (
    AGREEMENT_COLUMNS,
    AgreementSettings,
    duckdb_projection,
    model_agreement,
    previous_rows,
    read_panel,
)


def model(dbt, session):
    dbt.config(materialized="table")
    shares = dbt.ref("period_inputs")
    settings = AgreementSettings(
        features=tuple(dbt.config.meta_get("features")),
        n_init=dbt.config.meta_get("n_init"),
        max_iter=dbt.config.meta_get("max_iter"),
        seed=dbt.config.meta_get("seed"),
        clocks=tuple(dbt.config.meta_get("clocks")),
    )
    customers = dbt.ref("segmentation_features")
    agreement = model_agreement(
        dbt.ref("refresh_inputs").filter("is_segmentable").df(),
        dbt.ref("kmeans_fits").df(),
        lambda: read_panel(session, customers, settings.features, shares=shares),
        settings=settings,
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(line, flush=True),
    )
    return session.from_df(agreement).project(duckdb_projection(AGREEMENT_COLUMNS))
