{{ config(enabled=var('adapter') == 'olist') }}

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
        purchased_at,
        delivered_at,
        estimated_delivery_at,
        customer_state,
        customer_city,
        items_value,
        freight_value,
        payment_installments
    from {{ ref('orders') }}
),

items as (
    select
        order_id,
        product_category,
        price
    from {{ ref('order_items') }}
),

payments as (
    select
        order_id,
        payment_type,
        payment_value
    from {{ ref('order_payments') }}
),

reviews as (
    select
        order_id,
        review_score,
        review_answered_at
    from {{ ref('input_reviews') }}
),

states as (
    select
        state_code,
        region
    from {{ ref('states') }}
),

counted as (
    -- A delivery on or after the date is not known yet.
    select
        periods.as_of_date,
        orders.*,
        case
            when orders.delivered_at < periods.as_of_date
                then {{ days_late('orders.estimated_delivery_at', 'orders.delivered_at') }}
        end as days_late,
        row_number() over (
            partition by periods.as_of_date, orders.customer_unique_id
            order by orders.purchased_at desc, orders.order_id desc
        ) = 1 as is_last_of_customer
    from orders
    inner join periods on orders.counted_at < periods.as_of_date
),

answered as (
    {{ reviews_so_far('counted', 'reviews') }}
),

amounts as (
    -- Lines and payments are joined one at a time, so that no amount is counted twice.
    select
        counted.as_of_date,
        counted.customer_unique_id,
        'category' as kind,
        items.product_category as value,
        sum(items.price) as amount
    from counted
    inner join items on counted.order_id = items.order_id
    group by counted.as_of_date, counted.customer_unique_id, items.product_category
    union all
    select
        counted.as_of_date,
        counted.customer_unique_id,
        'payment' as kind,
        payments.payment_type as value,
        sum(payments.payment_value) as amount
    from counted
    inner join payments on counted.order_id = payments.order_id
    group by counted.as_of_date, counted.customer_unique_id, payments.payment_type
),

ranked as (
    select
        *,
        row_number() over (
            partition by as_of_date, customer_unique_id, kind
            order by amount desc nulls last, value nulls last
        ) as amount_rank
    from amounts
),

mains as (
    select
        as_of_date,
        customer_unique_id,
        max(case when kind = 'category' then value end) as main_category,
        max(case when kind = 'payment' then value end) as main_payment_type
    from ranked
    where amount_rank = 1
    group by as_of_date, customer_unique_id
),

customers as (
    select
        as_of_date,
        customer_unique_id,
        max(case when is_last_of_customer then customer_state end) as customer_state,
        max(case when is_last_of_customer then customer_city end) as customer_city,
        min(purchased_at) as first_purchased_at,
        max(purchased_at) as last_purchased_at,
        max(payment_installments) as most_installments,
        count(days_late) as delivered_orders,
        sum(case when days_late > 0 then 1 else 0 end) as late_orders,
        max(case when is_last_of_customer then days_late end) as last_order_days_late,
        max(days_late) as most_days_late,
        {{ exact_average('days_late') }} as average_days_late,
        cast(sum(freight_value) as double)
        / nullif(cast(sum(items_value + freight_value) as double), 0) as freight_share
    from counted
    group by as_of_date, customer_unique_id
),

final as (
    select
        customers.as_of_date,
        customers.customer_unique_id,
        customers.customer_state,
        states.region,
        customers.customer_city,
        case
            when customers.customer_state || customers.customer_city is not null
                then cast(count(*) over city as int)
        end as customers_in_city,
        customers.first_purchased_at,
        customers.last_purchased_at,
        mains.main_category,
        mains.main_payment_type,
        cast(customers.most_installments as int) as most_installments,
        cast(customers.delivered_orders as int) as delivered_orders,
        cast(customers.late_orders as int) as late_orders,
        cast(customers.most_days_late as int) as most_days_late,
        customers.average_days_late,
        cast(customers.last_order_days_late as int) as last_order_days_late,
        customers.freight_share,
        cast(coalesce(answered.reviews, 0) as int) as reviews,
        cast(coalesce(answered.bad_reviews, 0) as int) as bad_reviews,
        answered.last_order_review_score,
        cast(null as string) as other_traits
    from customers
    left join answered
        on customers.as_of_date = answered.as_of_date
        and customers.customer_unique_id = answered.customer_unique_id
    left join mains
        on customers.as_of_date = mains.as_of_date
        and customers.customer_unique_id = mains.customer_unique_id
    left join states on customers.customer_state = states.state_code
    window city as (
        partition by customers.as_of_date, customers.customer_state, customers.customer_city
    )
)

select * from final
