{% set history_months = setting('history_months') %}
{% set maximum_dates = setting('engine', 'maximum_as_of_dates') %}
{% set sparse_month_orders = setting('engine', 'sparse_month_orders') %}
{% set first_date = setting('first_as_of_date') %}
{% set baseline = setting('baseline_as_of_date') %}
{% set too_many_dates %}
    'From ' || first_as_of_date || ' to the last purchase, ' || last_date || ', there are over '
    || '{{ maximum_dates }} as-of dates (var engine.maximum_as_of_dates). Correct '
    || 'first_as_of_date or the purchase (vars allow_future_times, largest_gap_days).'
{% endset %}

with orders as (
    select
        customer_unique_id,
        purchased_at,
        delivered_at
    from {{ ref('input_orders') }}
),

counted_orders as (
    select
        customer_unique_id,
        cast({{ counted_at() }} as date) as counted_date
    from orders
    where {{ counted_at() }} is not null
),

refunds as (
    select max(refunded_at) as last_refunded_at
    from {{ ref('input_refunds') }}
),

span as (
    select
        cast(greatest(max(purchased_at), max(last_refunded_at)) as date) as last_date,
        cast(date_trunc('month', min(purchased_at)) + interval 1 month as date) as first_known_month,
        cast(min(purchased_at) as date) as first_date
    from orders
    cross join refunds
),

first_dates as (
    select
        customer_unique_id,
        min(counted_date) as counted_date
    from counted_orders
    group by customer_unique_id
),

{% if first_date is none -%}
known_customers as (
    select
        counted_date,
        row_number() over (order by counted_date, customer_unique_id) as customer_count
    from first_dates
),

enough as (
    -- The first day before whose midnight there is enough history of enough customers.
    select
        greatest(
            min(known_customers.counted_date) + interval 1 day,
            min(span.first_date) + interval {{ setting('minimum_history_days') }} day
        ) as first_day
    from known_customers
    cross join span
    where known_customers.customer_count = {{ setting('minimum_customers') }}
),

asked as (
    select
        cast(
            date_trunc('month', cast(first_day as timestamp) - interval 1 day) + interval 1 month as date
        ) as first_as_of_date
    from enough
),
{%- else -%}
asked as (
    select date '{{ first_date }}' as first_as_of_date
),
{%- endif %}

bounded_span as (
    -- Nothing is known before the first purchase.
    select
        greatest(coalesce(asked.first_as_of_date, span.first_known_month), span.first_known_month) as first_as_of_date,
        span.last_date
    from span
    cross join asked
),

checked_span as (
    -- A date that is far off would make a fit for every month of a thousand years.
    select
        first_as_of_date,
        case
            when {{ months_between('first_as_of_date', 'last_date') }} < {{ maximum_dates }} then last_date
            when last_date is not null
                then {{ stop_with(too_many_dates) }}
        end as last_date
    from bounded_span
),

as_of_dates as (
    select {{ month_starts('first_as_of_date', 'last_date') }} as as_of_date
    from checked_span
    union
    select cast(last_date + interval 1 day as date) as as_of_date
    from span
    where last_date is not null
),

{% if baseline is none -%}
firsts_of_months as (
    select
        as_of_date,
        row_number() over (order by as_of_date) as date_number,
        count(*) over () as date_count,
        max(as_of_date) over () - interval {{ setting('engine', 'longest_age_months') }} month as earliest_moment
    from as_of_dates
    where extract(day from as_of_date) = 1
),

baseline as (
    -- The one in the middle; of two the earlier. Of many years, one that is still compared with the last.
    select
        greatest(
            max(case when date_number = floor((date_count + 1) / 2.0) then as_of_date end),
            min(case when as_of_date >= earliest_moment then as_of_date end)
        ) as baseline_as_of_date
    from firsts_of_months
),
{%- else -%}
baseline as (
    select date '{{ baseline }}' as baseline_as_of_date
),
{%- endif %}

orders_by_day as (
    select
        counted_date,
        count(*) as order_count
    from counted_orders
    group by counted_date
),

customers_by_day as (
    select
        counted_date,
        count(*) as customer_count
    from first_dates
    group by counted_date
),

days as (
    select
        orders_by_day.counted_date,
        orders_by_day.order_count,
        coalesce(customers_by_day.customer_count, 0) as new_customer_count
    from orders_by_day
    left join customers_by_day on orders_by_day.counted_date = customers_by_day.counted_date
),

totals as (
    select
        as_of_dates.as_of_date,
        coalesce(sum(days.order_count), 0) as order_count,
        coalesce(sum(days.new_customer_count), 0) as customer_count,
        coalesce(
            sum(case when days.counted_date >= as_of_dates.as_of_date - interval 1 month then days.order_count end), 0
        ) as orders_in_last_month,
        coalesce(
            {{ whole_days('cast(min(days.counted_date) as timestamp)', 'as_of_dates.as_of_date') }}, 0
        ) as history_days
    from as_of_dates
    left join days on days.counted_date < as_of_dates.as_of_date
    group by as_of_dates.as_of_date
),

{% if history_months is not none -%}
active as (
    -- Only they have a row in marts.rfm.
    select
        as_of_dates.as_of_date,
        count(distinct counted_orders.customer_unique_id) as active_customer_count
    from as_of_dates
    inner join counted_orders
        on counted_orders.counted_date < as_of_dates.as_of_date
        and counted_orders.counted_date >= as_of_dates.as_of_date - interval {{ history_months }} month
    group by as_of_dates.as_of_date
),
{%- else -%}
active as (
    select
        as_of_date,
        customer_count as active_customer_count
    from totals
),
{%- endif %}

judged as (
    select
        totals.*,
        coalesce(active.active_customer_count, 0) as active_customer_count,
        coalesce(active.active_customer_count, 0) >= {{ setting('minimum_customers') }}
        and totals.history_days >= {{ setting('minimum_history_days') }} as is_segmentable
    from totals
    left join active on totals.as_of_date = active.as_of_date
),

final as (
    select
        as_of_date,
        as_of_date = max(as_of_date) over () as is_latest,
        cast(order_count as bigint) as order_count,
        cast(customer_count as bigint) as customer_count,
        cast(orders_in_last_month as bigint) as orders_in_last_month,
        orders_in_last_month < {{ sparse_month_orders }} as is_sparse,
        history_days,
        is_segmentable,
        coalesce(is_segmentable and as_of_date = {{ study_as_of_date() }}, false) as is_compared,
        coalesce(is_segmentable and as_of_date = {{ described_as_of_date() }}, false) as is_described,
        coalesce(as_of_date = baseline_as_of_date, false) as is_baseline,
        extract(day from as_of_date) != 1 as is_month_incomplete,
        case
            when active_customer_count < {{ setting('minimum_customers') }}
                then 'Not segmented: ' || {{ counted('active_customer_count', 'customer') }}
                    || ', at least {{ setting('minimum_customers') }} are needed.'
            when history_days < {{ setting('minimum_history_days') }}
                then 'Not segmented: ' || {{ counted('history_days', 'day') }}
                    || ' of history, at least {{ setting('minimum_history_days') }} are needed.'
            when orders_in_last_month < {{ sparse_month_orders }}
                then 'Segmented, but sparse: ' || {{ counted('orders_in_last_month', 'order') }}
                    || ' in the month before.'
            else 'Segmented.'
        end
        {% if first_date is not none -%}
        || case
            when date '{{ first_date }}' > as_of_date and first_known_month <= last_date
                then ' It is the only date, because var first_as_of_date is {{ first_date }} and the last'
                    || ' purchase of ' || last_date || '; it may be the first of a month from ' || first_known_month
                    || ' to ' || cast(date_trunc('month', last_date) as date) || '.'
            else ''
        end
        {%- endif %} as note
    from judged
    cross join span
    cross join baseline
)

select * from final
