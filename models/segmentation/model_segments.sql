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
        centroid
    from {{ ref('model_centroids') }}
),

clusters as (
    select
        centroids.model_id,
        centroids.cluster,
        {%- for feature, measure in playbook_measures() %}
        {%- set value = 'centroid / nullif(mean_customer, 0)' if measure.endswith('_ratio') else 'centroid' %}
        max(case when feature = '{{ feature }}' then {{ value }} end) as {{ measure }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from centroids
    inner join accepted on centroids.model_id = accepted.model_id
    group by centroids.model_id, centroids.cluster
),

named as (
    {{ named('clusters', ['model_id', 'cluster']) }}
),

final as (
    select
        model_id,
        cluster,
        segment_code,
        segment_name,
        frequency as centroid_frequency,
        monetary_ratio as centroid_monetary_ratio,
        recency_ratio as centroid_recency_ratio
    from named
)

select * from final
