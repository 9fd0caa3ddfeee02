{{ config(materialized='view') }}
{% set features = setting('segmentation_features') %}

with windows as (
    select
        as_of_date,
        horizon_days
    from {{ ref('outcome_windows') }}
    where is_pooled and horizon_days = {{ setting('outcomes', 'comparison_horizon_days') }}
),

measured as (
    select *
    from {{ ref('measured_customers') }}
    where as_of_date in (select as_of_date from windows)
),

segments as (
    select
        as_of_date,
        customer_unique_id,
        cluster
    from {{ ref('customer_segments') }}
),

scores as (
    select
        as_of_date,
        customer_unique_id,
        recency_score,
        rfm_segment
    from {{ ref('rfm_scores') }}
),

thresholds as (
    select *
    from {{ ref('threshold_segments') }}
),

threshold_ranks as (
    -- The first rule that a customer satisfies.
    select
        measured.as_of_date,
        measured.customer_unique_id,
        min(thresholds.rule_order) as rule_order
    from measured
    left join thresholds
        on measured.frequency >= coalesce(thresholds.minimum_frequency, 0)
        and measured.monetary >= coalesce(thresholds.minimum_monetary, 0)
        and measured.recency_days <= coalesce(thresholds.maximum_recency_days, measured.recency_days)
    group by measured.as_of_date, measured.customer_unique_id
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
        measured.in_use_{{ feature }} as feature_{{ feature }},
        {%- endfor %}
        measured.is_in_fit,
        segments.cluster,
        scores.rfm_segment,
        coalesce(thresholds.threshold_segment, 'none') as threshold_segment,
        scores.recency_score,
        measured.recency_days,
        measured.frequency >= 2 as has_repeated,
        -- Another draw than that of the measured customers and of the control group.
        left(md5('half:' || segments.customer_unique_id), 1) >= '8' as is_second_half,
        coalesce(later_orders.orders, 0) as orders,
        cast(coalesce(later_orders.revenue, 0) as double) as revenue
    from segments
    inner join windows on segments.as_of_date = windows.as_of_date
    inner join measured
        on segments.as_of_date = measured.as_of_date
        and segments.customer_unique_id = measured.customer_unique_id
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
