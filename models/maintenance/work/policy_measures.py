from customer_segmentation.steps import (
    POLICY_COLUMNS,
    PolicySettings,
    engine_of,
    refresh_costs,
    refresh_policy,
)


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    costs = engine.frame(dbt.ref("policy_costs")).set_index("cost_code")["cost_value"]
    thresholds = engine.frame(dbt.ref("maintenance_thresholds")).set_index("threshold_code")
    limits = thresholds["act_value"]
    settings = PolicySettings(
        least_prediction_agreement=float(limits["prediction_agreement"]),
        least_structure_agreement=float(limits["structure_agreement"]),
        largest_outdated_share=float(limits["outdated_share"]),
        seed=dbt.config.get("settings")["seed"],
        cost=refresh_costs(costs),
    )
    pair = "baseline_as_of_date, as_of_date"
    simulation = engine.frame(dbt.ref("refresh_simulation"), where="is_counted", order=pair)
    return engine.table(refresh_policy(simulation, settings=settings), POLICY_COLUMNS)
