-- Everybody of a date is in one migration to it, and everybody of the date that it is compared with in one from there.
with segments as (
    select
        as_of_date,
        cluster,
        count(*) as customers
    from {{ ref('customer_segments') }}
    group by as_of_date, cluster
),

comparisons as (
    select
        as_of_date,
        comparison_as_of_date
    from {{ ref('period_models') }}
    where comparison_as_of_date is not null
),

migrations as (
    select *
    from {{ ref('segment_migrations') }}
),

expected as (
    select
        comparisons.as_of_date,
        'to' as side,
        segments.cluster,
        segments.customers
    from comparisons
    inner join segments on comparisons.as_of_date = segments.as_of_date
    union all
    select
        comparisons.as_of_date,
        'from' as side,
        segments.cluster,
        segments.customers
    from comparisons
    inner join segments on comparisons.comparison_as_of_date = segments.as_of_date
),

found as (
    select
        as_of_date,
        'to' as side,
        to_cluster as cluster,
        sum(customers) as customers
    from migrations
    where to_cluster is not null
    group by as_of_date, to_cluster
    union all
    select
        as_of_date,
        'from' as side,
        from_cluster as cluster,
        sum(customers) as customers
    from migrations
    where from_cluster is not null
    group by as_of_date, from_cluster
)

select
    coalesce(expected.as_of_date, found.as_of_date) as as_of_date,
    coalesce(expected.side, found.side) as side,
    coalesce(expected.cluster, found.cluster) as cluster,
    expected.customers as expected_customers,
    found.customers as found_customers
from expected
full outer join found
    on expected.as_of_date = found.as_of_date
    and expected.side = found.side
    and expected.cluster = found.cluster
where expected.customers is distinct from found.customers
