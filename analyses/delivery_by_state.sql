-- How long do parcels take to each state, how does that compare with the promise, and how many are late?
--
-- Found 2026-11-22 on the real data:
-- 6.8 % of the 96,476 received orders came after the promised day, 5.4 % 3 days late or more; the median parcel
-- came 12 days early: the promise is generous. São Paulo waits 7 days (4.5 % late), Roraima and Amazonas 25, yet
-- Amazonas has only 2.8 % late, because 45 days are promised. The worst are Alagoas (21.4 %), Maranhão (17.4 %)
-- and Sergipe (15.2 %), and with 12,353 orders Rio de Janeiro (12.1 %), which has a third as many orders as São
-- Paulo and four fifths as many late ones.
{{ config(enabled=var('adapter') == 'olist') }}

with orders as (
    select
        customer_state,
        purchased_at,
        delivered_at,
        estimated_delivery_at,
        freight_value,
        {{ days_late('estimated_delivery_at', 'delivered_at') }} as days_late
    from {{ ref('orders') }}
    where delivered_at is not null
),

states as (
    select
        state_code,
        state_name,
        region
    from {{ ref('states') }}
),

final as (
    select
        orders.customer_state,
        states.state_name,
        states.region,
        count(*) as received_orders,
        median({{ whole_days('orders.purchased_at', 'orders.delivered_at') }}) as median_days_to_receive,
        median({{ whole_days('orders.purchased_at', 'orders.estimated_delivery_at') }}) as median_days_promised,
        median(-orders.days_late) as median_days_early,
        round(100.0 * count(case when orders.days_late >= 1 then 1 end) / count(*), 1) as late_percent,
        round(100.0 * count(case when orders.days_late >= 3 then 1 end) / count(*), 1) as late_3_days_percent,
        round(avg(case when orders.days_late >= 1 then orders.days_late end), 1) as mean_days_late_if_late,
        round(avg(orders.freight_value), 2) as mean_freight
    from orders
    left join states on orders.customer_state = states.state_code
    group by orders.customer_state, states.state_name, states.region
)

select *
from final
order by late_percent desc, customer_state
