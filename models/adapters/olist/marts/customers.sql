{{ config(enabled=var('adapter') == 'olist') }}

with people as (
    select
        order_customer_id,
        customer_unique_id,
        customer_zip_code_prefix,
        customer_city,
        customer_state
    from {{ ref('stg_customers') }}
    where reject_reason is null
),

orders as (
    select
        order_id,
        order_customer_id,
        purchased_at,
        order_value,
        payment_value,
        is_value_imputed
    from {{ ref('orders') }}
),

addressed as (
    -- A person who moved has several addresses; the one of the latest order is kept.
    select
        people.*,
        orders.order_id,
        orders.purchased_at,
        orders.order_value,
        orders.payment_value,
        orders.is_value_imputed,
        row_number() over (
            partition by people.customer_unique_id
            order by {{ nulls_last(['orders.purchased_at desc', 'orders.order_id desc', 'people.order_customer_id']) }}
        ) as address_rank
    from people
    left join orders on people.order_customer_id = orders.order_customer_id
),

final as (
    select
        customer_unique_id,
        max(case when address_rank = 1 then customer_zip_code_prefix end) as customer_zip_code_prefix,
        max(case when address_rank = 1 then customer_city end) as customer_city,
        max(case when address_rank = 1 then customer_state end) as customer_state,
        cast(count(distinct customer_zip_code_prefix) as int) as zip_code_prefix_count,
        cast(count(order_id) as int) as order_count,
        min(purchased_at) as first_order_at,
        max(purchased_at) as last_order_at,
        cast(coalesce(sum(order_value), 0) as decimal(14, 2)) as total_spent,
        cast(coalesce(sum(payment_value), 0) as decimal(14, 2)) as total_paid,
        coalesce(bool_or(is_value_imputed), false) as is_total_imputed
    from addressed
    group by customer_unique_id
)

select * from final
