{#- Every column of a feature set, and the held-out ones on which segments are compared as well. -#}
{% set features = [] %}
{% for columns in var('feature_sets').values() %}
{% for column in columns if column not in features %}{% do features.append(column) %}{% endfor %}
{% endfor %}

with fitted as (
    select
        as_of_date,
        customer_unique_id,
        is_in_fit,
    from {{ ref('segmentation_features') }}
),

periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_studied
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

final as (
    select
        rfm.*,
        fitted.is_in_fit,
    from rfm
    inner join periods on rfm.as_of_date = periods.as_of_date
    inner join fitted
        on rfm.as_of_date = fitted.as_of_date
        and rfm.customer_unique_id = fitted.customer_unique_id
)

select * from final
