with periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_latest or is_described
),

orders as (
    select
        order_id,
        customer_unique_id,
        {{ counted_at() }} as counted_at,
    from {{ ref('orders') }}
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

counted as (
    select
        periods.as_of_date,
        orders.customer_unique_id,
        orders.order_id,
    from orders
    inner join periods on orders.counted_at < periods.as_of_date
),

amounts as (
    select
        counted.as_of_date,
        counted.customer_unique_id,
        'category' as kind,
        items.product_category as value,
        sum(items.price) as amount,
    from counted
    inner join items on counted.order_id = items.order_id
    group by counted.as_of_date, counted.customer_unique_id, items.product_category
    union all
    select
        counted.as_of_date,
        counted.customer_unique_id,
        'payment' as kind,
        payments.payment_type as value,
        sum(payments.payment_value) as amount,
    from counted
    inner join payments on counted.order_id = payments.order_id
    group by counted.as_of_date, counted.customer_unique_id, payments.payment_type
),

ranked as (
    select
        *,
        row_number() over (
            partition by as_of_date, customer_unique_id, kind
            order by amount desc, value
        ) as amount_rank,
    from amounts
),

final as (
    select
        as_of_date,
        customer_unique_id,
        max(case when kind = 'category' then value end) as main_category,
        max(case when kind = 'payment' then value end) as main_payment_type,
    from ranked
    where amount_rank = 1
    group by as_of_date, customer_unique_id
)

select * from final
