-- Segments today: how many people, how much of the money, what to do.
select
    profiles.segment_name,
    profiles.customers,
    round(100 * profiles.customer_share, 1) as customer_percent,
    round(100 * profiles.revenue_share, 1) as revenue_percent,
    playbook.action_english,
from {{ ref('segment_profiles') }} as profiles
inner join {{ ref('segment_playbook') }} as playbook on profiles.segment_name = playbook.name_english
inner join {{ ref('periods') }} as periods on profiles.as_of_date = periods.as_of_date
where periods.is_latest
order by profiles.customers desc, profiles.segment_name
