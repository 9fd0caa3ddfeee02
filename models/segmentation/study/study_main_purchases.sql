with orders as (
    select
        order_id,
        customer_unique_id,
    from {{ ref('study_orders') }}
),

items as (
    select
        order_id,
        product_category,
        price,
    from {{ ref('order_items') }}
),

payments as (
    select
        order_id,
        payment_type,
        payment_value,
    from {{ ref('order_payments') }}
),

amounts as (
    select
        orders.customer_unique_id,
        'product_category' as trait,
        items.product_category as value,
        sum(items.price) as amount,
    from orders
    inner join items on orders.order_id = items.order_id
    group by orders.customer_unique_id, items.product_category
    union all
    select
        orders.customer_unique_id,
        'payment_type' as trait,
        payments.payment_type as value,
        sum(payments.payment_value) as amount,
    from orders
    inner join payments on orders.order_id = payments.order_id
    group by orders.customer_unique_id, payments.payment_type
),

ranked as (
    select
        customer_unique_id,
        trait,
        value,
        row_number() over (partition by customer_unique_id, trait order by amount desc, value) as amount_rank,
    from amounts
),

final as (
    select
        customer_unique_id,
        max(case when trait = 'product_category' then value end) as product_category,
        max(case when trait = 'payment_type' then value end) as payment_type,
    from ranked
    where amount_rank = 1
    group by customer_unique_id
)

select * from final
