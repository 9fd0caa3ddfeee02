import numpy as np

from customer_segmentation.steps import (
    FIT_COLUMNS,
    FitSettings,
    duckdb_projection,
    fit_periods,
    previous_rows,
    quantile_reader,
    ranks_from,
    rules_from,
)


def model(dbt, session):
    dbt.config(materialized="table")
    settings = FitSettings.from_settings(dbt.config.get("settings"))
    is_named_by_rank = dbt.config.meta_get("is_named_by_rank")
    ranks = ranks_from(dbt.ref("segment_ranks").df())
    features = dbt.ref("segmentation_features")
    customers = features.filter("is_in_fit")

    def rows_of(as_of_date):
        rows = customers.filter(f"as_of_date = '{as_of_date:%Y-%m-%d}'").order("customer_unique_id")
        columns = rows.project(", ".join(settings.features)).fetchnumpy()
        return np.column_stack([columns[name] for name in settings.features])

    fits = fit_periods(
        dbt.ref("period_inputs").filter("training_rows > 0").df(),
        rows_of,
        settings=settings,
        playbook=rules_from(dbt.ref("segment_playbook").df(), dbt.ref("segment_labels").df()),
        ranks=ranks if is_named_by_rank else None,
        quantiles_of=quantile_reader(
            features, features=settings.features, transforms=settings.transforms
        ),
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(f"· {line}", flush=True),
    )
    return session.from_df(fits).project(duckdb_projection(FIT_COLUMNS))
