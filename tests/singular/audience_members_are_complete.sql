-- Joins of the view neither lose nor repeat anybody, and everybody has an action and a reason. In one pass, since each
-- computes the view anew, and date by date, since what is joined then stays small.
{% set days = listed_as_of_dates(ref('periods'), 'true') or [] %}

with segmented as (
    select
        as_of_date,
        count(*) as customers
    from {{ ref('customer_segments') }}
    group by as_of_date
),

members as (
    {% for day in days or [none] -%}
    select
        as_of_date,
        count(*) as customers,
        count(
            case when action_english is not null and reason_english is not null and reason_french is not null then 1 end
        ) as complete_customers
    from {{ ref('audience_members') }}
    {% if day %}where as_of_date = date '{{ day }}'{% endif %}
    group by as_of_date
    {{ 'union all' if not loop.last }}
    {% endfor -%}
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
