{{ config(enabled=var('adapter') == 'olist') }}

with question_period as (
    select
        as_of_date,
        is_final_status_known,
        late_orders_from_date
    from {{ ref('question_period') }}
),

orders as (
    select
        order_id,
        customer_unique_id,
        order_status,
        purchased_at,
        estimated_delivery_at,
        delivered_at,
        customer_state
    from {{ ref('orders') }}
),

order_items as (
    select
        order_id,
        seller_id
    from {{ ref('order_items') }}
),

sellers as (
    select
        seller_id,
        seller_state
    from {{ ref('sellers') }}
),

received as (
    select
        question_period.as_of_date,
        orders.*,
        {{ days_late('orders.estimated_delivery_at', 'orders.delivered_at') }} as days_late
    from orders
    cross join question_period
    where
        orders.purchased_at >= question_period.late_orders_from_date
        and orders.purchased_at < question_period.as_of_date
        and orders.delivered_at < question_period.as_of_date
        and not {{ known_cancelled('orders.order_status', 'question_period.is_final_status_known') }}
),

late as (
    select *
    from received
    where days_late >= {{ question_limit('late_orders_minimum_days_late') }}
),

seller_states as (
    select
        late.order_id,
        {{ sorted_list('sellers.seller_state') }} as seller_states
    from late
    inner join order_items on late.order_id = order_items.order_id
    inner join sellers on order_items.seller_id = sellers.seller_id
    group by late.order_id
),

final as (
    select
        late.as_of_date,
        late.order_id,
        late.customer_unique_id,
        late.purchased_at,
        late.estimated_delivery_at,
        late.delivered_at,
        late.days_late,
        late.customer_state,
        seller_states.seller_states
    from late
    left join seller_states on late.order_id = seller_states.order_id
)

select * from final
