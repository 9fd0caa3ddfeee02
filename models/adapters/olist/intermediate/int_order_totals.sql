{{ config(enabled=var('adapter') == 'olist') }}

with orders as (
    select order_id
    from {{ ref('stg_orders') }}
    where reject_reason is null
),

items_by_seller as (
    select
        order_id,
        seller_id,
        count(*) as item_count,
        sum(price) as items_value,
        sum(freight_value) as freight_value
    from {{ ref('stg_order_items') }}
    where reject_reason is null
    group by order_id, seller_id
),

items as (
    select
        order_id,
        cast(sum(item_count) as int) as item_count,
        cast(count(*) as int) as seller_count,
        cast(sum(items_value) as decimal(14, 2)) as items_value,
        cast(sum(freight_value) as decimal(14, 2)) as freight_value
    from items_by_seller
    group by order_id
),

payments_by_type as (
    select
        order_id,
        payment_type,
        count(*) as payment_count,
        max(payment_installments) as payment_installments,
        sum(payment_value) as payment_value
    from {{ ref('stg_order_payments') }}
    where reject_reason is null
    group by order_id, payment_type
),

ranked_types as (
    -- A window can be spilled; what min_by keeps of every order cannot.
    select
        *,
        row_number() over (
            partition by order_id
            order by payment_value desc nulls last, payment_type nulls last
        ) as type_rank
    from payments_by_type
),

payments as (
    select
        order_id,
        cast(sum(payment_count) as int) as payment_count,
        cast(sum(payment_value) as decimal(14, 2)) as payment_value,
        max(payment_installments) as payment_installments,
        max(case when type_rank = 1 then payment_type end) as main_payment_type
    from ranked_types
    group by order_id
),

reviews as (
    select
        order_id,
        cast(count(*) as int) as review_count,
        cast(sum(review_score) as double) / count(*) as average_review_score
    from {{ ref('stg_order_reviews') }}
    where reject_reason is null
    group by order_id
),

final as (
    select
        orders.order_id,
        items.* {{ all_but(['order_id']) }},
        payments.* {{ all_but(['order_id']) }},
        reviews.* {{ all_but(['order_id']) }}
    from orders
    left join items on orders.order_id = items.order_id
    left join payments on orders.order_id = payments.order_id
    left join reviews on orders.order_id = reviews.order_id
)

select * from final
