{% set features = var('segmentation_features') %}
{#- What is compared besides the features in use, by name; steps/study/origins.py says what it owes to them. -#}
{% set held_out = {
    'average_review_score': 'rfm.average_review_score',
    'delivery_delay_days': 'facts.average_days_late',
    'payment_installments': 'facts.most_installments',
    'freight_share': 'facts.freight_share',
    'last_order_review_score': 'facts.last_order_review_score',
    'last_order_days_late': 'facts.last_order_days_late',
    'customers_in_city': 'facts.customers_in_city',
} %}

with segments as (
    select
        as_of_date,
        customer_unique_id,
        cluster,
    from {{ ref('customer_segments') }}
),

periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_described
),

facts as (
    select
        as_of_date,
        customer_unique_id,
        average_days_late,
        most_installments,
        freight_share,
        last_order_review_score,
        last_order_days_late,
        customers_in_city,
    from {{ ref('customer_facts') }}
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        average_review_score,
    from {{ ref('rfm') }}
),

features as (
    select *
    from {{ ref('segmentation_features') }}
),

period_inputs as (
    select
        as_of_date,
        halvings,
        digest_below,
    from {{ ref('period_inputs') }}
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
        {%- for name, column in held_out.items() if name not in features %}
        cast({{ column }} as double) as {{ name }},
        {%- endfor %}
    from segments
    inner join periods on segments.as_of_date = periods.as_of_date
    inner join facts
        on segments.as_of_date = facts.as_of_date
        and segments.customer_unique_id = facts.customer_unique_id
    inner join rfm
        on segments.as_of_date = rfm.as_of_date
        and segments.customer_unique_id = rfm.customer_unique_id
    inner join features
        on segments.as_of_date = features.as_of_date
        and segments.customer_unique_id = features.customer_unique_id
    inner join period_inputs
        on segments.as_of_date = period_inputs.as_of_date
        and {{ is_measured('segments.customer_unique_id', 'period_inputs') }}
)

select * from final
