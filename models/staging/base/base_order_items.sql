{{ config(post_hook="{{ keep_csv_rejects('olist_order_items_dataset') }}") }}

with raw as (
    select
        order_id,
        order_item_id,
        product_id,
        seller_id,
        shipping_limit_date,
        price,
        freight_value,
    from {{ raw_table('olist_order_items_dataset') }}
),

orders as (
    select order_id
    from {{ ref('base_orders') }}
    where reject_reason is null
),

typed as (
    select
        *,
        {{ to_integer('order_item_id') }} as order_item_number,
        {{ to_timestamp('shipping_limit_date') }} as shipping_limit_at,
        {{ to_money('price') }} as item_price,
        {{ to_money('freight_value') }} as item_freight,
    from raw
),

checked as (
    select
        *,
        case
            when order_id is null then 'order_id is empty'
            when order_item_number is null then 'order_item_id is not a whole number'
            when product_id is null then 'product_id is empty'
            when seller_id is null then 'seller_id is empty'
            when {{ refused('shipping_limit_date', 'shipping_limit_at') }} then 'shipping_limit_date is not a time'
            when item_price is null then 'price is not an amount'
            when item_price < 0 then 'price is negative'
            when item_freight is null then 'freight_value is not an amount'
            when item_freight < 0 then 'freight_value is negative'
        end as row_problem,
    from typed
),

numbered as (
    -- Of several rows with one key a sound one is kept, and which one does not depend on the file's order.
    select
        *,
        row_number() over (
            partition by order_id, order_item_number
            order by
                row_problem is not null,
                product_id, seller_id, shipping_limit_date, price, freight_value
        ) as key_occurrence,
    from checked
),

judged as (
    select
        numbered.*,
        case
            when row_problem is not null then row_problem
            when key_occurrence > 1 then 'duplicate key: order_id + order_item_id'
            when orders.order_id is null
                then 'orphan: order_id is not an accepted row of olist_orders_dataset'
        end as reject_reason,
    from numbered
    left join orders on numbered.order_id = orders.order_id
),

final as (
    select
        order_id,
        order_item_number,
        product_id,
        seller_id,
        shipping_limit_at,
        item_price as price,
        item_freight as freight_value,
        reject_reason,
        case
            when reject_reason is not null
                then {{ json_object([
                    'order_id', 'order_item_id', 'product_id', 'seller_id', 'shipping_limit_date', 'price',
                    'freight_value'
                ]) }}
        end as raw_text,
    from judged
)

select * from final
