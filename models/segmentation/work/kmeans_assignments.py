from customer_segmentation.steps import assign_batches


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.config.get("settings")["segmentation_features"]
    customers = dbt.ref("segmentation_features")
    models_in_use = dbt.ref("period_models")
    # A cursor of its own: dbt reads the result on the session while this one is being read.
    batches = (
        session.cursor()
        .sql(
            f"select as_of_date, customer_unique_id, model_id, {', '.join(features)}"
            f" from ({customers.sql_query()}) inner join ({models_in_use.sql_query()}) using (as_of_date)"
            " where model_id is not null"
        )
        .to_arrow_reader(122_880)
    )
    return assign_batches(batches, models=dbt.ref("kmeans_fits").df(), features=features)
