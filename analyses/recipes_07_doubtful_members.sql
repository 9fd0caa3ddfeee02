-- Members that nearly belong elsewhere: leave them out of a costly campaign.
select
    segment_name,
    count(*) as customers,
    sum(case when confidence < 0.1 then 1 else 0 end) as doubtful_customers,
    round(100 * avg(case when confidence < 0.1 then 1 else 0 end), 1) as doubtful_percent
from {{ ref('customer_360') }}
where segment_name is not null
group by segment_name
order by doubtful_percent desc, segment_name
