{% if var('adapter') == 'olist' -%}
-- Olist has no refund with a time: what became of an order is only its status at the extract.
with refunds as (
    select
        order_id,
        customer_unique_id,
        purchased_at as refunded_at,
        order_value as refund_value
    from {{ ref('orders') }}
    where false
),
{%- else -%}
with refunds as (
    select
        order_id,
        customer_unique_id,
        event_at as refunded_at,
        cast(-amount as decimal(14, 2)) as refund_value
    from {{ ref('shop_events') }}
    where kind = 'refund' and customer_unique_id is not null
),
{%- endif %}

final as (
    select *
    from refunds
)

select * from final
