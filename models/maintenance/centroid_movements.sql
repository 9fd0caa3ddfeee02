{{ config(materialized='view') }}

with measures as (
    select
        as_of_date,
        design,
        cluster,
        feature,
        elapsed_days,
        baseline_centroid,
        centroid,
        centroid_movement,
        centroid_movement_scaled
    from {{ ref('stability_measures') }}
    where cluster is not null
),

final as (
    select *
    from measures
)

select * from final
