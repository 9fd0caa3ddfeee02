-- Where the segments live: share of each state's customers, states with 50 customers or more.
select
    customer_state,
    segment_name,
    count(*) as customers,
    round(100 * count(*) / sum(count(*)) over (partition by customer_state), 1) as percent_of_state
from {{ ref('customer_360') }}
where segment_name is not null
group by customer_state, segment_name
qualify sum(count(*)) over (partition by customer_state) >= 50
order by customer_state, customers desc, segment_name
