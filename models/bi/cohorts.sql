{{ config(materialized='view') }}

with orders as (
    select
        customer_unique_id,
        cast(date_trunc('month', purchased_at) as date) as purchase_month,
        order_value
    from {{ ref('input_orders') }}
),

latest as (
    select max(as_of_date) as as_of_date
    from {{ ref('periods') }}
),

firsts as (
    select
        customer_unique_id,
        min(purchase_month) as cohort_month
    from orders
    group by customer_unique_id
),

cohorts as (
    select
        cohort_month,
        count(*) as customers
    from firsts
    group by cohort_month
),

purchase_months as (
    select distinct purchase_month
    from orders
),

months as (
    -- Also months in which nobody ordered, up to the last that is over.
    select
        cohorts.cohort_month,
        cohorts.customers,
        purchase_months.purchase_month
    from cohorts
    cross join latest
    inner join purchase_months
        on cohorts.cohort_month <= purchase_months.purchase_month
        and purchase_months.purchase_month + interval 1 month <= latest.as_of_date
),

ordered as (
    select
        firsts.cohort_month,
        orders.purchase_month,
        count(distinct orders.customer_unique_id) as customers_ordering,
        count(*) as orders,
        sum(orders.order_value) as revenue
    from orders
    inner join firsts on orders.customer_unique_id = firsts.customer_unique_id
    group by firsts.cohort_month, orders.purchase_month
),

final as (
    select
        months.cohort_month,
        cast(
            12 * (extract(year from months.purchase_month) - extract(year from months.cohort_month))
            + extract(month from months.purchase_month) - extract(month from months.cohort_month) as int
        ) as months_after,
        months.customers,
        coalesce(ordered.customers_ordering, 0) as customers_ordering,
        cast(coalesce(ordered.customers_ordering, 0) as double) / months.customers as ordering_share,
        coalesce(ordered.orders, 0) as orders,
        cast(coalesce(ordered.revenue, 0) as decimal(14, 2)) as revenue
    from months
    left join ordered
        on months.cohort_month = ordered.cohort_month
        and months.purchase_month = ordered.purchase_month
)

select * from final
