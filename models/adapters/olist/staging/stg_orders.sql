{{ config(enabled=var('adapter') == 'olist') }}

with final as (
    select
        order_id,
        order_customer_id,
        order_status,
        purchased_at,
        approved_at,
        handed_to_carrier_at,
        delivered_at,
        estimated_delivery_at,
    from {{ ref('base_orders') }}
    where reject_reason is null
)

select * from final
