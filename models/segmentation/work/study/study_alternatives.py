from customer_segmentation.steps import (
    ALTERNATIVE_COLUMNS,
    AlternativeSettings,
    engine_of,
    of_date,
    segmentation_alternatives,
)


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    customers = dbt.ref("alternative_rows")
    columns = [name for name in customers.columns if name != "as_of_date"]
    inputs = engine.query(
        f"select as_of_date, {engine.rows_fingerprint(columns)} as rows_fingerprint"
        " from {customers} as customers group by as_of_date",
        customers=customers,
    )
    found = segmentation_alternatives(
        engine.frame(inputs),
        lambda day: engine.frame(customers, where=of_date(day), order="customer_unique_id"),
        settings=AlternativeSettings.from_settings(dbt.config.get("settings")),
        previous=engine.previous_rows(dbt.this),
        report=engine.report,
    )
    return engine.table(found, ALTERNATIVE_COLUMNS)
