-- Every customer of a date is in one migration to it, and every customer of the date before in one from there.
with segments as (
    select
        as_of_date,
        cluster,
        count(*) as customers,
    from {{ ref('customer_segments') }}
    group by as_of_date, cluster
),

migrations as (
    select *
    from {{ ref('segment_migrations') }}
),

arrived as (
    select
        as_of_date,
        to_cluster as cluster,
        sum(customers) as customers,
    from migrations
    where to_cluster is not null
    group by as_of_date, to_cluster
),

departed as (
    select
        previous_as_of_date as as_of_date,
        from_cluster as cluster,
        sum(customers) as customers,
    from migrations
    where from_cluster is not null
    group by previous_as_of_date, from_cluster
),

first_and_last as (
    select
        min(as_of_date) as first_date,
        max(as_of_date) as last_date,
    from segments
)

select
    segments.as_of_date,
    segments.cluster,
    segments.customers,
    arrived.customers as arrived,
    departed.customers as departed,
from segments
cross join first_and_last
left join arrived
    on segments.as_of_date = arrived.as_of_date
    and segments.cluster = arrived.cluster
left join departed
    on segments.as_of_date = departed.as_of_date
    and segments.cluster = departed.cluster
where
    (segments.as_of_date > first_and_last.first_date and segments.customers is distinct from arrived.customers)
    or (segments.as_of_date < first_and_last.last_date and segments.customers is distinct from departed.customers)
