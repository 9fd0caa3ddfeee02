with period_models as (
    select
        as_of_date,
        model_id,
    from {{ ref('period_models') }}
),

periods as (
    select
        as_of_date,
        is_compared,
        is_described,
    from {{ ref('periods') }}
    where is_compared or is_described
),

centroids as (
    select
        model_id,
        cluster,
        feature_position,
        feature,
        scaler_mean,
        scaler_scale,
        centroid_scaled,
        centroid,
    from {{ ref('model_centroids') }}
),

final as (
    select
        periods.as_of_date,
        periods.is_compared,
        periods.is_described,
        centroids.*,
    from periods
    inner join period_models on periods.as_of_date = period_models.as_of_date
    inner join centroids on period_models.model_id = centroids.model_id
)

select * from final
