-- Windows of one horizon that are pooled do not overlap: the latest, the latest that ends before it begins, and so on.
{% set horizons = setting('outcomes', 'horizon_days') %}

with recursive periods as (
    select
        as_of_date,
        is_sparse,
        is_segmentable
    from {{ ref('periods') }}
),

last_day as (
    select cast(max({{ counted_at() }}) as date) as last_date
    from {{ ref('input_orders') }}
),

horizons as (
    {%- for days in horizons %}
    select cast({{ days }} as int) as horizon_days
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

complete as (
    select
        periods.as_of_date,
        horizons.horizon_days,
        cast(periods.as_of_date + horizons.horizon_days * interval 1 day as date) as ends_before
    from periods
    cross join horizons
    cross join last_day
    where
        periods.is_segmentable
        and periods.as_of_date + horizons.horizon_days * interval 1 day <= last_day.last_date
),

sparse_months as (
    select
        cast(as_of_date - interval 1 month as date) as begins_on,
        as_of_date as ends_before
    from periods
    where is_sparse
),

judged as (
    select
        complete.as_of_date,
        complete.horizon_days,
        complete.ends_before,
        count(sparse_months.ends_before) > 0 as is_sparse
    from complete
    left join sparse_months
        on complete.as_of_date < sparse_months.ends_before
        and complete.ends_before > sparse_months.begins_on
    group by complete.as_of_date, complete.horizon_days, complete.ends_before
),

links as (
    select
        later.horizon_days,
        later.as_of_date,
        max(earlier.as_of_date) as previous_as_of_date
    from judged as later
    left join judged as earlier
        on later.horizon_days = earlier.horizon_days
        and later.as_of_date >= earlier.ends_before
        and not earlier.is_sparse
    where not later.is_sparse
    group by later.horizon_days, later.as_of_date
),

pooled as (
    select
        horizon_days,
        max(as_of_date) as as_of_date
    from links
    group by horizon_days
    union all
    select
        links.horizon_days,
        links.previous_as_of_date as as_of_date
    from pooled
    inner join links
        on pooled.horizon_days = links.horizon_days
        and pooled.as_of_date = links.as_of_date
    where links.previous_as_of_date is not null
),

final as (
    select
        judged.as_of_date,
        judged.horizon_days,
        judged.ends_before,
        judged.is_sparse,
        pooled.as_of_date is not null as is_pooled
    from judged
    left join pooled
        on judged.horizon_days = pooled.horizon_days
        and judged.as_of_date = pooled.as_of_date
)

select * from final
