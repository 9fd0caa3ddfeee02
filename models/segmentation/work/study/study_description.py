from olist_segmentation.frames import one_list
from olist_segmentation.pictures import AXIS_COLUMNS, projection_axes
from olist_segmentation.separation import SEPARATION_COLUMNS, segment_separation
from olist_segmentation.traits import TRAIT_COLUMNS, count_traits, segment_traits, trait_numbers
from olist_segmentation.transforms import robust_columns


def model(dbt, session):
    dbt.config(materialized="table")
    features = dbt.config.meta_get("features")
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
        .order("customer_unique_id")
    )
    separation = segment_separation(measured, made_by=features)
    axes = projection_axes(
        measured,
        features=features,
        robust=robust_columns(features, dbt.config.meta_get("transforms")),
    )
    traits = segment_traits(count_traits(customers), trait_numbers(customers))
    return (
        one_list(session, separation, SEPARATION_COLUMNS, name="separation")
        .cross(one_list(session, axes, AXIS_COLUMNS, name="axes"))
        .cross(one_list(session, traits, TRAIT_COLUMNS, name="traits"))
    )
