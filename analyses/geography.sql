-- Where are customers and sellers, what do customers spend, and how much is bought within the own state?
-- A seller's state is that of the zip code: about 1 % of the sellers wrote another one.
--
-- Found 2026-11-22 on the real data:
-- 41.9 % of the people live in the state of São Paulo and 68.6 % in the Southeast; sellers of that state make 64.0
-- % of the sales. 75.8 % of what São Paulo buys comes from its own state, in no other state more than 14.6 %
-- (Paraná). So freight is 13.8 % of the price in São Paulo, 17 to 18 % in the rest of the Southeast and the South,
-- and 20 to 29 % in most of the North and Northeast. 35 of 3,095 sellers wrote a state that is not that of their
-- zip code, 33 of them São Paulo. 162 of 19,177 prefixes have no point (68 in the Federal District), and in 67
-- half of the points are over 50 km from the centre: keep those off maps.
{{ config(enabled=var('adapter') == 'olist') }}

with states as (
    select
        state_code,
        state_name,
        region
    from {{ ref('states') }}
),

customers as (
    select
        customer_state as state_code,
        count(*) as customers,
        sum(total_spent) as spent
    from {{ ref('customers') }}
    group by customer_state
),

sellers as (
    select
        zip_code_state as state_code,
        count(*) as sellers,
        sum(items_value) as sold
    from {{ ref('sellers') }}
    group by zip_code_state
),

lines as (
    select
        order_items.customer_state as state_code,
        count(*) as lines,
        count(case when order_items.customer_state = sellers.zip_code_state then 1 end) as lines_of_own_state,
        sum(order_items.freight_value) as freight_value,
        sum(order_items.price) as price
    from {{ ref('order_items') }} as order_items
    inner join {{ ref('sellers') }} as sellers on order_items.seller_id = sellers.seller_id
    group by order_items.customer_state
),

zip_codes as (
    select
        state_code,
        count(*) as zip_code_prefixes,
        count(case when point_count = 0 then 1 end) as prefixes_without_point,
        count(case when spread_km > 50 then 1 end) as prefixes_spread_over_50_km
    from {{ ref('zip_codes') }}
    group by state_code
),

final as (
    select
        states.region,
        states.state_code,
        states.state_name,
        coalesce(customers.customers, 0) as customers,
        round(100.0 * customers.customers / sum(customers.customers) over (), 1) as customers_percent,
        round(customers.spent / customers.customers, 2) as spent_per_customer,
        coalesce(sellers.sellers, 0) as sellers,
        round(100.0 * sellers.sold / sum(sellers.sold) over (), 1) as sold_percent,
        round(100.0 * lines.lines_of_own_state / lines.lines, 1) as bought_in_own_state_percent,
        round(100.0 * lines.freight_value / lines.price, 1) as freight_percent_of_price,
        zip_codes.zip_code_prefixes,
        zip_codes.prefixes_without_point,
        zip_codes.prefixes_spread_over_50_km
    from states
    left join customers on states.state_code = customers.state_code
    left join sellers on states.state_code = sellers.state_code
    left join lines on states.state_code = lines.state_code
    left join zip_codes on states.state_code = zip_codes.state_code
)

select *
from final
order by customers desc, state_code
