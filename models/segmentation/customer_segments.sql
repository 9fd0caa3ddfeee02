-- Its readers join the few names anew, which costs less than writing them once for every customer and date.
{{ config(materialized='view') }}

with assignments as (
    select
        as_of_date,
        customer_unique_id,
        model_id,
        cluster,
        nearest_other_cluster,
        distance_to_centroid,
        distance_to_other_centroid,
        confidence
    from {{ ref('kmeans_assignments') }}
),

period_models as (
    select
        as_of_date,
        is_fallback
    from {{ ref('period_models') }}
),

segments as (
    select
        model_id,
        cluster,
        segment_code,
        segment_name
    from {{ ref('model_segments') }}
),

final as (
    select
        assignments.as_of_date,
        assignments.customer_unique_id,
        assignments.cluster,
        segments.segment_code,
        segments.segment_name,
        assignments.distance_to_centroid,
        assignments.nearest_other_cluster,
        assignments.distance_to_other_centroid,
        assignments.confidence,
        assignments.model_id,
        period_models.is_fallback
    from assignments
    inner join period_models on assignments.as_of_date = period_models.as_of_date
    left join segments
        on assignments.model_id = segments.model_id
        and assignments.cluster = segments.cluster
)

select * from final
