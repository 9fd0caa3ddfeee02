import numpy as np

from customer_segmentation.steps import (
    RULE_COLUMNS,
    RuleRows,
    RuleSettings,
    duckdb_projection,
    previous_rows,
    segment_rules,
)


def model(dbt, session):
    dbt.config(materialized="table")
    settings = RuleSettings.from_settings(dbt.config.get("settings"))
    customers = dbt.ref("measured_customers")
    kinds = ("in_use", "own", "is_missing")
    read = ", ".join(f"{kind}_{name}" for kind in kinds for name in settings.features)

    def rows_of(as_of_date):
        rows = customers.filter(f"as_of_date = '{as_of_date:%Y-%m-%d}'").order("customer_unique_id")
        columns = rows.project(read).fetchnumpy()
        return RuleRows(
            *(
                np.column_stack([columns[f"{kind}_{name}"] for name in settings.features])
                for kind in kinds
            )
        )

    rules = segment_rules(
        dbt.ref("period_inputs").df(),
        dbt.ref("kmeans_fits").df(),
        rows_of,
        settings=settings,
        previous=previous_rows(session, dbt.this),
        report=lambda line: print(f"· {line}", flush=True),
    )
    return session.from_df(rules).project(duckdb_projection(RULE_COLUMNS))
