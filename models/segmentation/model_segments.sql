{% set limits = [
    ('frequency', 'minimum', '>='), ('frequency', 'maximum', '<'),
    ('monetary_ratio', 'minimum', '>='), ('monetary_ratio', 'maximum', '<'),
    ('recency_ratio', 'minimum', '>='), ('recency_ratio', 'maximum', '<'),
] %}

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
        cluster_rows,
        scaler_mean,
        centroid,
    from {{ ref('model_centroids') }}
),

playbook as (
    select *
    from {{ ref('segment_playbook') }}
),

clusters as (
    select
        model_id,
        cluster,
        max(case when feature = 'frequency' then centroid end) as frequency,
        max(case when feature = 'monetary' then centroid / nullif(scaler_mean, 0) end) as monetary_ratio,
        max(case when feature = 'recency_days' then centroid / nullif(scaler_mean, 0) end) as recency_ratio,
    from centroids
    where model_id in (select model_id from accepted)
    group by model_id, cluster
),

matches as (
    -- The first rule in rule_order that the centroid satisfies names the cluster.
    select
        clusters.*,
        playbook.segment_code,
        playbook.name_english,
        playbook.name_french,
        row_number() over (
            partition by clusters.model_id, clusters.cluster
            order by playbook.rule_order, playbook.segment_code
        ) as choice,
    from clusters
    left join playbook
        on true
    {%- for measure, end, operator in limits %}
    and coalesce(
        clusters.{{ measure }} {{ operator }} playbook.{{ end }}_{{ measure }}, playbook.{{ end }}_{{ measure }} is null
    )
    {%- endfor %}
),

final as (
    select
        model_id,
        cluster,
        segment_code,
        name_english as segment_name,
        name_french as segment_name_french,
        frequency as centroid_frequency,
        monetary_ratio as centroid_monetary_ratio,
        recency_ratio as centroid_recency_ratio,
    from matches
    where choice = 1
)

select * from final
