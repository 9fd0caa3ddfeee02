{% set features = var('segmentation_features') %}
{% set held_out = ['average_review_score', 'delivery_delay_days', 'payment_installments', 'freight_share'] %}

with segments as (
    select
        as_of_date,
        customer_unique_id,
        cluster,
    from {{ ref('customer_segments') }}
),

customers as (
    select
        as_of_date,
        customer_unique_id,
        average_review_score,
        delivery_delay_days,
        payment_installments,
        freight_share,
    from {{ ref('study_customers') }}
),

features as (
    select *
    from {{ ref('segmentation_features') }}
),

measured_share as (
    select
        as_of_date,
        halvings,
        digest_below,
    from {{ ref('measured_share') }}
),

final as (
    select
        segments.as_of_date,
        segments.customer_unique_id,
        segments.cluster,
        features.is_in_fit,
        {%- for feature in features %}
        features.{{ feature }},
        {%- endfor %}
        {%- for column in held_out if column not in features %}
        customers.{{ column }},
        {%- endfor %}
    from segments
    inner join customers
        on segments.as_of_date = customers.as_of_date
        and segments.customer_unique_id = customers.customer_unique_id
    inner join features
        on segments.as_of_date = features.as_of_date
        and segments.customer_unique_id = features.customer_unique_id
    inner join measured_share
        on segments.as_of_date = measured_share.as_of_date
        and {{ is_measured('segments.customer_unique_id', 'measured_share') }}
)

select * from final
