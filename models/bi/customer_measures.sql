{{ config(materialized='view') }}

with customers as (
    select
        customer_unique_id,
        as_of_date,
        customer_state,
        region,
        segment_code,
        segment_name,
        rfm_segment,
        segment_change,
        recency_score,
        monetary_score,
        frequency,
        monetary
    from {{ ref('customer_360') }}
),

final as (
    select
        customer_unique_id,
        as_of_date,
        customer_state,
        region,
        segment_code,
        segment_name,
        rfm_segment,
        segment_change,
        cast(monetary as double) as monetary,
        frequency > 1 as is_repeat,
        recency_score <= 2 and (frequency > 1 or monetary_score >= 4) as is_at_risk,
        1.0 / cast(count(*) over () as double) as customer_share,
        cast(monetary as double) / nullif(cast(sum(monetary) over () as double), 0) as revenue_share
    from customers
)

select * from final
