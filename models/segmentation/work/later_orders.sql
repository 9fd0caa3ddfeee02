with windows as (
    select
        as_of_date,
        horizon_days,
        ends_before
    from {{ ref('outcome_windows') }}
),

orders as (
    select
        customer_unique_id,
        {{ counted_at() }} as counted_at,
        order_value
    from {{ ref('input_orders') }}
    where {{ counted_at() }} is not null
),

segments as (
    select
        as_of_date,
        customer_unique_id,
        cluster,
        segment_code
    from {{ ref('customer_segments') }}
),

within as (
    -- Before customers are looked up: an order lies in few windows, a customer is there at every date.
    select
        windows.as_of_date,
        windows.horizon_days,
        orders.customer_unique_id,
        count(*) as orders,
        sum(orders.order_value) as revenue
    from windows
    inner join orders
        on orders.counted_at >= windows.as_of_date
        and orders.counted_at < windows.ends_before
    group by windows.as_of_date, windows.horizon_days, orders.customer_unique_id
),

final as (
    select
        within.as_of_date,
        within.horizon_days,
        within.customer_unique_id,
        segments.cluster,
        segments.segment_code,
        cast(within.orders as int) as orders,
        cast(within.revenue as decimal(14, 2)) as revenue
    from within
    inner join segments
        on within.as_of_date = segments.as_of_date
        and within.customer_unique_id = segments.customer_unique_id
)

select * from final
