-- Who changed segment since the as-of date before, and in which direction.
select
    previous_segment_name,
    segment_name,
    count(*) as customers,
    sum(monetary) as money_spent,
from {{ ref('customer_360') }}
where segment_change = 'moved'
group by previous_segment_name, segment_name
order by customers desc, previous_segment_name, segment_name
