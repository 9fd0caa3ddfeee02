{{ config(enabled=var('adapter') == 'olist') }}

with payments as (
    select
        order_id,
        payment_sequential,
        payment_type,
        payment_installments,
        payment_value
    from {{ ref('stg_order_payments') }}
    where reject_reason is null
),

orders as (
    select
        order_id,
        customer_unique_id,
        order_status,
        purchased_at
    from {{ ref('orders') }}
),

final as (
    select
        payments.order_id,
        payments.payment_sequential,
        orders.customer_unique_id,
        orders.order_status,
        orders.purchased_at,
        payments.payment_type,
        payments.payment_installments,
        payments.payment_value
    from payments
    inner join orders on payments.order_id = orders.order_id
)

select * from final
