{{ config(materialized='view') }}

with rfm as (
    select
        as_of_date,
        customer_unique_id,
        recency_days,
        frequency,
        monetary,
        average_review_score
    from {{ ref('rfm') }}
),

scores as (
    select
        as_of_date,
        customer_unique_id,
        recency_score,
        frequency_score,
        monetary_score,
        rfm_segment
    from {{ ref('rfm_scores') }}
),

segments as (
    select
        as_of_date,
        customer_unique_id,
        segment_code,
        segment_name,
        confidence
    from {{ ref('customer_segments') }}
),

final as (
    select
        rfm.as_of_date,
        rfm.customer_unique_id,
        rfm.recency_days,
        rfm.frequency,
        rfm.monetary,
        rfm.average_review_score,
        scores.recency_score,
        scores.frequency_score,
        scores.monetary_score,
        scores.rfm_segment,
        segments.segment_code,
        segments.segment_name,
        segments.confidence
    from rfm
    inner join scores
        on rfm.as_of_date = scores.as_of_date
        and rfm.customer_unique_id = scores.customer_unique_id
    left join segments
        on rfm.as_of_date = segments.as_of_date
        and rfm.customer_unique_id = segments.customer_unique_id
)

select * from final
