{{ config(enabled=var('adapter') == 'orders', materialized='view') }}

with events as (
    select
        order_id,
        customer_unique_id,
        event_at,
        amount,
    from {{ ref('shop_events') }}
    where kind = 'refund' and customer_unique_id is not null
),

final as (
    select
        order_id,
        customer_unique_id,
        event_at as refunded_at,
        cast(-amount as decimal(14, 2)) as refund_value,
    from events
)

select * from final
