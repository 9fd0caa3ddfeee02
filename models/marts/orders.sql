with orders as (
    select
        order_id,
        order_customer_id,
        order_status,
        purchased_at,
        approved_at,
        handed_to_carrier_at,
        delivered_at,
        estimated_delivery_at,
    from {{ ref('stg_orders') }}
),

customers as (
    select
        order_customer_id,
        customer_unique_id,
        customer_zip_code_prefix,
        customer_city,
        customer_state,
    from {{ ref('stg_customers') }}
),

payments as (
    select
        order_id,
        payment_count,
        payment_value,
        payment_installments,
        main_payment_type,
    from {{ ref('int_order_payments') }}
),

items as (
    select
        order_id,
        item_count,
        seller_count,
        items_value,
        freight_value,
    from {{ ref('int_order_items') }}
),

reviews as (
    select
        order_id,
        review_count,
        average_review_score,
    from {{ ref('int_order_reviews') }}
),

final as (
    select
        orders.order_id,
        customers.customer_unique_id,
        orders.order_customer_id,
        orders.order_status,
        orders.purchased_at,
        orders.approved_at,
        orders.handed_to_carrier_at,
        orders.delivered_at,
        orders.estimated_delivery_at,
        customers.customer_zip_code_prefix,
        customers.customer_city,
        customers.customer_state,
        coalesce(items.item_count, 0) as item_count,
        coalesce(items.seller_count, 0) as seller_count,
        cast(coalesce(items.items_value, 0) as decimal(14, 2)) as items_value,
        cast(coalesce(items.freight_value, 0) as decimal(14, 2)) as freight_value,
        coalesce(payments.payment_count, 0) as payment_count,
        payments.payment_value,
        payments.payment_installments,
        payments.main_payment_type,
        cast(
            coalesce(payments.payment_value, items.items_value + items.freight_value, 0) as decimal(14, 2)
        ) as order_value,
        payments.payment_value is null as is_value_imputed,
        coalesce(reviews.review_count, 0) as review_count,
        reviews.average_review_score,
    from orders
    inner join customers on orders.order_customer_id = customers.order_customer_id
    left join payments on orders.order_id = payments.order_id
    left join items on orders.order_id = items.order_id
    left join reviews on orders.order_id = reviews.order_id
)

select * from final
