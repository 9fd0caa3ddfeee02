from customer_segmentation.cluster import robust_columns
from customer_segmentation.steps import (
    AXIS_COLUMNS,
    EXPLAINED_COLUMNS,
    TRAIT_COLUMNS,
    count_traits,
    described_customers,
    engine_of,
    explained_separation,
    known_traits,
    other_traits,
    projection_axes,
    segment_traits,
    trait_numbers,
    trait_origins,
    traits_of,
)


def model(dbt, session):
    dbt.config(materialized="table")
    engine = engine_of(session)
    settings, stated = dbt.config.get("settings"), dbt.config.get("features")
    features = settings["segmentation_features"]
    robust = robust_columns(features, settings["feature_transforms"])
    segmented = dbt.ref("study_segmented")
    measured = engine.frame(segmented, order="customer_unique_id")
    customers = described_customers(
        engine,
        features,
        periods=dbt.ref("periods"),
        segments=dbt.ref("customer_segments"),
        facts=dbt.ref("customer_facts"),
        rfm=dbt.ref("rfm"),
    )
    described = engine.query(
        "select customers.* from {customers} as customers"
        " semi join {segmented} as segmented using (as_of_date, customer_unique_id)",
        customers=customers,
        segmented=segmented,
    )
    traits = traits_of(stated, others=other_traits(engine, dbt.ref("customer_facts")))
    origins = trait_origins(engine, described, traits, made_by=features)
    counts = known_traits(count_traits(engine, customers, traits))
    numbers = trait_numbers(engine, customers, traits)
    return engine.row_of_lists(
        separation=(
            explained_separation(measured, made_by=features, features=stated),
            EXPLAINED_COLUMNS,
        ),
        axes=(projection_axes(measured, features=features, robust=robust), AXIS_COLUMNS),
        traits=(segment_traits(counts, numbers, origins), TRAIT_COLUMNS),
    )
