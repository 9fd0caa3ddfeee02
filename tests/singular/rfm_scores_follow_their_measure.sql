-- A higher recency score means fewer days, a higher monetary score more money, and equal customers score equal.
with customers as (
    select
        rfm.as_of_date,
        rfm.recency_days,
        rfm.frequency,
        rfm.monetary,
        rfm_scores.recency_score,
        rfm_scores.frequency_score,
        rfm_scores.monetary_score,
    from {{ ref('rfm') }} as rfm
    inner join {{ ref('rfm_scores') }} as rfm_scores
        on rfm.as_of_date = rfm_scores.as_of_date
        and rfm.customer_unique_id = rfm_scores.customer_unique_id
),

ranges as (
    select as_of_date, 'recency' as measure, recency_score as score, -max(recency_days) as low, -min(recency_days) as high
    from customers group by as_of_date, recency_score
    union all
    select as_of_date, 'frequency', frequency_score, min(frequency), max(frequency)
    from customers group by as_of_date, frequency_score
    union all
    select as_of_date, 'monetary', monetary_score, min(monetary), max(monetary)
    from customers group by as_of_date, monetary_score
)

select
    lower_score.as_of_date,
    lower_score.measure,
    lower_score.score as lower_score,
    higher_score.score as higher_score,
from ranges as lower_score
inner join ranges as higher_score
    on lower_score.as_of_date = higher_score.as_of_date
    and lower_score.measure = higher_score.measure
    and lower_score.score < higher_score.score
where lower_score.high >= higher_score.low
