from customer_segmentation.steps import (
    POLICY_COLUMNS,
    PolicySettings,
    duckdb_projection,
    refresh_costs,
    refresh_policy,
)


def model(dbt, session):
    dbt.config(materialized="table")
    costs = dbt.ref("policy_costs").df().set_index("cost_code")["cost_value"]
    thresholds = dbt.ref("maintenance_thresholds").df().set_index("threshold_code")["act_value"]
    settings = PolicySettings(
        least_prediction_agreement=float(thresholds["prediction_agreement"]),
        least_structure_agreement=float(thresholds["structure_agreement"]),
        largest_outdated_share=float(thresholds["outdated_share"]),
        seed=dbt.config.get("settings")["seed"],
        cost=refresh_costs(costs),
    )
    counted = dbt.ref("refresh_simulation").filter("is_counted")
    simulation = counted.order("baseline_as_of_date, as_of_date").df()
    policy = refresh_policy(simulation, settings=settings)
    return session.from_df(policy).project(duckdb_projection(POLICY_COLUMNS))
