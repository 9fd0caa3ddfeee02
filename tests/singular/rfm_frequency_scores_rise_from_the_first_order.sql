-- A customer with one order has a frequency score, and more orders never have a lower one.
with scores as (
    select
        minimum_frequency,
        frequency_score,
        lag(frequency_score) over (order by minimum_frequency nulls last) as score_before
    from {{ ref('rfm_frequency_scores') }}
),

first_row as (
    select min(minimum_frequency) as minimum_frequency
    from scores
)

select
    'seeds/rfm_frequency_scores.csv: '
    || coalesce('its first row is for ' || minimum_frequency || ' orders', 'it has no row')
    || '; the first must be for 1.' as sentence
from first_row
where minimum_frequency is distinct from 1
union all
select
    'seeds/rfm_frequency_scores.csv: ' || minimum_frequency || ' orders have score ' || frequency_score
    || ', and fewer have ' || score_before || '; more orders must have a higher score.' as sentence
from scores
where frequency_score <= score_before
