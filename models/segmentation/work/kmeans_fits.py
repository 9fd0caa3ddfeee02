from customer_segmentation.steps import (
    FIT_COLUMNS,
    FitSettings,
    engine_of,
    fit_periods,
    of_date,
    quantile_reader,
    ranks_from,
    rules_from,
    with_reasons,
)


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    settings = FitSettings.from_settings(dbt.config.get("settings"))
    is_named_by_rank = dbt.config.meta_get("is_named_by_rank")
    ranks = ranks_from(engine.frame(dbt.ref("segment_ranks")))
    customers = dbt.ref("segmentation_features")

    def rows_of(as_of_date):
        fitted = f"is_in_fit and {of_date(as_of_date)}"
        return engine.matrix(customers, settings.features, where=fitted, order="customer_unique_id")

    fits = fit_periods(
        engine.frame(dbt.ref("period_inputs"), where="training_rows > 0"),
        rows_of,
        settings=settings,
        playbook=rules_from(
            engine.frame(dbt.ref("segment_playbook")), engine.frame(dbt.ref("segment_labels"))
        ),
        ranks=ranks if is_named_by_rank else None,
        quantiles_of=quantile_reader(
            engine, customers, features=settings.features, transforms=settings.transforms
        ),
        previous=engine.previous_rows(dbt.this),
        report=engine.report,
    )
    told = with_reasons(fits, rows_of, n_clusters=settings.n_clusters)
    return engine.table(told, FIT_COLUMNS)
