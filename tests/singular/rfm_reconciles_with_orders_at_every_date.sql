-- At each as-of date the RFM table holds every counted order, every amount and every person once, less the refunds.
with orders as (
    select
        customer_unique_id,
        {{ counted_at() }} as counted_at,
        order_value
    from {{ ref('input_orders') }}
    where {{ counted_at() }} is not null
),

ordered as (
    select
        periods.as_of_date,
        orders.customer_unique_id,
        count(*) as orders,
        sum(orders.order_value) as spent
    from {{ ref('periods') }} as periods
    inner join orders
        on orders.counted_at < periods.as_of_date
        and orders.counted_at >= periods.as_of_date - interval {{ setting('history_months') or 12000 }} month
    group by periods.as_of_date, orders.customer_unique_id
),

refunded as (
    select
        ordered.as_of_date,
        sum(refunds.refund_value) as refunded
    from ordered
    inner join {{ ref('input_refunds') }} as refunds
        on ordered.customer_unique_id = refunds.customer_unique_id
        and refunds.refunded_at < ordered.as_of_date
        and refunds.refunded_at >= ordered.as_of_date - interval {{ setting('history_months') or 12000 }} month
    group by ordered.as_of_date
),

expected as (
    select
        ordered.as_of_date,
        count(*) as customers,
        sum(ordered.orders) as orders,
        sum(ordered.spent) - coalesce(max(refunded.refunded), 0) as monetary
    from ordered
    left join refunded on ordered.as_of_date = refunded.as_of_date
    group by ordered.as_of_date
),

found as (
    select
        as_of_date,
        count(*) as customers,
        sum(frequency) as orders,
        sum(monetary) as monetary
    from {{ ref('rfm') }}
    group by as_of_date
)

select
    coalesce(expected.as_of_date, found.as_of_date) as as_of_date,
    expected.customers as expected_customers,
    found.customers as found_customers,
    expected.orders as expected_orders,
    found.orders as found_orders,
    expected.monetary as expected_monetary,
    found.monetary as found_monetary
from expected
full outer join found on expected.as_of_date = found.as_of_date
where
    expected.customers is distinct from found.customers
    or expected.orders is distinct from found.orders
    or expected.monetary is distinct from found.monetary
