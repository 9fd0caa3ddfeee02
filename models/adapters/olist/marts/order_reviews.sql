{{ config(enabled=var('adapter') == 'olist') }}

with reviews as (
    select
        review_id,
        order_id,
        review_score,
        review_comment_title,
        review_comment_message,
        review_created_at,
        review_answered_at
    from {{ ref('stg_order_reviews') }}
    where reject_reason is null
),

orders as (
    select
        order_id,
        customer_unique_id,
        customer_zip_code_prefix,
        customer_state,
        purchased_at,
        estimated_delivery_at,
        delivered_at
    from {{ ref('orders') }}
),

final as (
    select
        reviews.review_id,
        reviews.order_id,
        orders.customer_unique_id,
        orders.customer_zip_code_prefix,
        orders.customer_state,
        reviews.review_score,
        reviews.review_comment_title is not null or reviews.review_comment_message is not null as has_comment,
        reviews.review_created_at,
        reviews.review_answered_at,
        orders.purchased_at,
        orders.estimated_delivery_at,
        orders.delivered_at,
        cast(count(*) over (partition by reviews.review_id) as int) as orders_of_review
    from reviews
    inner join orders on reviews.order_id = orders.order_id
)

select * from final
