{{ config(materialized='view') }}

with orders as (
    select
        order_id,
        customer_unique_id,
        purchased_at,
        customer_state,
        main_payment_type,
        order_value
    from {{ ref('input_orders') }}
),

final as (
    select
        order_id,
        customer_unique_id,
        cast(purchased_at as date) as purchased_on,
        customer_state,
        main_payment_type,
        order_value
    from orders
)

select * from final
