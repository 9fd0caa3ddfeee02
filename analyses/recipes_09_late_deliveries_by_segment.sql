-- Do late deliveries and low scores go with a segment?
select
    segment_name,
    count(*) as customers,
    round(100 * avg(case when late_orders > 0 then 1 else 0 end), 1) as percent_with_a_late_order,
    round(avg(average_review_score), 2) as review_score,
    round(avg(case when late_orders > 0 then average_review_score end), 2) as review_score_when_late
from {{ ref('customer_360') }}
where segment_name is not null
group by segment_name
order by segment_name
