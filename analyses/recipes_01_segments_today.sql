-- Segments today: how many people, how much of the money, what to do.
select
    profiles.segment_name,
    profiles.customers,
    round(100 * profiles.customer_share, 1) as customer_percent,
    round(100 * profiles.revenue_share, 1) as revenue_percent,
    labels.action,
from {{ ref('segment_profiles') }} as profiles
inner join {{ ref('segment_labels') }} as labels on profiles.segment_code = labels.segment_code
inner join {{ ref('periods') }} as periods on profiles.as_of_date = periods.as_of_date
where periods.is_latest and labels.language = 'en'
order by profiles.customers desc, profiles.segment_name
