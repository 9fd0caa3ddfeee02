with latest as (
    select as_of_date
    from {{ ref('periods') }}
    where is_latest
),

orders as (
    select
        order_id,
        customer_unique_id,
        {{ counted_at() }} as counted_at,
        delivered_at,
        estimated_delivery_at,
        freight_value,
        items_value,
        payment_installments,
    from {{ ref('orders') }}
),

mains as (
    select
        as_of_date,
        customer_unique_id,
        main_category,
        main_payment_type,
    from {{ ref('main_purchases') }}
),

counted as (
    select
        latest.as_of_date,
        orders.*,
        case
            when orders.delivered_at < latest.as_of_date
                then {{ days_late('orders.estimated_delivery_at', 'orders.delivered_at') }}
        end as days_late,
    from orders
    inner join latest on orders.counted_at < latest.as_of_date
),

experience as (
    select
        as_of_date,
        customer_unique_id,
        max(payment_installments) as most_installments,
        max(days_late) as most_days_late,
        sum(case when days_late > 0 then 1 else 0 end) as late_orders,
        cast(sum(freight_value) as double)
        / nullif(cast(sum(freight_value + items_value) as double), 0) as freight_share,
    from counted
    group by as_of_date, customer_unique_id
),

final as (
    select
        experience.as_of_date,
        experience.customer_unique_id,
        mains.main_category,
        mains.main_payment_type,
        cast(experience.most_installments as int) as most_installments,
        cast(experience.late_orders as int) as late_orders,
        cast(experience.most_days_late as int) as most_days_late,
        experience.freight_share,
    from experience
    left join mains
        on experience.as_of_date = mains.as_of_date
        and experience.customer_unique_id = mains.customer_unique_id
)

select * from final
