{#- Drift is measured on these, used for the segments or not, and on every other feature in use. -#}
{% set usual = ['recency_days', 'frequency', 'monetary', 'average_review_score'] %}
{% set features = (usual + var('segmentation_features')) | unique | list %}

with rfm as (
    select
        as_of_date,
        customer_unique_id,
        {%- for feature in features %}
        {{ feature }},
        {%- endfor %}
    from {{ ref('rfm') }}
),

periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_segmentable
),

measured_share as (
    select
        as_of_date,
        digest_below,
    from {{ ref('measured_share') }}
),

fingerprints as (
    select
        rfm.as_of_date,
        {{ rows_fingerprint(['rfm.customer_unique_id'] + features) }} as rows_fingerprint,
    from rfm
    inner join periods on rfm.as_of_date = periods.as_of_date
    group by rfm.as_of_date
),

final as (
    select
        fingerprints.as_of_date,
        fingerprints.rows_fingerprint || '/' || measured_share.digest_below as rows_fingerprint,
    from fingerprints
    inner join measured_share on fingerprints.as_of_date = measured_share.as_of_date
)

select * from final
