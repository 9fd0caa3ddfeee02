from customer_segmentation.steps import TRAIT_COLUMNS, duckdb_projection, segment_traits

NUMBERS = {
    "payment_installments": "payment_installments",
    "review_score": "average_review_score",
    "delivery_delay_days": "delivery_delay_days",
    "freight_share": "freight_share",
    "city_size_customers": "customers_in_city",
    "last_purchase_hour": "last_purchase_hour",
}


def model(dbt, session):
    dbt.config(materialized="table")
    customers = dbt.ref("study_customers").set_alias("customers")
    segments = dbt.ref("customer_segments").set_alias("segments")
    numbers = (
        customers.join(
            segments,
            "customers.as_of_date = segments.as_of_date and customers.customer_unique_id = segments.customer_unique_id",
        )
        .order("customers.customer_unique_id")
        .project(
            ", ".join(["cluster", *(f"{column} as {trait}" for trait, column in NUMBERS.items())])
        )
        .df()
    )
    traits = segment_traits(dbt.ref("study_trait_counts").df(), numbers)
    return session.from_df(traits).project(duckdb_projection(TRAIT_COLUMNS))
