-- Is what was paid for an order the price of its lines plus freight, and where not, why?
--
-- Found 2026-11-22 on the real data:
-- 98.6 % of the orders agree to the centavo, and 0.3 % to within 0.06 BRL. The rest has reasons: 775 orders have
-- payments and no lines (767 of them cancelled or unavailable; 162,592 BRL), 235 card orders in instalments paid
-- 3,063 BRL more than their lines (interest, up to 182.81 an order), one has no payment, and 18 paid 199 BRL less.
-- So sums of payments and of lines plus freight differ by 165,318 BRL (1.0 %) although nearly every order is
-- right.
{{ config(enabled=var('adapter') == 'olist') }}

with orders as (
    select
        order_id,
        order_status,
        item_count,
        items_value + freight_value as lines_value,
        payment_value,
        payment_installments,
        main_payment_type
    from {{ ref('orders') }}
),

compared as (
    select
        *,
        payment_value - lines_value as surplus,
        case
            when payment_value is null then '1 no payment'
            when item_count = 0 then '2 no lines'
            when payment_value = lines_value then '3 equal'
            when abs(payment_value - lines_value) <= 0.10 then '4 up to 0.10 apart: rounding'
            when payment_value > lines_value and payment_installments > 1 then '5 paid more, in instalments: interest'
            when payment_value > lines_value then '6 paid more, at once'
            else '7 paid less'
        end as comparison
    from orders
),

final as (
    select
        comparison,
        count(*) as orders,
        round(100.0 * count(*) / sum(count(*)) over (), 3) as orders_percent,
        sum(lines_value) as lines_value,
        sum(payment_value) as payment_value,
        sum(surplus) as surplus,
        min(surplus) as smallest_surplus,
        max(surplus) as largest_surplus,
        count(case when order_status in ('canceled', 'unavailable') then 1 end) as canceled_or_unavailable,
        mode(main_payment_type) as most_frequent_payment_type
    from compared
    group by comparison
)

select *
from final
order by comparison
