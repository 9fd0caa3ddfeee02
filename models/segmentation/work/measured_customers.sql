{#- A view: its readers ask for few dates. -#}
{{ config(materialized='view') }}
{% set features = setting('segmentation_features') %}
{% set others = setting('study', 'other_feature_sets').values() | sum(start=[]) | unique | list %}
{% set facts = features_of('rfm') %}

with in_use as (
    select *
    from {{ ref('segmentation_features') }}
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        {%- for name, column in facts.items() %}
        cast({{ column }} as double) as {{ name }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('rfm') }}
),

period_inputs as (
    select
        as_of_date,
        halvings,
        digest_below
    from {{ ref('period_inputs') }}
),

final as (
    select
        rfm.*,
        {%- for feature in features %}
        in_use.{{ feature }} as in_use_{{ feature }},
        coalesce(rfm.{{ feature }}, {{ in_own_unit(feature, 'in_use') }}) as own_{{ feature }},
        rfm.{{ feature }} is null as is_missing_{{ feature }},
        {%- endfor %}
        {%- for feature in others %}
        {{ transformed(feature, 'rfm.' ~ feature, 'in_use.is_in_fit', 'rfm.as_of_date') }} as other_{{ feature }},
        {%- endfor %}
        in_use.is_in_fit
    from rfm
    inner join in_use
        on rfm.as_of_date = in_use.as_of_date
        and rfm.customer_unique_id = in_use.customer_unique_id
    inner join period_inputs
        on rfm.as_of_date = period_inputs.as_of_date
        and {{ is_measured('rfm.customer_unique_id', 'period_inputs') }}
)

select * from final
