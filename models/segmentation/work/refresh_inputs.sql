{#- The month before a date, and the three months before that one. -#}
{% set lags = [0, 1, 2, 3] %}

with periods as (
    select
        as_of_date,
        is_segmentable,
        is_sparse,
        note,
        orders_in_last_month
    from {{ ref('periods') }}
),

period_inputs as (
    select
        as_of_date,
        features_fingerprint
    from {{ ref('period_inputs') }}
),

fits as (
    select
        as_of_date,
        case when n_clusters > 0 then model_id end as model_id,
        fingerprint,
        is_accepted,
        gate_failures
    from {{ ref('model_registry') }}
),

counted_orders as (
    select
        {{ counted_at() }} as counted_at,
        cast(order_value as double) as order_value
    from {{ ref('input_orders') }}
    where {{ counted_at() }} is not null
),

months as (
    {%- for lag in lags %}
    select
        as_of_date,
        {{ lag }} as lag,
        as_of_date - interval {{ lag + 1 }} month as first_moment,
        as_of_date - interval {{ lag }} month as end_moment
    from periods
    {{- ' union all' if not loop.last }}
    {%- endfor %}
),

values_by_month as (
    select
        months.as_of_date,
        months.lag,
        median(counted_orders.order_value) as median_order_value
    from months
    inner join counted_orders
        on counted_orders.counted_at >= months.first_moment
        and counted_orders.counted_at < months.end_moment
    group by months.as_of_date, months.lag
    having count(*) >= {{ setting('engine', 'sparse_month_orders') }}
),

order_values as (
    select
        as_of_date,
        max(case when lag = 0 then median_order_value end) as this_month,
        median(case when lag > 0 then median_order_value end) as before
    from values_by_month
    group by as_of_date
),

final as (
    select
        periods.*,
        greatest(order_values.this_month / order_values.before, order_values.before / order_values.this_month)
            as order_value_ratio,
        period_inputs.features_fingerprint as rows_fingerprint,
        fits.model_id as fitted_model_id,
        fits.fingerprint as fitted_fingerprint,
        fits.is_accepted as is_fit_accepted,
        fits.gate_failures,
        -- The last accepted fit up to the date, whatever var refresh_mode is.
        {{ last_known('case when fits.is_accepted then fits.model_id end') }} over up_to_the_date as model_id,
        {{ last_known('case when fits.is_accepted then fits.fingerprint end') }} over up_to_the_date
            as model_fingerprint
    from periods
    left join period_inputs on periods.as_of_date = period_inputs.as_of_date
    left join order_values on periods.as_of_date = order_values.as_of_date
    left join fits on periods.as_of_date = fits.as_of_date
    window up_to_the_date as (
        order by periods.as_of_date rows between unbounded preceding and current row
    )
)

select * from final
