{% set control = is_control('customer_unique_id') %}
{% set groups = [('treated', 'not ' ~ control), ('control', control)] %}

with windows as (
    select
        as_of_date,
        horizon_days,
        is_sparse
    from {{ ref('outcome_windows') }}
),

later_orders as (
    select
        as_of_date,
        horizon_days,
        segment_code,
        customer_unique_id,
        cast(revenue as decimal(18, 2)) as revenue,
        cast(cast(revenue as double) * cast(revenue as double) as decimal(28, 4)) as squares
    from {{ ref('later_orders') }}
),

members as (
    select
        as_of_date,
        segment_code,
        segment_name,
        {%- for group, condition in groups %}
        count(case when {{ condition }} then 1 end) as {{ group }}_customers{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('customer_segments') }}
    group by as_of_date, segment_code, segment_name
),

returns as (
    select
        as_of_date,
        horizon_days,
        segment_code,
        {%- for group, condition in groups %}
        count(case when {{ condition }} then 1 end) as {{ group }}_ordering,
        sum(case when {{ condition }} then revenue end) as {{ group }}_revenue,
        sum(case when {{ condition }} then squares end) as {{ group }}_squares{% if not loop.last %},{% endif %}
        {%- endfor %}
    from later_orders
    group by as_of_date, horizon_days, segment_code
),

counts as (
    select
        members.*,
        windows.horizon_days,
        windows.is_sparse,
        {%- for group, _ in groups %}
        coalesce(returns.{{ group }}_ordering, 0) as {{ group }}_ordering,
        cast(coalesce(returns.{{ group }}_revenue, 0) as double) as {{ group }}_revenue,
        cast(coalesce(returns.{{ group }}_squares, 0) as double) as {{ group }}_squares
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from members
    inner join windows on members.as_of_date = windows.as_of_date
    left join returns
        on members.as_of_date = returns.as_of_date
        and windows.horizon_days = returns.horizon_days
        and members.segment_code = returns.segment_code
),

shares as (
    select
        *,
        {%- for group, _ in groups %}
        cast({{ group }}_ordering as double) / nullif({{ group }}_customers, 0) as {{ group }}_share,
        {{ wilson(group ~ '_ordering', group ~ '_customers', 'low') }} as {{ group }}_low,
        {{ wilson(group ~ '_ordering', group ~ '_customers', 'high') }} as {{ group }}_high,
        {{ group }}_revenue / nullif({{ group }}_customers, 0) as {{ group }}_revenue_per_customer,
        ({{ group }}_squares - {{ group }}_revenue * {{ group }}_revenue / nullif({{ group }}_customers, 0))
        / nullif({{ group }}_customers - 1, 0) / {{ group }}_customers as {{ group }}_revenue_error,
        {%- endfor %}
        cast(treated_ordering + control_ordering as double) / (treated_customers + control_customers) as base_share
    from counts
),

compared as (
    select
        *,
        treated_share - control_share as difference,
        sqrt(power(treated_share - treated_low, 2) + power(control_high - control_share, 2)) as reach_down,
        sqrt(power(treated_high - treated_share, 2) + power(control_share - control_low, 2)) as reach_up,
        treated_revenue_per_customer - control_revenue_per_customer as revenue_difference,
        {{ z_of_interval() }} * sqrt(treated_revenue_error + control_revenue_error) as revenue_reach
    from shares
),

final as (
    select
        as_of_date,
        horizon_days,
        segment_code,
        segment_name,
        cast(treated_customers as bigint) as treated_customers,
        cast(control_customers as bigint) as control_customers,
        cast(treated_ordering as bigint) as treated_ordering,
        cast(control_ordering as bigint) as control_ordering,
        treated_share,
        control_share,
        difference,
        difference - reach_down as difference_low,
        difference + reach_up as difference_high,
        treated_revenue_per_customer,
        control_revenue_per_customer,
        revenue_difference,
        revenue_difference - revenue_reach as revenue_difference_low,
        revenue_difference + revenue_reach as revenue_difference_high,
        {{ customers_needed('base_share') }} as customers_needed,
        is_sparse
    from compared
)

select * from final
