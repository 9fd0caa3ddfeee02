{#- A view: only the dates of models without rules are read. -#}
{{ config(materialized='view') }}
{% set features = setting('segmentation_features') %}

with features as (
    select *
    from {{ ref('segmentation_features') }}
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        {%- for feature in features %}
        cast({{ feature }} as double) as {{ feature }},
        {%- endfor %}
    from {{ ref('rfm') }}
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
        features.as_of_date,
        features.customer_unique_id,
        {%- for feature in features %}
        features.{{ feature }},
        coalesce(rfm.{{ feature }}, {{ in_own_unit(feature, 'features') }}) as {{ feature }}_own,
        rfm.{{ feature }} is null as {{ feature }}_is_missing,
        {%- endfor %}
    from features
    inner join rfm
        on features.as_of_date = rfm.as_of_date
        and features.customer_unique_id = rfm.customer_unique_id
    inner join period_inputs
        on features.as_of_date = period_inputs.as_of_date
        and {{ is_measured('features.customer_unique_id', 'period_inputs') }}
)

select * from final
