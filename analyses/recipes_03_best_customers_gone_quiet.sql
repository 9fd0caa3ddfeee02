-- Good customers who have gone quiet: two orders or more, or much money, and nothing for 180 days.
select
    customer_unique_id,
    customer_state,
    recency_days,
    frequency,
    monetary,
    segment_name,
    recommended_action
from {{ ref('customer_360') }}
where recency_days >= 180 and (frequency >= 2 or monetary_score = 5)
order by monetary desc, customer_unique_id
