-- Of the people who first ordered in a month, how many ordered again 1, 2, 3, 6 and 12 calendar months later?
-- Null: that month had not begun at the latest as-of date, or was not over.
--
-- Found 2026-11-22 on the real data:
-- There is no retention to speak of: a month after their first order 0.2 to 0.7 % of a cohort order again, and in
-- all the time since, 2.9 to 4.3 % of those from January to September 2017. Recent cohorts had less time. What
-- falls in September and October 2018 is not a finding: only 20 orders were placed then, so the last figures of
-- each column are near zero.
{{ config(enabled=var('adapter') == 'olist') }}

with orders as (
    select
        customer_unique_id,
        date_trunc('month', purchased_at) as purchase_month
    from {{ ref('orders') }}
),

latest as (
    select max(as_of_date) as as_of_date
    from {{ ref('periods') }}
),

first_months as (
    select
        customer_unique_id,
        min(purchase_month) as cohort_month
    from orders
    group by customer_unique_id
),

activity as (
    select distinct
        first_months.cohort_month,
        first_months.customer_unique_id,
        date_diff('month', first_months.cohort_month, orders.purchase_month) as months_after
    from first_months
    inner join orders on first_months.customer_unique_id = orders.customer_unique_id
),

counted as (
    select
        cohort_month,
        count(distinct customer_unique_id) as people,
        {% for month in [1, 2, 3, 6, 12] -%}
        count(case when months_after = {{ month }} then 1 end) as returned_in_{{ month }},
        {% endfor -%}
        count(distinct case when months_after >= 1 then customer_unique_id end) as returned_later
    from activity
    group by cohort_month
),

final as (
    select
        cast(counted.cohort_month as date) as cohort_month,
        counted.people,
        {% for month in [1, 2, 3, 6, 12] -%}
        case
            when counted.cohort_month + interval {{ month + 1 }} month <= latest.as_of_date
                then round(100.0 * counted.returned_in_{{ month }} / counted.people, 2)
        end as month_{{ month }}_percent,
        {% endfor -%}
        counted.returned_later,
        round(100.0 * counted.returned_later / counted.people, 2) as returned_later_percent
    from counted
    cross join latest
)

select *
from final
order by cohort_month
