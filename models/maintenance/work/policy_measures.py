from customer_segmentation.steps import (
    CADENCES,
    POLICY_COLUMNS,
    Cost,
    PolicySettings,
    duckdb_projection,
    refresh_policy,
)


def model(dbt, session):
    dbt.config(materialized="table")
    seconds = {
        "refit": dbt.config.meta_get("refit_seconds"),
        "rescore": dbt.config.meta_get("rescore_seconds"),
    }
    review_hours = {
        "refit": dbt.config.meta_get("refit_review_hours"),
        "rescore": dbt.config.meta_get("rescore_review_hours"),
    }
    machine_price = dbt.config.meta_get("machine_price_per_hour")
    review_price = dbt.config.meta_get("review_price_per_hour")
    thresholds = dbt.ref("maintenance_thresholds").df().set_index("threshold_code")["act_value"]
    settings = PolicySettings(
        least_prediction_agreement=float(thresholds["prediction_agreement"]),
        least_structure_agreement=float(thresholds["structure_agreement"]),
        largest_outdated_share=float(thresholds["outdated_share"]),
        seed=dbt.config.meta_get("seed"),
        cost={
            cadence: Cost(seconds[cadence], machine_price, review_hours[cadence], review_price)
            for cadence in CADENCES
        },
    )
    counted = dbt.ref("refresh_simulation").filter("is_counted")
    simulation = counted.order("baseline_as_of_date, as_of_date").df()
    policy = refresh_policy(simulation, settings=settings)
    return session.from_df(policy).project(duckdb_projection(POLICY_COLUMNS))
