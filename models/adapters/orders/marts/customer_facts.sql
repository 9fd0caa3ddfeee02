{{ config(enabled=var('adapter') == 'orders') }}

with periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_latest or is_described
),

orders as (
    select
        customer_unique_id,
        purchased_at
    from {{ ref('input_orders') }}
),

customers as (
    select
        periods.as_of_date,
        orders.customer_unique_id,
        min(orders.purchased_at) as first_purchased_at,
        max(orders.purchased_at) as last_purchased_at
    from orders
    inner join periods on orders.purchased_at < periods.as_of_date
    group by periods.as_of_date, orders.customer_unique_id
),

final as (
    select
        as_of_date,
        customer_unique_id,
        cast(null as string) as customer_state,
        cast(null as string) as region,
        cast(null as string) as customer_city,
        cast(null as int) as customers_in_city,
        first_purchased_at,
        last_purchased_at,
        cast(null as string) as main_category,
        cast(null as string) as main_payment_type,
        cast(null as int) as most_installments,
        cast(null as int) as delivered_orders,
        cast(null as int) as late_orders,
        cast(null as int) as most_days_late,
        cast(null as double) as average_days_late,
        cast(null as int) as last_order_days_late,
        cast(null as double) as freight_share,
        cast(null as int) as reviews,
        cast(null as int) as bad_reviews,
        cast(null as double) as last_order_review_score
    from customers
)

select * from final
