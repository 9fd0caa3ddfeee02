with fits as (
    select distinct
        model_id,
        cluster,
        segment_code
    from {{ ref('kmeans_fits') }}
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

labels as (
    select
        segment_code,
        name
    from {{ ref('segment_labels') }}
    where language = 'en'
),

measured as (
    select
        model_id,
        cluster,
        max(case when feature = 'frequency' then centroid end) as frequency,
        {%- for feature in ['monetary', 'recency_days'] %}
        max(case when feature = '{{ feature }}' then centroid / nullif(mean_customer, 0) end) as {{ feature }}_ratio
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from centroids
    group by model_id, cluster
),

final as (
    select
        fits.model_id,
        fits.cluster,
        fits.segment_code,
        labels.name as segment_name,
        measured.frequency as centroid_frequency,
        measured.monetary_ratio as centroid_monetary_ratio,
        measured.recency_days_ratio as centroid_recency_ratio
    from fits
    inner join measured
        on fits.model_id = measured.model_id
        and fits.cluster = measured.cluster
    left join labels on fits.segment_code = labels.segment_code
)

select * from final
