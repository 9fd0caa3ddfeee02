{#-
    Features of the set in use come as the models see them (imputed, transformed), under the name in_use_<feature>; those
    of the other sets are transformed but stay missing, under the name other_<feature>.
-#}
{% set described = features_with('is_described') %}
{% set others = [] %}
{% for columns in setting('study', 'other_feature_sets').values() %}
{% for column in columns if column not in others %}{% do others.append(column) %}{% endfor %}
{% endfor %}

with in_use as (
    select *
    from {{ ref('segmentation_features') }}
),

periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_compared
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        {%- for column in described %}
        cast({{ column }} as double) as {{ column }},
        {%- endfor %}
        {%- for feature in others %}
        cast({{ feature }} as double) as other_{{ feature }},
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
        rfm.as_of_date,
        rfm.customer_unique_id,
        {%- for column in described %}
        rfm.{{ column }},
        {%- endfor %}
        {%- for feature in others %}
        {{ transformed(feature, 'rfm.other_' ~ feature, 'in_use.is_in_fit', 'rfm.as_of_date') }} as other_{{ feature }},
        {%- endfor %}
        {%- for feature in setting('segmentation_features') %}
        in_use.{{ feature }} as in_use_{{ feature }},
        {%- endfor %}
        in_use.is_in_fit,
    from rfm
    inner join periods on rfm.as_of_date = periods.as_of_date
    inner join in_use
        on rfm.as_of_date = in_use.as_of_date
        and rfm.customer_unique_id = in_use.customer_unique_id
    inner join period_inputs
        on rfm.as_of_date = period_inputs.as_of_date
        and {{ is_measured('rfm.customer_unique_id', 'period_inputs') }}
)

select * from final
