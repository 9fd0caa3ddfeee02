{{ config(materialized='view') }}

with fits as (
    select
        model_id,
        cluster,
        feature_position,
        feature,
        cluster_rows,
        scaler_mean,
        scaler_scale,
        centroid_scaled,
        centroid,
        mean_customer
    from {{ ref('kmeans_fits') }}
),

final as (
    select *
    from fits
    where cluster is not null
)

select * from final
