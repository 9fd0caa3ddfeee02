with windows as (
    select
        as_of_date,
        horizon_days,
        is_sparse,
        is_pooled
    from {{ ref('outcome_windows') }}
),

profiles as (
    select
        as_of_date,
        cluster,
        segment_code,
        segment_name,
        customers
    from {{ ref('segment_profiles') }}
),

returns as (
    select
        as_of_date,
        horizon_days,
        cluster,
        count(*) as customers_ordering,
        sum(orders) as orders,
        sum(revenue) as revenue
    from {{ ref('later_orders') }}
    group by as_of_date, horizon_days, cluster
),

outcomes as (
    select
        profiles.*,
        windows.horizon_days,
        windows.is_sparse,
        windows.is_pooled,
        coalesce(returns.customers_ordering, 0) as customers_ordering,
        coalesce(returns.orders, 0) as orders,
        coalesce(returns.revenue, 0) as revenue
    from profiles
    inner join windows on profiles.as_of_date = windows.as_of_date
    left join returns
        on profiles.as_of_date = returns.as_of_date
        and windows.horizon_days = returns.horizon_days
        and profiles.cluster = returns.cluster
),

overall as (
    select
        as_of_date,
        horizon_days,
        cast(sum(customers_ordering) as double) / sum(customers) as ordering_share
    from outcomes
    group by as_of_date, horizon_days
),

final as (
    select
        outcomes.as_of_date,
        outcomes.horizon_days,
        outcomes.cluster,
        outcomes.segment_code,
        outcomes.segment_name,
        outcomes.customers,
        cast(outcomes.customers_ordering as bigint) as customers_ordering,
        cast(outcomes.customers_ordering as double) / outcomes.customers as ordering_share,
        {{ wilson('outcomes.customers_ordering', 'outcomes.customers', 'low') }} as share_low,
        {{ wilson('outcomes.customers_ordering', 'outcomes.customers', 'high') }} as share_high,
        cast(outcomes.customers_ordering as double) / outcomes.customers / nullif(overall.ordering_share, 0) as lift,
        cast(outcomes.orders as bigint) as orders,
        cast(outcomes.revenue as decimal(18, 2)) as revenue,
        cast(outcomes.revenue as double) / outcomes.customers as revenue_per_customer,
        outcomes.is_sparse,
        outcomes.is_pooled
    from outcomes
    inner join overall
        on outcomes.as_of_date = overall.as_of_date
        and outcomes.horizon_days = overall.horizon_days
)

select * from final
