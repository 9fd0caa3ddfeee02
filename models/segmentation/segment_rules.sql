{% set features = features_with('has_limits') %}

with limits as (
    select *
    from {{ ref('segment_rule_limits') }}
),

words as (
    {{ rules_in_words('limits') }}
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
    select
        model_id,
        as_of_date,
        rule,
        cluster,
        {%- for feature in features %}
        max(case when feature = '{{ feature }}' then minimum end) as minimum_{{ feature }},
        max(case when feature = '{{ feature }}' then below end) as below_{{ feature }},
        {%- endfor %}
        customers,
        customers_of_segment,
        segment_customers,
        measured_customers,
        reproduced_customers
    from limits
    group by
        model_id, as_of_date, rule, cluster, customers, customers_of_segment, segment_customers, measured_customers,
        reproduced_customers
),

final as (
    select
        rules.model_id,
        rules.as_of_date,
        rules.rule,
        rules.cluster,
        segments.segment_code,
        segments.segment_name,
        words.rule_english,
        words.rule_french,
        words.rule_sql,
        {%- for feature in features %}
        rules.minimum_{{ feature }},
        rules.below_{{ feature }},
        {%- endfor %}
        rules.customers,
        cast(rules.customers_of_segment as double) / nullif(rules.customers, 0) as rule_precision,
        cast(rules.customers_of_segment as double) / nullif(rules.segment_customers, 0) as rule_recall,
        cast(rules.reproduced_customers as double) / rules.measured_customers as fidelity
    from rules
    inner join words
        on rules.model_id = words.model_id
        and rules.rule = words.rule
    left join segments
        on rules.model_id = segments.model_id
        and rules.cluster = segments.cluster
)

select * from final
