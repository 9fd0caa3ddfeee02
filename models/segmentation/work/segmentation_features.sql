-- sqlfluff:exclude_rules:layout.indent,references.qualification
-- Nothing is fitted to raw files of which a test failed. depends_on: {{ ref('data_origin') }}
{#- Every column that an outlier rule may name, whether or not a segment is made from it. -#}
{% set ruled_columns = watched_features() %}
{% set features = setting('segmentation_features') %}

with periods as (
    select as_of_date
    from {{ ref('periods') }}
    where is_segmentable
),

rfm as (
    select
        as_of_date,
        customer_unique_id,
        {%- for column in ruled_columns %}
        cast({{ column }} as double) as {{ column }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('rfm') }}
),

{% if var('adapter') == 'olist' -%}
outlier_rules as (
    select
        feature,
        minimum,
        maximum
    from {{ ref('outlier_rules') }}
),
{%- else -%}
-- An amount that is far out in one shop is everyday in another.
outlier_rules as (
    select
        cast(null as string) as feature,
        cast(null as double) as minimum,
        cast(null as double) as maximum
    where false
),
{%- endif %}

limits as (
    select
        {%- for name in ruled_columns %}
        max(case when feature = '{{ name }}' then minimum end) as {{ name }}_minimum,
        min(case when feature = '{{ name }}' then maximum end) as {{ name }}_maximum{% if not loop.last %},{% endif %}
        {%- endfor %}
    from outlier_rules
),

ruled as (
    select
        rfm.*,
        coalesce(
            {%- for column in ruled_columns %}
            {{ 'or ' if not loop.first }}rfm.{{ column }} < limits.{{ column }}_minimum
            or rfm.{{ column }} > limits.{{ column }}_maximum
            {%- endfor %},
            false
        ) as is_outlier
    from rfm
    inner join periods on rfm.as_of_date = periods.as_of_date
    cross join limits
),

gaps as (
    -- A median holds every value in memory: only of dates where one is wanted.
    select distinct as_of_date
    from {{ ref('rfm') }}
    where {{ features | join(' is null or ') }} is null
),

medians as (
    select
        as_of_date,
        {%- for feature in features %}
        median({{ feature }}) filter (where not is_outlier) as {{ feature }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from ruled
    where as_of_date in (select as_of_date from gaps)
    group by as_of_date
),

final as (
    select
        ruled.as_of_date,
        ruled.customer_unique_id,
        {%- for feature in features %}
        {%- set value = 'coalesce(ruled.' ~ feature ~ ', medians.' ~ feature ~ ')' %}
        {{ transformed(feature, value, 'not ruled.is_outlier', 'ruled.as_of_date') }} as {{ feature }},
        {%- if feature ~ '_in_own_unit' in feature_columns() %}
        {{ value }} as {{ feature }}_in_own_unit,
        {%- endif %}
        {%- endfor %}
        {% for feature in features -%}
        {{ 'or ' if not loop.first }}ruled.{{ feature }} is null
        {% endfor -%} as is_imputed,
        not ruled.is_outlier as is_in_fit
    from ruled
    left join medians on ruled.as_of_date = medians.as_of_date
)

select * from final
