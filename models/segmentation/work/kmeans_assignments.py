import functools

from customer_segmentation.steps import ASSIGNMENT_COLUMNS, assign_batches, engine_of


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    features = dbt.config.get("settings")["segmentation_features"]
    customers = engine.query(
        f"select as_of_date, customer_unique_id, model_id, {', '.join(features)}"
        " from {customers} as customers inner join {models} as models using (as_of_date)"
        " where model_id is not null",
        customers=dbt.ref("segmentation_features"),
        models=dbt.ref("period_models"),
    )
    models = engine.frame(dbt.ref("kmeans_fits"))
    assign = functools.partial(assign_batches, models=models, features=features)
    return engine.map_batches(customers, assign, ASSIGNMENT_COLUMNS)
