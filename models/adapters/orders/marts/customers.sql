{{ config(enabled=var('adapter') == 'orders') }}

with orders as (
    select
        customer_unique_id,
        cast(count(*) as int) as order_count,
        min(purchased_at) as first_order_at,
        max(purchased_at) as last_order_at,
        sum(order_value) as order_value
    from {{ ref('input_orders') }}
    group by customer_unique_id
),

refunds as (
    select
        customer_unique_id,
        sum(refund_value) as refund_value
    from {{ ref('input_refunds') }}
    group by customer_unique_id
),

places as (
    select
        customer_unique_id,
        trait,
        value,
        row_number() over (
            partition by customer_unique_id, trait
            order by max(ordered_on) desc nulls last, sum(amount) desc nulls last, value nulls last
        ) as value_rank
    from {{ ref('shop_order_traits') }}
    where trait in ('city', 'state')
    group by customer_unique_id, trait, value
),

latest_places as (
    select
        customer_unique_id,
        max(case when trait = 'city' then value end) as customer_city,
        max(case when trait = 'state' then value end) as customer_state
    from places
    where value_rank = 1
    group by customer_unique_id
),

final as (
    -- Who has only been refunded is no customer.
    select
        orders.customer_unique_id,
        cast(null as string) as customer_zip_code_prefix,
        latest_places.customer_city,
        latest_places.customer_state,
        0 as zip_code_prefix_count,
        orders.order_count,
        orders.first_order_at,
        orders.last_order_at,
        cast(orders.order_value - coalesce(refunds.refund_value, 0) as decimal(14, 2)) as total_spent,
        cast(orders.order_value - coalesce(refunds.refund_value, 0) as decimal(14, 2)) as total_paid,
        false as is_total_imputed
    from orders
    left join refunds on orders.customer_unique_id = refunds.customer_unique_id
    left join latest_places on orders.customer_unique_id = latest_places.customer_unique_id
)

select * from final
