with outcomes as (
    select
        as_of_date,
        horizon_days,
        segment_code,
        segment_name,
        customers,
        customers_ordering,
        orders,
        revenue,
        -- What would be expected of the segment if its customers were like all of the date.
        customers * cast(sum(customers_ordering) over (partition by as_of_date, horizon_days) as double)
        / sum(customers) over (partition by as_of_date, horizon_days) as expected_ordering
    from {{ ref('segment_outcomes') }}
    where is_pooled
),

pooled as (
    select
        horizon_days,
        segment_code,
        segment_name,
        count(distinct as_of_date) as dates,
        min(as_of_date) as first_as_of_date,
        max(as_of_date) as last_as_of_date,
        sum(customers) as customers,
        sum(customers_ordering) as customers_ordering,
        sum(orders) as orders,
        sum(revenue) as revenue,
        cast(sum(cast(expected_ordering as decimal(18, 6))) as double) as expected_ordering
    from outcomes
    group by horizon_days, segment_code, segment_name
),

overall as (
    select
        horizon_days,
        cast(sum(customers_ordering) as double) / sum(customers) as ordering_share
    from pooled
    group by horizon_days
),

final as (
    select
        pooled.horizon_days,
        pooled.segment_code,
        pooled.segment_name,
        cast(pooled.dates as int) as dates,
        pooled.first_as_of_date,
        pooled.last_as_of_date,
        cast(pooled.customers as bigint) as customers,
        cast(pooled.customers_ordering as bigint) as customers_ordering,
        cast(pooled.customers_ordering as double) / pooled.customers as ordering_share,
        {{ wilson('pooled.customers_ordering', 'pooled.customers', 'low') }} as share_low,
        {{ wilson('pooled.customers_ordering', 'pooled.customers', 'high') }} as share_high,
        cast(pooled.customers_ordering as double) / pooled.customers / nullif(overall.ordering_share, 0) as lift,
        pooled.expected_ordering,
        pooled.customers_ordering / nullif(pooled.expected_ordering, 0) as lift_at_same_dates,
        cast(pooled.orders as bigint) as orders,
        cast(pooled.revenue as decimal(18, 2)) as revenue,
        cast(pooled.revenue as double) / pooled.customers as revenue_per_customer
    from pooled
    inner join overall on pooled.horizon_days = overall.horizon_days
)

select * from final
