{% set features = setting('segmentation_features') %}
{#- What had no part in the segments; `vars: features:` says what it follows from. -#}
{% set held_out = features_with('is_held_out') | reject('in', features) | list %}
{% if var('adapter') == 'orders' %}{% set held_out = [] %}{% endif %}

with segments as (
    select
        as_of_date,
        customer_unique_id,
        cluster,
    from {{ ref('customer_segments') }}
),

periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_described
),

customer_facts as (
    select
        as_of_date,
        customer_unique_id,
        {%- for name in held_out if var('features')[name].of == 'customer_facts' %}
        {{ var('features')[name].column or name }} as {{ name }},
        {%- endfor %}
    from {{ ref('customer_facts') }}
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        {%- for name in held_out if var('features')[name].of == 'rfm' %}
        {{ var('features')[name].column or name }} as {{ name }},
        {%- endfor %}
    from {{ ref('rfm') }}
),

features as (
    select *
    from {{ ref('segmentation_features') }}
),

period_inputs as (
    select
        as_of_date,
        halvings,
        digest_below,
    from {{ ref('period_inputs') }}
),

final as (
    select
        segments.as_of_date,
        segments.customer_unique_id,
        segments.cluster,
        features.is_in_fit,
        {%- for feature in features %}
        features.{{ feature }},
        {%- endfor %}
        {%- for name in held_out %}
        cast({{ var('features')[name].of }}.{{ name }} as double) as {{ name }},
        {%- endfor %}
    from segments
    inner join periods on segments.as_of_date = periods.as_of_date
    inner join customer_facts
        on segments.as_of_date = customer_facts.as_of_date
        and segments.customer_unique_id = customer_facts.customer_unique_id
    inner join rfm
        on segments.as_of_date = rfm.as_of_date
        and segments.customer_unique_id = rfm.customer_unique_id
    inner join features
        on segments.as_of_date = features.as_of_date
        and segments.customer_unique_id = features.customer_unique_id
    inner join period_inputs
        on segments.as_of_date = period_inputs.as_of_date
        and {{ is_measured('segments.customer_unique_id', 'period_inputs') }}
)

select * from final
