from customer_segmentation.steps import (
    ALTERNATIVE_COLUMNS,
    AlternativeSettings,
    duckdb_projection,
    previous_rows,
    segmentation_alternatives,
)


def model(dbt, session):
    dbt.config(materialized="table")
    customers = dbt.ref("alternative_rows")
    settings = AlternativeSettings.from_settings(dbt.config.get("settings"))
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
        report=lambda line: print(f"· {line}", flush=True),
    )
    return session.from_df(found).project(duckdb_projection(ALTERNATIVE_COLUMNS))
