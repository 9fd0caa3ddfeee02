-- What share of the revenue (line prices) comes from the best 1, 5, 10, 20 and 50 % of customers, sellers and products?
--
-- Found 2026-11-22 on the real data:
-- Sellers are concentrated: the best 10 % of 3,095 bring 67.6 % of the revenue, half of them 96.8 %. Products too
-- (10 % of 32,951 bring 60.8 %). Customers less so, as nearly all buy once: the best 10 % bring 41.2 %, the best 1
-- % 11.5 %. 8 of the 74 categories bring 54.4 %.
{{ config(enabled=var('adapter') == 'olist') }}

with order_items as (
    select
        customer_unique_id,
        seller_id,
        product_id,
        product_category,
        price
    from {{ ref('order_items') }}
),

revenues as (
    {% for kind, column in {
        'customers': 'customer_unique_id', 'sellers': 'seller_id', 'products': 'product_id',
        'categories': 'product_category',
    }.items() -%}
    select
        '{{ kind }}' as kind,
        {{ column }} as member,
        sum(price) as revenue
    from order_items
    group by {{ column }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

ranked as (
    select
        *,
        row_number() over (partition by kind order by revenue desc, member) as revenue_rank,
        count(*) over (partition by kind) as members,
        sum(revenue) over (partition by kind) as total_revenue
    from revenues
),

final as (
    select
        kind,
        max(members) as members,
        {% for percent in [1, 5, 10, 20, 50] -%}
        round(
            100.0 * sum(case when revenue_rank <= ceil(members * {{ percent }} / 100.0) then revenue else 0 end)
            / max(total_revenue), 1
        ) as best_{{ percent }}_percent,
        {% endfor -%}
        max(case when revenue_rank = 1 then revenue end) as largest_revenue
    from ranked
    group by kind
)

select *
from final
order by members desc
