{{ config(enabled=var('adapter') == 'olist') }}

with items as (
    select
        order_id,
        order_item_number,
        product_id,
        seller_id,
        shipping_limit_at,
        price,
        freight_value
    from {{ ref('stg_order_items') }}
    where reject_reason is null
),

orders as (
    select
        order_id,
        customer_unique_id,
        order_status,
        purchased_at,
        handed_to_carrier_at,
        delivered_at,
        estimated_delivery_at,
        customer_state
    from {{ ref('orders') }}
),

products as (
    select
        product_id,
        product_category_name
    from {{ ref('stg_products') }}
    where reject_reason is null
),

categories as (
    select
        product_category_name,
        product_category_name_english
    from {{ ref('stg_product_categories') }}
    where reject_reason is null
),

final as (
    select
        items.order_id,
        items.order_item_number,
        items.product_id,
        products.product_category_name,
        coalesce(
            categories.product_category_name_english, products.product_category_name, 'unknown'
        ) as product_category,
        items.seller_id,
        orders.customer_unique_id,
        orders.customer_state,
        orders.order_status,
        orders.purchased_at,
        items.shipping_limit_at,
        orders.handed_to_carrier_at,
        orders.delivered_at,
        orders.estimated_delivery_at,
        items.price,
        items.freight_value
    from items
    inner join orders on items.order_id = orders.order_id
    left join products on items.product_id = products.product_id
    left join categories on products.product_category_name = categories.product_category_name
)

select * from final
