{{ config(materialized='view') }}

with centroids as (
    select
        as_of_date,
        cluster,
        feature_position,
        feature,
        centroid_scaled,
        centroid,
    from {{ ref('study_model') }}
    where is_described
),

segments as (
    select
        as_of_date,
        cluster,
        segment_code,
        segment_name,
    from {{ ref('segment_profiles') }}
),

ranges as (
    select
        *,
        min(centroid) over (partition by feature) as lowest,
        max(centroid) over (partition by feature) as highest,
    from centroids
),

final as (
    select
        ranges.as_of_date,
        ranges.cluster,
        segments.segment_code,
        segments.segment_name,
        ranges.feature_position,
        ranges.feature,
        ranges.centroid,
        ranges.centroid_scaled,
        (ranges.centroid - ranges.lowest) / nullif(ranges.highest - ranges.lowest, 0) as position_among_segments,
    from ranges
    inner join segments
        on ranges.as_of_date = segments.as_of_date
        and ranges.cluster = segments.cluster
)

select * from final
