with rfm as (
    select
        as_of_date,
        customer_unique_id,
        recency_days,
        frequency,
        monetary
    from {{ ref('rfm') }}
),

{% if var('adapter') == 'olist' -%}
-- Nearly everybody has ordered once: fifths would sort them by chance, thresholds do not.
frequency_scores as (
    select
        minimum_frequency,
        frequency_score,
        lead(minimum_frequency) over (order by minimum_frequency) as next_minimum_frequency
    from {{ ref('rfm_frequency_scores') }}
),
{%- else -%}
-- In a shop with regular customers, thresholds that fit another one would put nearly all of them together.
frequency_scores as (
    {%- for fifth in range(1, 6) %}
    select
        as_of_date,
        {{ 1 if fifth == 1 else 'bound_' ~ fifth }} as minimum_frequency,
        {{ fifth }} as frequency_score,
        {{ 'null' if fifth == 5 else 'bound_' ~ (fifth + 1) }} as next_minimum_frequency
    from ({{ fifth_bounds(ref('rfm'), 'frequency') }}) as bounds
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),
{%- endif %}

segments as (
    select *
    from {{ ref('rfm_segments') }}
),

recency_bounds as (
    -- The latest customers have the highest score. From the table: a CTE that is used three times is stored first.
    {{ fifth_bounds(ref('rfm'), 'recency_days', 'desc') }}
),

monetary_bounds as (
    {{ fifth_bounds(ref('rfm'), 'monetary') }}
),

scored as (
    select
        rfm.as_of_date,
        rfm.customer_unique_id,
        {{ fifth_of('rfm.recency_days', 'recency_bounds', 'desc') }} as recency_score,
        cast(frequency_scores.frequency_score as int) as frequency_score,
        {{ fifth_of('rfm.monetary', 'monetary_bounds') }} as monetary_score
    from rfm
    inner join recency_bounds on rfm.as_of_date = recency_bounds.as_of_date
    inner join monetary_bounds on rfm.as_of_date = monetary_bounds.as_of_date
    left join frequency_scores
        on rfm.frequency >= frequency_scores.minimum_frequency
        and (
            frequency_scores.next_minimum_frequency is null
            or rfm.frequency < frequency_scores.next_minimum_frequency
        )
        and {{ 'true' if var('adapter') == 'olist' else 'rfm.as_of_date = frequency_scores.as_of_date' }}
),

frequency_score_values as (
    select distinct frequency_score
    from frequency_scores
),

fifths as (
    {%- for fifth in range(1, 6) %}
    select {{ fifth }} as fifth
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

cells as (
    -- The rules are ranges: looked up once for each combination of scores, not once for each customer.
    select
        recency.fifth as recency_score,
        frequency_score_values.frequency_score,
        monetary.fifth as monetary_score,
        segments.rfm_segment
    from fifths as recency
    cross join frequency_score_values
    cross join fifths as monetary
    inner join segments
        on recency.fifth between segments.minimum_recency_score and segments.maximum_recency_score
        and frequency_score_values.frequency_score
        between segments.minimum_frequency_score and segments.maximum_frequency_score
        and monetary.fifth between segments.minimum_monetary_score and segments.maximum_monetary_score
),

final as (
    select
        scored.as_of_date,
        scored.customer_unique_id,
        scored.recency_score,
        scored.frequency_score,
        scored.monetary_score,
        cells.rfm_segment
    from scored
    left join cells
        on scored.recency_score = cells.recency_score
        and scored.frequency_score = cells.frequency_score
        and scored.monetary_score = cells.monetary_score
)

select * from final
