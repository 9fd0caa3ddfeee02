{{ config(materialized='view') }}

with periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_described
),

period_models as (
    select
        as_of_date,
        model_id
    from {{ ref('period_models') }}
),

model_centroids as (
    select
        model_id,
        cluster,
        feature_position,
        feature,
        centroid_scaled,
        centroid
    from {{ ref('model_centroids') }}
),

centroids as (
    select
        periods.as_of_date,
        model_centroids.* {{ all_but(['model_id']) }}
    from periods
    inner join period_models on periods.as_of_date = period_models.as_of_date
    inner join model_centroids on period_models.model_id = model_centroids.model_id
),

segments as (
    select
        as_of_date,
        cluster,
        segment_code,
        segment_name
    from {{ ref('segment_profiles') }}
),

ranges as (
    select
        *,
        min(centroid) over (partition by feature) as lowest,
        max(centroid) over (partition by feature) as highest
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
        (ranges.centroid - ranges.lowest) / nullif(ranges.highest - ranges.lowest, 0) as position_among_segments
    from ranges
    inner join segments
        on ranges.as_of_date = segments.as_of_date
        and ranges.cluster = segments.cluster
)

select * from final
