-- Joins of the view neither lose nor repeat anybody.
with segmented as (
    select
        as_of_date,
        count(*) as customers,
    from {{ ref('customer_segments') }}
    group by as_of_date
),

members as (
    select
        as_of_date,
        count(*) as customers,
    from {{ ref('audience_members') }}
    group by as_of_date
)

select
    segmented.as_of_date,
    segmented.customers,
    members.customers as members,
from segmented
full outer join members on segmented.as_of_date = members.as_of_date
where segmented.customers is distinct from members.customers
