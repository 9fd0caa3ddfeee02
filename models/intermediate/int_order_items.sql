with items as (
    select
        order_id,
        seller_id,
        price,
        freight_value,
    from {{ ref('stg_order_items') }}
),

final as (
    select
        order_id,
        cast(count(*) as int) as item_count,
        cast(count(distinct seller_id) as int) as seller_count,
        cast(sum(price) as decimal(14, 2)) as items_value,
        cast(sum(freight_value) as decimal(14, 2)) as freight_value,
    from items
    group by order_id
)

select * from final
