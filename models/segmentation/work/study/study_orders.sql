with periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_described
),

orders as (
    select
        order_id,
        customer_unique_id,
        purchased_at,
        delivered_at,
        estimated_delivery_at,
        customer_state,
        customer_city,
        items_value,
        freight_value,
        payment_installments,
    from {{ ref('orders') }}
),

final as (
    select
        periods.as_of_date,
        orders.order_id,
        orders.customer_unique_id,
        orders.purchased_at,
        orders.customer_state,
        orders.customer_city,
        orders.items_value,
        orders.freight_value,
        orders.payment_installments,
        -- A delivery on or after the date is not known yet.
        case
            when orders.delivered_at < periods.as_of_date
                then date_diff('day', cast(orders.estimated_delivery_at as date), cast(orders.delivered_at as date))
        end as delivery_delay_days,
        row_number() over (
            partition by orders.customer_unique_id
            order by orders.purchased_at desc, orders.order_id desc
        ) = 1 as is_last_of_customer,
    from orders
    inner join periods on orders.{{ counted_at() }} < periods.as_of_date
)

select * from final
