{{ config(materialized='view') }}

with profiles as (
    select
        as_of_date,
        cluster,
        segment_code,
        segment_name,
        customers,
        customer_share,
        revenue_share,
        rule
    from {{ ref('segment_profiles') }}
    where as_of_date = (select max(as_of_date) from {{ ref('segment_profiles') }})
),

history as (
    select
        segment_code,
        min(customer_share) as lowest_share,
        max(customer_share) as highest_share
    from {{ ref('segment_profiles') }}
    where as_of_date >= (select max(as_of_date) - interval 1 year from profiles)
    group by segment_code
),

rules as (
    select
        as_of_date,
        cluster,
        cast(agreed_customers as double) / nullif(segment_customers, 0) as recall,
        cast(agreed_customers as double) / nullif(rule_customers, 0) as precision_share
    from {{ ref('segment_rules_in_force') }}
),

members as (
    select
        as_of_date,
        customer_unique_id,
        segment_code
    from {{ ref('customer_segments') }}
    where as_of_date = (select max(as_of_date) from profiles)
),

places as (
    select
        members.segment_code,
        cast(count(customers.customer_state) as double) / count(*) as placed_share
    from members
    inner join {{ ref('customers') }} as customers on members.customer_unique_id = customers.customer_unique_id
    group by members.segment_code
),

actions as (
    select
        segment_code,
        action,
        channel,
        count(*) over (partition by action) as segments_with_action
    from {{ ref('segment_actions') }}
    where language = 'en'
),

advice as (
    select
        segment_code,
        count(*) as actions,
        count(channel) as channels,
        count(case when segments_with_action = 1 then 1 end) as own_actions
    from actions
    group by segment_code
),

stability as (
    -- Of the comparison's K-means with as many clusters as are in use: its numbers are those of customer_segments.
    select
        cluster,
        as_of_date as compared_as_of_date,
        mean_jaccard,
        excess_jaccard,
        verdict as stability_verdict,
        resamples
    from {{ ref('cluster_stability') }}
    where
        feature_set = 'in_use'
        and algorithm = 'kmeans'
        and n_clusters = {{ setting('n_clusters') }}
        and resamples > 0
),

outcomes as (
    select
        *,
        expected_ordering / nullif(customers, 0) as expected_share,
        {{ wilson('customers_ordering', 'customers', 'low', z_of_several()) }} as share_low_of_several,
        {{ wilson('customers_ordering', 'customers', 'high', z_of_several()) }} as share_high_of_several
    from {{ ref('segment_outcomes_pooled') }}
    where horizon_days = {{ setting('outcomes', 'comparison_horizon_days') }}
),

final as (
    select
        profiles.*,
        rules.recall,
        rules.precision_share,
        history.lowest_share,
        history.highest_share,
        places.placed_share,
        coalesce(advice.actions, 0) as actions,
        coalesce(advice.channels, 0) as channels,
        coalesce(advice.own_actions, 0) as own_actions,
        stability.compared_as_of_date,
        stability.mean_jaccard,
        stability.excess_jaccard,
        stability.stability_verdict,
        stability.resamples,
        outcomes.ordering_share,
        outcomes.share_low,
        outcomes.share_high,
        outcomes.share_low_of_several,
        outcomes.share_high_of_several,
        outcomes.expected_share,
        outcomes.lift_at_same_dates,
        outcomes.customers_ordering
    from profiles
    left join history on profiles.segment_code = history.segment_code
    left join rules
        on profiles.as_of_date = rules.as_of_date
        and profiles.cluster = rules.cluster
    left join places on profiles.segment_code = places.segment_code
    left join advice on profiles.segment_code = advice.segment_code
    left join stability on profiles.cluster = stability.cluster
    left join outcomes on profiles.segment_code = outcomes.segment_code
)

select * from final
