{{ config(enabled=var('adapter') == 'olist') }}

with question_period as (
    select
        as_of_date,
        new_sellers_after_date
    from {{ ref('question_period') }}
),

order_items as (
    select
        order_id,
        product_id,
        seller_id,
        purchased_at,
        price
    from {{ ref('order_items') }}
),

sellers as (
    select
        seller_id,
        seller_city,
        seller_state
    from {{ ref('sellers') }}
),

sold as (
    select
        question_period.as_of_date,
        question_period.new_sellers_after_date,
        order_items.*
    from order_items
    cross join question_period
    where order_items.purchased_at < question_period.as_of_date
),

by_seller as (
    -- Lines are counted: order_item_number is the number of a line within its order, not a quantity.
    select
        as_of_date,
        seller_id,
        min(purchased_at) as first_sale_at,
        count(*) as products_sold,
        count(distinct product_id) as different_products_sold,
        count(distinct order_id) as order_count,
        sum(price) as items_value
    from sold
    group by as_of_date, new_sellers_after_date, seller_id
    having
        min(purchased_at) > new_sellers_after_date
        and count(*) > {{ question_limit('engaged_new_sellers_products_above') }}
),

final as (
    select
        by_seller.as_of_date,
        by_seller.seller_id,
        by_seller.first_sale_at,
        {{ whole_days('by_seller.first_sale_at', 'by_seller.as_of_date') }} as active_days,
        cast(by_seller.products_sold as bigint) as products_sold,
        cast(by_seller.different_products_sold as bigint) as different_products_sold,
        cast(by_seller.order_count as bigint) as order_count,
        cast(by_seller.items_value as decimal(14, 2)) as items_value,
        sellers.seller_city,
        sellers.seller_state
    from by_seller
    left join sellers on by_seller.seller_id = sellers.seller_id
)

select * from final
