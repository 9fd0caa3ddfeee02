{% set features = setting('segmentation_features') %}
{#- What had no part in the segments; `vars: features:` says what it follows from. -#}
{% set held_out = [] %}
{% for name in features_with('is_held_out') if name not in features and has_input(name) %}
{% do held_out.append(name) %}
{% endfor %}

with segments as (
    select
        as_of_date,
        customer_unique_id,
        cluster
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
        {%- for name, column in features_of('customer_facts').items() if name in held_out %}
        cast({{ column }} as double) as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('customer_facts') }}
),

measured as (
    select *
    from {{ ref('measured_customers') }}
),

final as (
    select
        segments.as_of_date,
        segments.customer_unique_id,
        segments.cluster,
        measured.is_in_fit,
        {%- for feature in features %}
        measured.in_use_{{ feature }} as {{ feature }},
        {%- endfor %}
        {%- for name in held_out %}
        {%- set table = 'measured' if name in features_of('rfm') else 'customer_facts' %}
        {{ table }}.{{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from segments
    inner join periods on segments.as_of_date = periods.as_of_date
    inner join customer_facts
        on segments.as_of_date = customer_facts.as_of_date
        and segments.customer_unique_id = customer_facts.customer_unique_id
    inner join measured
        on segments.as_of_date = measured.as_of_date
        and segments.customer_unique_id = measured.customer_unique_id
)

select * from final
