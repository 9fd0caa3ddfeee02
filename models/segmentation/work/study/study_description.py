from customer_segmentation.steps import DescriptionSettings, describe_segments, engine_of


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    return describe_segments(
        engine,
        segmented=dbt.ref("study_segmented"),
        periods=dbt.ref("periods"),
        segments=dbt.ref("customer_segments"),
        facts=dbt.ref("customer_facts"),
        rfm=dbt.ref("rfm"),
        settings=DescriptionSettings.from_settings(
            dbt.config.get("settings"), features=dbt.config.get("features")
        ),
        previous=engine.previous(dbt.this),
    )
