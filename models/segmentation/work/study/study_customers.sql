with orders as (
    select
        as_of_date,
        customer_unique_id,
        purchased_at,
        customer_state,
        customer_city,
        items_value,
        freight_value,
        payment_installments,
        delivery_delay_days,
        is_last_of_customer,
    from {{ ref('study_orders') }}
),

main_purchases as (
    select
        as_of_date,
        customer_unique_id,
        main_category,
        main_payment_type,
    from {{ ref('main_purchases') }}
),

states as (
    select
        state_code,
        region,
    from {{ ref('states') }}
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        average_review_score,
    from {{ ref('rfm') }}
),

cities as (
    select
        customer_state,
        customer_city,
        count(*) as customers_in_city,
    from orders
    where is_last_of_customer
    group by customer_state, customer_city
),

customers as (
    select
        as_of_date,
        customer_unique_id,
        max(case when is_last_of_customer then customer_state end) as state,
        max(case when is_last_of_customer then customer_city end) as city,
        max(purchased_at) as last_purchased_at,
        min(purchased_at) as first_purchased_at,
        max(payment_installments) as payment_installments,
        cast(sum(freight_value) as double)
        / nullif(cast(sum(items_value + freight_value) as double), 0) as freight_share,
        {{ exact_average('delivery_delay_days') }} as delivery_delay_days,
    from orders
    group by as_of_date, customer_unique_id
),

final as (
    select
        customers.as_of_date,
        customers.customer_unique_id,
        customers.state,
        coalesce(states.region, 'unknown') as region,
        cities.customers_in_city,
        coalesce(main_purchases.main_category, 'none') as product_category,
        coalesce(main_purchases.main_payment_type, 'none') as payment_type,
        cast(customers.payment_installments as double) as payment_installments,
        customers.freight_share,
        customers.delivery_delay_days,
        rfm.average_review_score,
        dayname(customers.last_purchased_at) as last_purchase_weekday,
        hour(customers.last_purchased_at) as last_purchase_hour,
        date_trunc('quarter', customers.first_purchased_at) as first_order_quarter,
    from customers
    inner join rfm
        on customers.as_of_date = rfm.as_of_date
        and customers.customer_unique_id = rfm.customer_unique_id
    left join main_purchases
        on customers.as_of_date = main_purchases.as_of_date
        and customers.customer_unique_id = main_purchases.customer_unique_id
    left join states on customers.state = states.state_code
    left join cities
        on customers.state = cities.customer_state
        and customers.city = cities.customer_city
)

select * from final
