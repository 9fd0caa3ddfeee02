-- Who changed segment since the date of comparison (var comparison_months before), and in which direction.
select
    previous_as_of_date,
    previous_segment_name,
    segment_name,
    count(*) as customers,
    sum(monetary) as money_spent
from {{ ref('customer_360') }}
where segment_change = 'moved'
group by previous_as_of_date, previous_segment_name, segment_name
order by customers desc, previous_segment_name, segment_name
