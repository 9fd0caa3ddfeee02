{{ config(enabled=var('adapter') == 'olist') }}

with orders as (
    select
        order_id,
        order_customer_id,
        order_status,
        purchased_at,
        approved_at,
        handed_to_carrier_at,
        delivered_at,
        estimated_delivery_at
    from {{ ref('stg_orders') }}
    where reject_reason is null
),

customers as (
    select
        order_customer_id,
        customer_unique_id,
        customer_zip_code_prefix,
        customer_city,
        customer_state
    from {{ ref('stg_customers') }}
    where reject_reason is null
),

totals as (
    select *
    from {{ ref('int_order_totals') }}
),

final as (
    select
        orders.order_id,
        customers.customer_unique_id,
        orders.order_customer_id,
        orders.order_status,
        cast(
            row_number() over (
                partition by customers.customer_unique_id order by orders.purchased_at, orders.order_id
            ) as int
        ) as order_number,
        orders.purchased_at,
        orders.approved_at,
        orders.handed_to_carrier_at,
        orders.delivered_at,
        orders.estimated_delivery_at,
        cast({{ days_late('orders.estimated_delivery_at', 'orders.delivered_at') }} as int) as days_late,
        {{ days_late('orders.estimated_delivery_at', 'orders.delivered_at') }} > 0 as is_late,
        customers.customer_zip_code_prefix,
        customers.customer_city,
        customers.customer_state,
        coalesce(totals.item_count, 0) as item_count,
        coalesce(totals.seller_count, 0) as seller_count,
        cast(coalesce(totals.items_value, 0) as decimal(14, 2)) as items_value,
        cast(coalesce(totals.freight_value, 0) as decimal(14, 2)) as freight_value,
        coalesce(totals.payment_count, 0) as payment_count,
        totals.payment_value,
        totals.payment_installments,
        totals.main_payment_type,
        cast(
            coalesce(totals.payment_value, totals.items_value + totals.freight_value, 0) as decimal(14, 2)
        ) as order_value,
        totals.payment_value is null as is_value_imputed,
        coalesce(totals.review_count, 0) as review_count,
        totals.average_review_score
    from orders
    inner join customers on orders.order_customer_id = customers.order_customer_id
    inner join totals on orders.order_id = totals.order_id
)

select * from final
