{#- Dates weigh as their customers who ordered, or as their money. -#}
{% set z = z_of_interval() %}
{% set by_events = ['auc', 'auc_difference', 'information_share'] %}

with measures as (
    select
        *,
        cast(customers_ordering as double)
        / nullif(sum(customers_ordering) over (partition by alternative), 0) as weight,
        revenue / nullif(sum(revenue) over (partition by alternative), 0) as revenue_weight
    from {{ ref('study_alternatives') }}
    where customers_ordering > 0
),

pooled as (
    select
        alternative,
        count(*) as dates,
        min(as_of_date) as first_as_of_date,
        max(as_of_date) as last_as_of_date,
        max(groups) as groups,
        sum(customers) as customers,
        sum(customers_ordering) as customers_ordering,
        {%- for measure in by_events %}
        sum(weight * {{ measure }}) as {{ measure }},
        {%- endfor %}
        {%- for measure in ['auc', 'auc_difference'] %}
        {{ z }} * sqrt(greatest(sum(weight * weight * {{ measure }}_variance), 0)) as {{ measure }}_reach,
        {%- endfor %}
        sum(revenue_weight * revenue_captured) as revenue_captured,
        {{ z }} * sqrt(sum(revenue_weight * revenue_weight * revenue_captured_variance)) as revenue_captured_reach,
        avg(explained_variance_share) as explained_variance_share,
        avg(silhouette) as silhouette
    from measures
    group by alternative
),

final as (
    select
        alternative,
        cast({{ setting('outcomes', 'comparison_horizon_days') }} as int) as horizon_days,
        cast(dates as int) as dates,
        first_as_of_date,
        last_as_of_date,
        groups,
        cast(customers as bigint) as customers,
        cast(customers_ordering as bigint) as customers_ordering,
        auc,
        auc - auc_reach as auc_low,
        auc + auc_reach as auc_high,
        auc_difference,
        auc_difference - auc_difference_reach as auc_difference_low,
        auc_difference + auc_difference_reach as auc_difference_high,
        revenue_captured,
        revenue_captured - revenue_captured_reach as revenue_captured_low,
        revenue_captured + revenue_captured_reach as revenue_captured_high,
        information_share,
        explained_variance_share,
        silhouette
    from pooled
)

select * from final
