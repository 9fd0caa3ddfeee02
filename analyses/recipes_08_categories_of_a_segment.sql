-- What the big spenders buy more often than everybody: categories with 20 of them or more.
with people as (
    select
        main_category,
        case when segment_name = 'Big spenders' then 1 else 0 end as is_in_segment
    from {{ ref('customer_360') }}
    where main_category is not null
),

overall as (
    select avg(is_in_segment) as share
    from people
)

select
    people.main_category,
    sum(people.is_in_segment) as customers,
    round(avg(people.is_in_segment) / any_value(overall.share), 2) as lift
from people
cross join overall
group by people.main_category
having sum(people.is_in_segment) >= 20
order by lift desc, people.main_category
