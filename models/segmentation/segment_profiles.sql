{% set measures = features_with('is_described') %}
{# Amounts differ so much that counting them would take more memory than their values. #}
{% set counted_measures = measures | select('in', features_with('has_few_values')) | list %}

with assignments as (
    select
        as_of_date,
        customer_unique_id,
        cluster
    from {{ ref('kmeans_assignments') }}
),

period_models as (
    select
        as_of_date,
        model_id,
        is_fallback
    from {{ ref('period_models') }}
),

segments as (
    select
        model_id,
        cluster,
        segment_code,
        segment_name
    from {{ ref('model_segments') }}
),

rules as (
    -- A segment that needs several rules is one or another.
    select
        model_id,
        cluster,
        {{ ordered_list('rule_english', '; or ', 'rule') }} as rule,
        {{ ordered_list('rule_french', ' ; ou ', 'rule') }} as rule_french
    from {{ ref('segment_rules') }}
    group by model_id, cluster
),

french as (
    select
        segment_code,
        name
    from {{ ref('segment_labels') }}
    where language = 'fr'
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        {%- for measure in measures %}
        {{ measure }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('rfm') }}
),

members as (
    -- Names come to the few profiles, not to every customer and date.
    select
        assignments.as_of_date,
        assignments.cluster,
        rfm.* {{ all_but(['as_of_date', 'customer_unique_id']) }}
    from assignments
    inner join rfm
        on assignments.as_of_date = rfm.as_of_date
        and assignments.customer_unique_id = rfm.customer_unique_id
),

profiles as (
    select
        as_of_date,
        cluster,
        count(*) as customers,
        sum(monetary) as revenue,
        {%- for measure in measures if measure not in counted_measures %}
        median(cast({{ measure }} as double)) as median_{{ measure }},
        {%- endfor %}
        {%- for measure in measures %}
        {{ exact_average(measure) }} as mean_{{ measure }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from members
    group by as_of_date, cluster
),

medians as (
    {{ medians_of_few_values('members', ['as_of_date', 'cluster'], counted_measures) }}
),

totals as (
    select
        as_of_date,
        sum(customers) as customers,
        sum(revenue) as revenue
    from profiles
    group by as_of_date
),

final as (
    select
        profiles.as_of_date,
        profiles.cluster,
        segments.segment_code,
        segments.segment_name,
        french.name as segment_name_french,
        rules.rule,
        rules.rule_french,
        cast(profiles.customers as bigint) as customers,
        cast(profiles.customers as double) / totals.customers as customer_share,
        cast(profiles.revenue as decimal(18, 2)) as revenue,
        cast(profiles.revenue as double) / nullif(cast(totals.revenue as double), 0) as revenue_share,
        {%- for measure in measures %}
        {{ 'medians' if measure in counted_measures else 'profiles' }}.median_{{ measure }},
        profiles.mean_{{ measure }},
        {%- endfor %}
        period_models.is_fallback
    from profiles
    inner join period_models on profiles.as_of_date = period_models.as_of_date
    inner join totals on profiles.as_of_date = totals.as_of_date
    inner join medians
        on profiles.as_of_date = medians.as_of_date
        and profiles.cluster = medians.cluster
    left join segments
        on period_models.model_id = segments.model_id
        and profiles.cluster = segments.cluster
    left join rules
        on period_models.model_id = rules.model_id
        and profiles.cluster = rules.cluster
    left join french on segments.segment_code = french.segment_code
)

select * from final
