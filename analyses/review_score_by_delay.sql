-- How does the review score fall with the delay?
--
-- Found 2026-11-22 on the real data:
-- The score holds at 4.0 to 4.3 until the promised day, is 3.51 for 1 to 2 days late, and from the third day on
-- falls to 2.23 and then 1.7. 55 % of those 3 to 7 days late give the worst score, of those in time 7 %. Orders
-- that were never received have 1.76. How early the parcel is hardly matters. The three days of bi.late_orders are
-- where patience ends.
{{ config(enabled=var('adapter') == 'olist') }}

with reviews as (
    select
        review_score,
        has_comment,
        {{ days_late('estimated_delivery_at', 'delivered_at') }} as days_late
    from {{ ref('order_reviews') }}
),

grouped as (
    select
        *,
        case
            when days_late is null then '9 not received'
            when days_late <= -15 then '1 15 days early or more'
            when days_late <= -8 then '2 8 to 14 days early'
            when days_late <= -1 then '3 1 to 7 days early'
            when days_late = 0 then '4 on the promised day'
            when days_late <= 2 then '5 1 to 2 days late'
            when days_late <= 7 then '6 3 to 7 days late'
            when days_late <= 14 then '7 8 to 14 days late'
            else '8 15 days late or more'
        end as delay
    from reviews
),

final as (
    select
        delay,
        count(*) as reviews,
        round(100.0 * count(*) / sum(count(*)) over (), 1) as reviews_percent,
        round(avg(review_score), 2) as average_score,
        round(100.0 * count(case when review_score = 1 then 1 end) / count(*), 1) as score_1_percent,
        round(100.0 * count(case when review_score = 5 then 1 end) / count(*), 1) as score_5_percent,
        round(100.0 * count(case when has_comment then 1 end) / count(*), 1) as with_comment_percent
    from grouped
    group by delay
)

select *
from final
order by delay
