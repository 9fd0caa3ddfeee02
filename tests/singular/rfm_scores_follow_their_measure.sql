-- A higher recency score means fewer days, a higher monetary score more money, and equal customers score equal.
with customers as (
    select
        rfm.as_of_date,
        rfm.recency_days,
        rfm.frequency,
        rfm.monetary,
        rfm_scores.recency_score,
        rfm_scores.frequency_score,
        rfm_scores.monetary_score
    from {{ ref('rfm') }} as rfm
    inner join {{ ref('rfm_scores') }} as rfm_scores
        on rfm.as_of_date = rfm_scores.as_of_date
        and rfm.customer_unique_id = rfm_scores.customer_unique_id
),

ranges as (
    {% for measure, value in {'recency': '-recency_days', 'frequency': 'frequency', 'monetary': 'monetary'}.items() %}
    select
        as_of_date,
        '{{ measure }}' as measure,
        {{ measure }}_score as score,
        min({{ value }}) as low,
        max({{ value }}) as high
    from customers
    group by as_of_date, {{ measure }}_score
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    lower_score.as_of_date,
    lower_score.measure,
    lower_score.score as lower_score,
    higher_score.score as higher_score
from ranges as lower_score
inner join ranges as higher_score
    on lower_score.as_of_date = higher_score.as_of_date
    and lower_score.measure = higher_score.measure
    and lower_score.score < higher_score.score
where lower_score.high >= higher_score.low
