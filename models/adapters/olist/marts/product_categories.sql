{{ config(enabled=var('adapter') == 'olist') }}

with order_items as (
    select
        order_id,
        product_id,
        product_category,
        product_category_name,
        seller_id,
        price,
        freight_value
    from {{ ref('order_items') }}
),

orders as (
    select
        order_id,
        customer_unique_id,
        is_late
    from {{ ref('orders') }}
),

reviews as (
    select
        order_id,
        count(*) as review_count,
        sum(review_score) as review_score_sum
    from {{ ref('order_reviews') }}
    group by order_id
),

lines as (
    select
        product_category,
        min(product_category_name) as product_category_name,
        count(*) as line_count,
        count(distinct product_id) as product_count,
        count(distinct seller_id) as seller_count,
        sum(price) as items_value,
        sum(freight_value) as freight_value
    from order_items
    group by product_category
),

-- An order with two categories counts in both, and in each once.
orders_of_categories as (
    select distinct
        product_category,
        order_id
    from order_items
),

whole_orders as (
    select
        orders_of_categories.product_category,
        count(*) as order_count,
        count(distinct orders.customer_unique_id) as customer_count,
        count(orders.is_late) as delivered_order_count,
        sum(case when orders.is_late then 1 else 0 end) as late_order_count,
        sum(reviews.review_count) as review_count,
        sum(reviews.review_score_sum) as review_score_sum
    from orders_of_categories
    inner join orders on orders_of_categories.order_id = orders.order_id
    left join reviews on orders_of_categories.order_id = reviews.order_id
    group by orders_of_categories.product_category
),

final as (
    select
        lines.product_category,
        lines.product_category_name,
        lines.product_count,
        lines.seller_count,
        whole_orders.customer_count,
        whole_orders.order_count,
        lines.line_count,
        cast(lines.items_value as decimal(14, 2)) as items_value,
        cast(lines.freight_value as decimal(14, 2)) as freight_value,
        cast(lines.items_value as double) / sum(lines.items_value) over () as items_value_share,
        cast(coalesce(whole_orders.review_count, 0) as bigint) as review_count,
        cast(whole_orders.review_score_sum as double) / whole_orders.review_count as average_review_score,
        whole_orders.delivered_order_count,
        cast(whole_orders.late_order_count as bigint) as late_order_count,
        cast(whole_orders.late_order_count as double)
        / nullif(whole_orders.delivered_order_count, 0) as late_order_share
    from lines
    inner join whole_orders on lines.product_category = whole_orders.product_category
)

select * from final
