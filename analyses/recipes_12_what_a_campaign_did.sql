-- What a campaign did that went out on an as-of date: those it reached against the control group of the audience files.
-- Put the date of the campaign's files in place of the latest date whose 30 days are complete.
with outcomes as (
    select *
    from {{ ref('control_outcomes') }}
    where horizon_days = 30 and not is_sparse
),

campaign as (
    select max(as_of_date) as as_of_date
    from outcomes
)

select
    outcomes.as_of_date,
    segment_name,
    treated_customers,
    control_customers,
    round(100 * treated_share, 2) as treated_percent,
    round(100 * control_share, 2) as control_percent,
    round(100 * difference_low, 2) as points_more_from,
    round(100 * difference_high, 2) as points_more_to,
    round(revenue_difference, 2) as money_more_per_customer,
    round(revenue_difference_low, 2) as money_more_from,
    round(revenue_difference_high, 2) as money_more_to,
    customers_needed,
    treated_customers + control_customers >= customers_needed as is_large_enough
from outcomes
inner join campaign on outcomes.as_of_date = campaign.as_of_date
order by segment_name
