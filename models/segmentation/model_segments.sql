with accepted as (
    select model_id
    from {{ ref('model_registry') }}
    where is_accepted
),

centroids as (
    select
        model_id,
        cluster,
        feature,
        mean_customer,
        centroid,
    from {{ ref('model_centroids') }}
),

clusters as (
    select
        centroids.model_id,
        centroids.cluster,
        max(case when feature = 'frequency' then centroid end) as frequency,
        max(case when feature = 'monetary' then centroid end) as monetary,
        max(case when feature = 'recency_days' then centroid end) as recency_days,
        max(case when feature = 'monetary' then centroid / nullif(mean_customer, 0) end) as monetary_ratio,
        max(case when feature = 'recency_days' then centroid / nullif(mean_customer, 0) end) as recency_ratio,
        max(case when feature = 'average_review_score' then centroid end) as review_score,
    from centroids
    inner join accepted on centroids.model_id = accepted.model_id
    group by centroids.model_id, centroids.cluster
),

named as (
    {{ name_by_playbook('clusters', ['model_id', 'cluster']) }}
),

final as (
    select
        model_id,
        cluster,
        segment_code,
        segment_name,
        frequency as centroid_frequency,
        monetary_ratio as centroid_monetary_ratio,
        recency_ratio as centroid_recency_ratio,
    from named
)

select * from final
