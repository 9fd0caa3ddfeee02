-- The ten RFM boxes against the segments: customers in each crossing.
select
    rfm_segment,
    segment_name,
    count(*) as customers,
    round(avg(monetary), 2) as mean_money_spent
from {{ ref('customer_360') }}
where segment_name is not null
group by rfm_segment, segment_name
order by rfm_segment, customers desc, segment_name
