from customer_segmentation.cluster import robust_columns
from customer_segmentation.measure import SEPARATION_COLUMNS, segment_separation
from customer_segmentation.steps import (
    AXIS_COLUMNS,
    TRAIT_COLUMNS,
    count_traits,
    one_list,
    projection_axes,
    segment_traits,
    trait_numbers,
    traits_of,
)


def model(dbt, session):
    dbt.config(materialized="table")
    settings = dbt.config.get("settings")
    features = settings["segmentation_features"]
    measured = dbt.ref("study_segmented").order("customer_unique_id").df()
    keys = "as_of_date, customer_unique_id"
    described = dbt.ref("periods").filter("is_described").project("as_of_date")
    segments = dbt.ref("customer_segments").project(f"{keys}, cluster, segment_name")
    scores = dbt.ref("rfm").project(f"{keys}, average_review_score")
    customers = (
        dbt.ref("customer_facts")
        .join(described, "as_of_date")
        .join(segments, keys)
        .join(scores, keys)
    )
    separation = segment_separation(measured, made_by=features)
    axes = projection_axes(
        measured,
        features=features,
        robust=robust_columns(features, settings["feature_transforms"]),
    )
    stated = traits_of(dbt.config.get("features"))
    numbers = trait_numbers(customers.order("customer_unique_id"), stated)
    traits = segment_traits(count_traits(customers, stated), numbers)
    return (
        one_list(session, separation, SEPARATION_COLUMNS, name="separation")
        .cross(one_list(session, axes, AXIS_COLUMNS, name="axes"))
        .cross(one_list(session, traits, TRAIT_COLUMNS, name="traits"))
    )
