{{ config(materialized='view') }}
{% set features = setting('segmentation_features') %}

with windows as (
    select
        as_of_date,
        horizon_days,
    from {{ ref('outcome_windows') }}
    where is_pooled and horizon_days = {{ setting('outcomes', 'comparison_horizon_days') }}
),

period_inputs as (
    select
        as_of_date,
        halvings,
        digest_below,
    from {{ ref('period_inputs') }}
),

features as (
    select *
    from {{ ref('segmentation_features') }}
),

segments as (
    select
        as_of_date,
        customer_unique_id,
        cluster,
    from {{ ref('customer_segments') }}
),

scores as (
    select
        as_of_date,
        customer_unique_id,
        recency_score,
        rfm_segment,
    from {{ ref('rfm_scores') }}
),

thresholds as (
    select *
    from {{ ref('threshold_segments') }}
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        recency_days,
        frequency,
        monetary,
    from {{ ref('rfm') }}
    where as_of_date in (select as_of_date from windows)
),

threshold_ranks as (
    -- The first rule that a customer satisfies.
    select
        rfm.as_of_date,
        rfm.customer_unique_id,
        rfm.recency_days,
        min(thresholds.rule_order) as rule_order,
    from rfm
    left join thresholds
        on rfm.frequency >= coalesce(thresholds.minimum_frequency, 0)
        and rfm.monetary >= coalesce(thresholds.minimum_monetary, 0)
        and rfm.recency_days <= coalesce(thresholds.maximum_recency_days, rfm.recency_days)
    group by rfm.as_of_date, rfm.customer_unique_id, rfm.recency_days
),

later_orders as (
    select *
    from {{ ref('later_orders') }}
),

final as (
    select
        segments.as_of_date,
        segments.customer_unique_id,
        {%- for feature in features %}
        features.{{ feature }} as feature_{{ feature }},
        {%- endfor %}
        features.is_in_fit,
        segments.cluster,
        scores.rfm_segment,
        coalesce(thresholds.threshold_segment, 'none') as threshold_segment,
        scores.recency_score,
        threshold_ranks.recency_days,
        -- Another draw than that of the measured customers and of the control group.
        left(md5('half:' || segments.customer_unique_id), 1) >= '8' as is_second_half,
        coalesce(later_orders.orders, 0) as orders,
        cast(coalesce(later_orders.revenue, 0) as double) as revenue,
    from segments
    inner join windows on segments.as_of_date = windows.as_of_date
    inner join period_inputs
        on segments.as_of_date = period_inputs.as_of_date
        and {{ is_measured('segments.customer_unique_id', 'period_inputs') }}
    inner join features
        on segments.as_of_date = features.as_of_date
        and segments.customer_unique_id = features.customer_unique_id
    inner join scores
        on segments.as_of_date = scores.as_of_date
        and segments.customer_unique_id = scores.customer_unique_id
    inner join threshold_ranks
        on segments.as_of_date = threshold_ranks.as_of_date
        and segments.customer_unique_id = threshold_ranks.customer_unique_id
    left join thresholds on threshold_ranks.rule_order = thresholds.rule_order
    left join later_orders
        on segments.as_of_date = later_orders.as_of_date
        and segments.customer_unique_id = later_orders.customer_unique_id
        and windows.horizon_days = later_orders.horizon_days
)

select * from final
