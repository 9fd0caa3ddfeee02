{{ config(materialized='view') }}

with projection as (
    select *
    from {{ ref('study_projection') }}
),

segments as (
    select
        as_of_date,
        cluster,
        segment_code,
        segment_name
    from {{ ref('segment_profiles') }}
),

final as (
    select
        projection.as_of_date,
        projection.customer_unique_id,
        projection.cluster,
        segments.segment_code,
        segments.segment_name,
        projection.spectral_cluster,
        projection.is_in_sample,
        projection.axis_1,
        projection.axis_2,
        projection.silhouette
    from projection
    left join segments
        on projection.as_of_date = segments.as_of_date
        and projection.cluster = segments.cluster
)

select * from final
