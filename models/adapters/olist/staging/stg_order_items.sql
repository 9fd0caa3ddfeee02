{{ config(enabled=var('adapter') == 'olist', post_hook="{{ keep_csv_rejects('olist_order_items_dataset') }}") }}

with raw as (
    select
        order_id,
        order_item_id,
        product_id,
        seller_id,
        shipping_limit_date,
        price,
        freight_value
    from {{ raw_table('olist_order_items_dataset') }}
),

orders as (
    select order_id
    from {{ ref('stg_orders') }}
    where reject_reason is null
),

typed as (
    select
        *,
        {{ to_key('order_id') }} as order_key,
        {{ to_key('product_id') }} as product_key,
        {{ to_key('seller_id') }} as seller_key,
        {{ to_integer('order_item_id') }} as order_item_number,
        {{ to_timestamp('shipping_limit_date') }} as shipping_limit_at,
        {{ to_money('price') }} as item_price,
        {{ to_money('freight_value') }} as item_freight
    from raw
),

checked as (
    select
        *,
        case
            when order_key is null then 'order_id is empty'
            when order_item_number is null then 'order_item_id is not a whole number'
            when product_key is null then 'product_id is empty'
            when seller_key is null then 'seller_id is empty'
            {{ time_problem('shipping_limit_date', 'shipping_limit_at', has_happened=false) }}
            {{ amount_problem('price', 'item_price') }}
            {{ amount_problem('freight_value', 'item_freight') }}
        end as row_problem
    from typed
),

numbered as (
    {{ numbered_by_key('checked', ['order_key', 'order_item_number'], [
        'product_id', 'seller_id', 'shipping_limit_date', 'price', 'freight_value', 'order_id', 'order_item_id'
    ]) }}
),

judged as (
    select
        *,
        case
            when row_problem is not null then row_problem
            when key_occurrence > 1 then 'duplicate key: order_id + order_item_id'
            when order_key not in (select order_id from orders)
                then 'orphan: order_id is not an accepted row of olist_orders_dataset'
        end as reject_reason
    from numbered
),

final as (
    select
        order_key as order_id,
        order_item_number,
        product_key as product_id,
        seller_key as seller_id,
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
        end as raw_text
    from judged
)

select * from final
