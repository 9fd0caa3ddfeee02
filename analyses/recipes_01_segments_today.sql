-- Segments today: how many people, how much of the money, who they are, what to do with those who ordered last.
select
    profiles.segment_name,
    profiles.customers,
    round(100 * profiles.customer_share, 1) as customer_percent,
    round(100 * profiles.revenue_share, 1) as revenue_percent,
    profiles.rule,
    actions.action
from {{ ref('segment_profiles') }} as profiles
inner join {{ ref('segment_actions') }} as actions on profiles.segment_code = actions.segment_code
inner join {{ ref('periods') }} as periods on profiles.as_of_date = periods.as_of_date
where periods.is_latest and actions.language = 'en' and coalesce(actions.minimum_recency_days, 0) = 0
order by profiles.customers desc, profiles.segment_name
