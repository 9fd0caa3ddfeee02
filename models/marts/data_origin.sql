with raw_loads as (
    select
        raw_rows,
        rejected_rows,
        is_synthetic,
    from {{ ref('raw_loads') }}
),

orders as (
    select purchased_at
    from {{ ref('orders') }}
),

periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_latest
),

loads as (
    select
        sum(raw_rows) as raw_rows,
        sum(rejected_rows) as rejected_rows,
        max(case when is_synthetic then 1 else 0 end) = 1 as is_synthetic,
    from raw_loads
),

bounds as (
    select
        min(purchased_at) as first_order_at,
        max(purchased_at) as last_order_at,
    from orders
),

final as (
    select
        loads.is_synthetic,
        case
            when loads.is_synthetic then 'SYNTHETIC DATA, made by a program: no real customer, seller or order'
            else 'Brazilian E-Commerce Public Dataset by Olist, CC BY-NC-SA 4.0'
        end as notice,
        cast(loads.raw_rows as bigint) as raw_rows,
        cast(loads.rejected_rows as bigint) as rejected_rows,
        bounds.first_order_at,
        bounds.last_order_at,
        periods.as_of_date as latest_as_of_date,
    from loads
    cross join bounds
    cross join periods
)

select * from final
