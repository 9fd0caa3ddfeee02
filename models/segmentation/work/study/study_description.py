from customer_segmentation.cluster import robust_columns
from customer_segmentation.steps import (
    AXIS_COLUMNS,
    EXPLAINED_COLUMNS,
    TRAIT_COLUMNS,
    count_traits,
    explained_separation,
    known_traits,
    one_list,
    other_traits,
    projection_axes,
    segment_traits,
    trait_numbers,
    trait_origins,
    traits_of,
)


def model(dbt, session):
    dbt.config(materialized="table")
    settings = dbt.config.get("settings")
    features = settings["segmentation_features"]
    segmented = dbt.ref("study_segmented")
    measured = segmented.order("customer_unique_id").df()
    keys = "as_of_date, customer_unique_id"
    described = dbt.ref("periods").filter("is_described").project("as_of_date")
    segments = dbt.ref("customer_segments").project(f"{keys}, cluster, segment_name")
    columns = ", ".join({"average_review_score": None} | dict.fromkeys(features))
    facts = dbt.ref("customer_facts")
    customers = (
        facts.join(described, "as_of_date")
        .join(segments, keys)
        .join(dbt.ref("rfm").project(f"{keys}, {columns}"), keys)
    )
    separation = explained_separation(
        measured, made_by=features, features=dbt.config.get("features")
    )
    axes = projection_axes(
        measured,
        features=features,
        robust=robust_columns(features, settings["feature_transforms"]),
    )
    stated = traits_of(dbt.config.get("features"), others=other_traits(facts))
    origins = trait_origins(
        customers.join(segmented.project(keys), keys).order("customer_unique_id"),
        stated,
        made_by=features,
    )
    numbers = trait_numbers(customers.order("customer_unique_id"), stated)
    traits = segment_traits(known_traits(count_traits(customers, stated)), numbers, origins)
    return (
        one_list(session, separation, EXPLAINED_COLUMNS, name="separation")
        .cross(one_list(session, axes, AXIS_COLUMNS, name="axes"))
        .cross(one_list(session, traits, TRAIT_COLUMNS, name="traits"))
    )
