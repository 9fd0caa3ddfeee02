-- Money in = money out and people in = people out, from staging to the marts; one row for each step that differs.
{{ config(enabled=var('adapter') == 'olist') }}
with payments as (
    select payment_value
    from {{ ref('stg_order_payments') }}
    where reject_reason is null
),

items as (
    select
        price,
        freight_value
    from {{ ref('stg_order_items') }}
    where reject_reason is null
),

staged_orders as (
    select order_id
    from {{ ref('stg_orders') }}
    where reject_reason is null
),

staged_customers as (
    select customer_unique_id
    from {{ ref('stg_customers') }}
    where reject_reason is null
),

steps as (
    select
        'payments: staging to orders' as step,
        (select sum(payment_value) from payments) as amount_in,
        (select sum(payment_value) from {{ ref('orders') }}) as amount_out
    union all
    select
        'items and freight: staging to orders',
        (select sum(price) + sum(freight_value) from items),
        (select sum(items_value) + sum(freight_value) from {{ ref('orders') }})
    union all
    select
        'order value: payments plus stand-ins',
        (select coalesce(sum(payment_value), 0) from payments)
        + (
            select coalesce(sum(items_value + freight_value), 0)
            from {{ ref('orders') }}
            where is_value_imputed
        ),
        (select sum(order_value) from {{ ref('orders') }})
    union all
    select
        'order value: orders to customers',
        (select sum(order_value) from {{ ref('orders') }}),
        (select sum(total_spent) from {{ ref('customers') }})
    union all
    select
        'payments: orders to customers',
        (select sum(payment_value) from {{ ref('orders') }}),
        (select sum(total_paid) from {{ ref('customers') }})
    union all
    select
        'orders: staging to orders',
        (select count(*) from staged_orders),
        (select count(*) from {{ ref('orders') }})
    union all
    select
        'orders: orders to customers',
        (select count(*) from {{ ref('orders') }}),
        (select sum(order_count) from {{ ref('customers') }})
    union all
    select
        'people: staging to customers',
        (select count(distinct customer_unique_id) from staged_customers),
        (select count(*) from {{ ref('customers') }})
    union all
    select
        'people: customers to bi.clients',
        (select count(*) from {{ ref('customers') }}),
        (select count(*) from {{ ref('clients') }})
    union all
    select
        'money: customers to bi.clients',
        (select sum(total_spent) from {{ ref('customers') }}),
        (select sum(total_achat) from {{ ref('clients') }})
)

select *
from steps
where amount_in is distinct from amount_out
