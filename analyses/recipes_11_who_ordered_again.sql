-- Who ordered again within 90 days, by segment, over dates whose horizons do not overlap.
select
    segment_name,
    customers,
    customers_ordering,
    round(100 * ordering_share, 2) as ordering_percent,
    round(100 * share_low, 2) as from_percent,
    round(100 * share_high, 2) as to_percent,
    round(lift, 2) as times_all_customers,
    round(revenue_per_customer, 2) as later_money_per_customer
from {{ ref('segment_outcomes_pooled') }}
where horizon_days = 90
order by ordering_percent desc, segment_name
