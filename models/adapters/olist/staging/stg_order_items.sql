{{ config(enabled=var('adapter') == 'olist') }}

with final as (
    select
        order_id,
        order_item_number,
        product_id,
        seller_id,
        shipping_limit_at,
        price,
        freight_value,
    from {{ ref('base_order_items') }}
    where reject_reason is null
)

select * from final
