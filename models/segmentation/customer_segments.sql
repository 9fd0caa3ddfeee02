with assignments as (
    select
        as_of_date,
        customer_unique_id,
        model_id,
        cluster,
        distance_to_centroid,
    from {{ ref('kmeans_assignments') }}
),

period_models as (
    select
        as_of_date,
        is_fallback,
    from {{ ref('period_models') }}
),

segments as (
    select
        model_id,
        cluster,
        segment_name,
        segment_name_french,
    from {{ ref('model_segments') }}
),

final as (
    select
        assignments.as_of_date,
        assignments.customer_unique_id,
        cast(assignments.cluster as int) as cluster,
        segments.segment_name,
        segments.segment_name_french,
        assignments.distance_to_centroid,
        assignments.model_id,
        period_models.is_fallback,
    from assignments
    inner join period_models on assignments.as_of_date = period_models.as_of_date
    left join segments
        on assignments.model_id = segments.model_id
        and assignments.cluster = segments.cluster
)

select * from final
