-- How many people ordered to more than one zip code, and to more than one state?
--
-- Found 2026-11-22 on the real data:
-- 250 of 96,096 people (0.26 %; 8.3 % of the 2,997 with several orders) used two zip codes or more, 39 of them in
-- different states. One address a person is a choice: the latest order's. Someone who ordered nine times has
-- three.
{{ config(enabled=var('adapter') == 'olist') }}

with orders as (
    select
        customer_unique_id,
        customer_zip_code_prefix,
        customer_city,
        customer_state
    from {{ ref('orders') }}
),

people as (
    select
        customer_unique_id,
        count(*) as order_count,
        count(distinct customer_zip_code_prefix) as zip_codes,
        count(distinct customer_city) as cities,
        count(distinct customer_state) as states
    from orders
    group by customer_unique_id
),

final as (
    select
        zip_codes,
        count(*) as people,
        round(100.0 * count(*) / sum(count(*)) over (), 3) as people_percent,
        count(case when order_count > 1 then 1 end) as people_with_several_orders,
        count(case when cities > 1 then 1 end) as people_with_several_cities,
        count(case when states > 1 then 1 end) as people_with_several_states,
        max(order_count) as most_orders_of_one
    from people
    group by zip_codes
)

select *
from final
order by zip_codes
