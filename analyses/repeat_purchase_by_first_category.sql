-- Does the category of the first order say whether a person comes back? The first order is the earliest with lines,
-- its category that of its dearest line; coming back is an order on a later day. Categories with 300 people or more.
--
-- Found 2026-11-22 on the real data:
-- Hardly: 1.4 to 3.8 % come back on a later day whatever they bought first. Bags and accessories (3.8 % of 1,728),
-- furniture and decoration (2.9 % of 6,026) and bed, bath and table (2.9 % of 8,876) are above computers'
-- accessories (1.7 % of 6,447) and electronics (1.4 % of 2,492) by more than their intervals; most of the rest is
-- within them. Half of those who return to bed, bath and table buy from it again. In the large categories the
-- median return takes two to four months.
{{ config(enabled=var('adapter') == 'olist') }}

with order_items as (
    select
        order_id,
        order_item_number,
        customer_unique_id,
        product_category,
        purchased_at,
        price
    from {{ ref('order_items') }}
),

first_lines as (
    select
        customer_unique_id,
        product_category,
        purchased_at,
        row_number() over (
            partition by customer_unique_id
            order by purchased_at, price desc, order_id, order_item_number
        ) as line_rank
    from order_items
),

first_categories as (
    select
        customer_unique_id,
        product_category,
        purchased_at as first_purchased_at
    from first_lines
    where line_rank = 1
),

later_lines as (
    select
        first_categories.customer_unique_id,
        min(order_items.purchased_at) as next_purchased_at,
        bool_or(order_items.product_category = first_categories.product_category) as is_same_category
    from first_categories
    inner join order_items
        on first_categories.customer_unique_id = order_items.customer_unique_id
        and cast(order_items.purchased_at as date) > cast(first_categories.first_purchased_at as date)
    group by first_categories.customer_unique_id
),

final as (
    select
        first_categories.product_category,
        count(*) as people,
        count(later_lines.customer_unique_id) as came_back,
        round(100.0 * count(later_lines.customer_unique_id) / count(*), 2) as came_back_percent,
        -- Half the width of the 95 % interval of a share of so many people.
        round(196 * sqrt(
            count(later_lines.customer_unique_id) * 1.0 / count(*)
            * (1 - count(later_lines.customer_unique_id) * 1.0 / count(*)) / count(*)
        ), 2) as give_or_take,
        count(case when later_lines.is_same_category then 1 end) as came_back_for_the_same,
        median({{ whole_days('first_categories.first_purchased_at', 'later_lines.next_purchased_at') }})
            as median_days_until
    from first_categories
    left join later_lines on first_categories.customer_unique_id = later_lines.customer_unique_id
    group by first_categories.product_category
    having count(*) >= 300
)

select *
from final
order by came_back_percent desc, product_category
