{{ config(enabled=var('adapter') == 'olist') }}

with question_period as (
    select
        as_of_date,
        is_final_status_known
    from {{ ref('question_period') }}
),

order_items as (
    select
        order_id,
        seller_id,
        order_status,
        delivered_at,
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

delivered as (
    select
        question_period.as_of_date,
        order_items.*
    from order_items
    cross join question_period
    where
        order_items.delivered_at < question_period.as_of_date
        and not {{ known_cancelled('order_items.order_status', 'question_period.is_final_status_known') }}
),

by_seller as (
    -- The price of each line, summed once: a join with the payments would count them once per line.
    select
        as_of_date,
        seller_id,
        sum(price) as revenue,
        count(*) as delivered_line_count,
        count(distinct order_id) as delivered_order_count
    from delivered
    group by as_of_date, seller_id
    having sum(price) > {{ question_limit('top_sellers_revenue_above') }}
),

final as (
    select
        by_seller.as_of_date,
        cast(row_number() over (order by by_seller.revenue desc, by_seller.seller_id) as int) as revenue_rank,
        by_seller.seller_id,
        cast(by_seller.revenue as decimal(14, 2)) as revenue,
        cast(by_seller.delivered_line_count as bigint) as delivered_line_count,
        cast(by_seller.delivered_order_count as bigint) as delivered_order_count,
        sellers.seller_city,
        sellers.seller_state
    from by_seller
    left join sellers on by_seller.seller_id = sellers.seller_id
)

select * from final
