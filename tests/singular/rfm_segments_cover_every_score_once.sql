-- Each of the 125 combinations of scores that no box, or more than one box, of seed rfm_segments holds.
with scores as (
    select scores.score
    from (values (1), (2), (3), (4), (5)) as scores (score)
),

combinations as (
    select
        recency.score as recency_score,
        frequency.score as frequency_score,
        monetary.score as monetary_score
    from scores as recency
    cross join scores as frequency
    cross join scores as monetary
),

boxes as (
    select *
    from {{ ref('rfm_segments') }}
)

select
    combinations.recency_score,
    combinations.frequency_score,
    combinations.monetary_score,
    count(boxes.rfm_segment) as boxes
from combinations
left join boxes
    on combinations.recency_score between boxes.minimum_recency_score and boxes.maximum_recency_score
    and combinations.frequency_score between boxes.minimum_frequency_score and boxes.maximum_frequency_score
    and combinations.monetary_score between boxes.minimum_monetary_score and boxes.maximum_monetary_score
group by all
having count(boxes.rfm_segment) != 1
