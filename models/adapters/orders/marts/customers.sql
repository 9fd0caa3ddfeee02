{{ config(enabled=var('adapter') == 'orders') }}

with orders as (
    select
        customer_unique_id,
        cast(count(*) as int) as order_count,
        min(purchased_at) as first_order_at,
        max(purchased_at) as last_order_at,
        sum(order_value) as order_value
    from {{ ref('input_orders') }}
    group by customer_unique_id
),

refunds as (
    select
        customer_unique_id,
        sum(refund_value) as refund_value
    from {{ ref('input_refunds') }}
    group by customer_unique_id
),

final as (
    -- Who has only been refunded is no customer.
    select
        orders.customer_unique_id,
        cast(null as string) as customer_zip_code_prefix,
        cast(null as string) as customer_city,
        cast(null as string) as customer_state,
        0 as zip_code_prefix_count,
        orders.order_count,
        orders.first_order_at,
        orders.last_order_at,
        cast(orders.order_value - coalesce(refunds.refund_value, 0) as decimal(14, 2)) as total_spent,
        cast(orders.order_value - coalesce(refunds.refund_value, 0) as decimal(14, 2)) as total_paid,
        false as is_total_imputed
    from orders
    left join refunds on orders.customer_unique_id = refunds.customer_unique_id
)

select * from final
