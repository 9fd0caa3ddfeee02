with orders as (
    select
        order_id,
        customer_unique_id,
        purchased_at,
        delivered_at,
        customer_state,
        main_payment_type,
        order_value,
        is_value_imputed,
    from {{ ref('orders' if var('adapter') == 'olist' else 'shop_orders') }}
),

final as (
    select *
    from orders
)

select * from final
