{{ config(enabled=var('adapter') == 'orders', materialized='view') }}

with events as (
    select
        order_id,
        customer_unique_id,
        event_at,
        amount,
    from {{ ref('shop_events') }}
    where kind = 'order' and customer_unique_id is not null
),

final as (
    select
        order_id,
        customer_unique_id,
        event_at as purchased_at,
        cast(null as timestamp) as delivered_at,
        cast(null as string) as customer_state,
        cast(null as string) as main_payment_type,
        amount as order_value,
        false as is_value_imputed,
    from events
)

select * from final
