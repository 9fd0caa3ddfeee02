{{ config(materialized='view') }}

with windows as (
    select
        as_of_date,
        horizon_days,
        is_sparse,
    from {{ ref('outcome_windows') }}
),

segments as (
    select
        as_of_date,
        customer_unique_id,
        segment_code,
        segment_name,
        {{ is_control('customer_unique_id') }} as is_control,
    from {{ ref('customer_segments') }}
),

later_orders as (
    select
        as_of_date,
        horizon_days,
        customer_unique_id,
        cast(revenue as decimal(18, 2)) as revenue,
        cast(cast(revenue as double) * cast(revenue as double) as decimal(28, 4)) as squares,
    from {{ ref('later_orders') }}
),

groups as (
    select
        segments.as_of_date,
        segments.segment_code,
        segments.segment_name,
        count(case when segments.is_control then 1 end) as control_customers,
        count(case when not segments.is_control then 1 end) as treated_customers,
    from segments
    group by segments.as_of_date, segments.segment_code, segments.segment_name
),

returns as (
    select
        later_orders.as_of_date,
        later_orders.horizon_days,
        segments.segment_code,
        {%- for group, condition in [('control', 'segments.is_control'), ('treated', 'not segments.is_control')] %}
        count(case when {{ condition }} then 1 end) as {{ group }}_ordering,
        sum(case when {{ condition }} then later_orders.revenue end) as {{ group }}_revenue,
        sum(case when {{ condition }} then later_orders.squares end) as {{ group }}_squares,
        {%- endfor %}
    from later_orders
    inner join segments
        on later_orders.as_of_date = segments.as_of_date
        and later_orders.customer_unique_id = segments.customer_unique_id
    group by later_orders.as_of_date, later_orders.horizon_days, segments.segment_code
),

final as (
    select
        groups.as_of_date,
        windows.horizon_days,
        windows.is_sparse,
        groups.segment_code,
        groups.segment_name,
        {%- for group in ['treated', 'control'] %}
        groups.{{ group }}_customers,
        coalesce(returns.{{ group }}_ordering, 0) as {{ group }}_ordering,
        cast(coalesce(returns.{{ group }}_revenue, 0) as double) as {{ group }}_revenue,
        cast(coalesce(returns.{{ group }}_squares, 0) as double) as {{ group }}_squares,
        {%- endfor %}
    from groups
    inner join windows on groups.as_of_date = windows.as_of_date
    left join returns
        on groups.as_of_date = returns.as_of_date
        and windows.horizon_days = returns.horizon_days
        and groups.segment_code = returns.segment_code
)

select * from final
