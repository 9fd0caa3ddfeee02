{% set measures = ['recency_days', 'frequency', 'monetary', 'average_review_score'] %}

with segments as (
    select
        as_of_date,
        customer_unique_id,
        cluster,
        segment_name,
        segment_name_french,
        is_fallback,
    from {{ ref('customer_segments') }}
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        {%- for measure in measures %}
        {{ measure }},
        {%- endfor %}
    from {{ ref('rfm') }}
),

profiles as (
    select
        segments.as_of_date,
        segments.cluster,
        segments.segment_name,
        segments.segment_name_french,
        segments.is_fallback,
        count(*) as customers,
        sum(rfm.monetary) as revenue,
        {%- for measure in measures %}
        median(cast(rfm.{{ measure }} as double)) as median_{{ measure }},
        {{ exact_average('rfm.' ~ measure) }} as mean_{{ measure }},
        {%- endfor %}
    from segments
    inner join rfm
        on segments.as_of_date = rfm.as_of_date
        and segments.customer_unique_id = rfm.customer_unique_id
    group by
        segments.as_of_date, segments.cluster, segments.segment_name, segments.segment_name_french,
        segments.is_fallback
),

totals as (
    select
        as_of_date,
        sum(customers) as customers,
        sum(revenue) as revenue,
    from profiles
    group by as_of_date
),

final as (
    select
        profiles.as_of_date,
        profiles.cluster,
        profiles.segment_name,
        profiles.segment_name_french,
        cast(profiles.customers as bigint) as customers,
        cast(profiles.customers as double) / totals.customers as customer_share,
        cast(profiles.revenue as decimal(18, 2)) as revenue,
        cast(profiles.revenue as double) / nullif(cast(totals.revenue as double), 0) as revenue_share,
        {%- for measure in measures %}
        profiles.median_{{ measure }},
        profiles.mean_{{ measure }},
        {%- endfor %}
        profiles.is_fallback,
    from profiles
    inner join totals on profiles.as_of_date = totals.as_of_date
)

select * from final
