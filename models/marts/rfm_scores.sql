with rfm as (
    select
        as_of_date,
        customer_unique_id,
        recency_days,
        frequency,
        monetary,
    from {{ ref('rfm') }}
),

frequency_scores as (
    select
        minimum_frequency,
        frequency_score,
        lead(minimum_frequency) over (order by minimum_frequency) as next_minimum_frequency,
    from {{ ref('rfm_frequency_scores') }}
),

segments as (
    select *
    from {{ ref('rfm_segments') }}
),

ranked as (
    -- Ranks, not NTILE: customers with the same value get the same score.
    select
        *,
        percent_rank() over (partition by as_of_date order by recency_days desc) as recency_rank,
        percent_rank() over (partition by as_of_date order by monetary) as monetary_rank,
    from rfm
),

scored as (
    select
        ranked.as_of_date,
        ranked.customer_unique_id,
        cast(least(floor(ranked.recency_rank * 5) + 1, 5) as int) as recency_score,
        cast(frequency_scores.frequency_score as int) as frequency_score,
        cast(least(floor(ranked.monetary_rank * 5) + 1, 5) as int) as monetary_score,
    from ranked
    left join frequency_scores
        on ranked.frequency >= frequency_scores.minimum_frequency
        and (
            frequency_scores.next_minimum_frequency is null
            or ranked.frequency < frequency_scores.next_minimum_frequency
        )
),

final as (
    select
        scored.as_of_date,
        scored.customer_unique_id,
        scored.recency_score,
        scored.frequency_score,
        scored.monetary_score,
        segments.rfm_segment,
    from scored
    left join segments
        on scored.recency_score between segments.minimum_recency_score and segments.maximum_recency_score
        and scored.frequency_score between segments.minimum_frequency_score and segments.maximum_frequency_score
        and scored.monetary_score between segments.minimum_monetary_score and segments.maximum_monetary_score
)

select * from final
