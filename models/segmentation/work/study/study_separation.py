from customer_segmentation.measure import SEPARATION_COLUMNS, segment_separation
from customer_segmentation.steps import duckdb_projection

HELD_OUT = ["average_review_score", "delivery_delay_days", "payment_installments", "freight_share"]


def model(dbt, session):
    dbt.config(materialized="table")
    made_by = list(dbt.config.meta_get("features"))
    features = made_by + [name for name in HELD_OUT if name not in made_by]
    rows = dbt.ref("study_segmented").order("customer_unique_id").df()
    if rows["cluster"].nunique() < 2:
        table = rows.reindex(columns=list(SEPARATION_COLUMNS))[:0]
    else:
        table = segment_separation(rows[features], rows["cluster"], features=features)
        table["is_circular"] = table["feature"].isin(made_by)
        table["as_of_date"] = rows["as_of_date"].iloc[0]
    return session.from_df(table).project(duckdb_projection(SEPARATION_COLUMNS))
