-- Joins of the view neither lose nor repeat anybody, and everybody has an action and a reason. In one pass, since each
-- computes the view anew, and at the last date of each model: whoever is known is in it, and segments and their
-- neighbours are the model's. All dates would be joined at once, and with millions of customers fill a disk.
{% set models = ref('period_models') %}
{% set last_of_each = 'as_of_date in (select max(as_of_date) from ' ~ models ~ ' group by model_id)' %}
{% set last_dates = as_of_dates(models, last_of_each) %}

with segmented as (
    select
        as_of_date,
        count(*) as customers
    from {{ ref('customer_segments') }}
    where as_of_date in {{ last_dates }}
    group by as_of_date
),

members as (
    select
        as_of_date,
        count(*) as customers,
        count(
            case when action_english is not null and reason_english is not null and reason_french is not null then 1 end
        ) as complete_customers
    from {{ ref('audience_members') }}
    where as_of_date in {{ last_dates }}
    group by as_of_date
)

select
    segmented.as_of_date,
    segmented.customers,
    members.customers as members,
    members.complete_customers as complete_members
from segmented
full outer join members on segmented.as_of_date = members.as_of_date
where
    segmented.customers is distinct from members.customers
    or members.customers is distinct from members.complete_customers
