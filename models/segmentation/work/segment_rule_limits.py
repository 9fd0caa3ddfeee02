import numpy as np

from customer_segmentation.steps import (
    RULE_COLUMNS,
    RuleRows,
    RuleSettings,
    engine_of,
    of_date,
    segment_rules,
)


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    settings = RuleSettings.from_settings(dbt.config.get("settings"))
    customers = dbt.ref("measured_customers")
    kinds = ("in_use", "own", "is_missing")
    read = [f"{kind}_{name}" for kind in kinds for name in settings.features]

    def rows_of(as_of_date):
        day = of_date(as_of_date)
        columns = engine.arrays(customers, read, where=day, order="customer_unique_id")
        return RuleRows(
            *(
                np.column_stack([columns[f"{kind}_{name}"] for name in settings.features])
                for kind in kinds
            )
        )

    rules = segment_rules(
        engine.frame(dbt.ref("period_inputs")),
        engine.frame(dbt.ref("kmeans_fits")),
        rows_of,
        settings=settings,
        previous=engine.previous_rows(dbt.this),
        report=engine.report,
    )
    return engine.table(rules, RULE_COLUMNS)
