{% macro wide_rule_limits(limits) -%}
    {#- One row per model and rule with minimum_<feature> and below_<feature>; without a limit, infinity. -#}
    select
        model_id,
        rule,
        cluster,
        {%- for feature in var('segmentation_features') %}
        coalesce(max(case when feature = '{{ feature }}' then minimum end), cast('-infinity' as double))
            as minimum_{{ feature }},
        coalesce(max(case when feature = '{{ feature }}' then below end), cast('infinity' as double))
            as below_{{ feature }},
        {%- endfor %}
    from {{ limits }}
    group by model_id, rule, cluster
{%- endmacro %}

{% macro in_own_unit(feature, rows) -%}
    {#- The way back from what macro transformed gives, in a relation that has the columns of macro feature_columns. -#}
    {%- set transform = var('feature_transforms').get(feature) -%}
    {%- if transform == 'log1p' -%}
    exp({{ rows }}.{{ feature }}) - 1
    {%- elif transform == 'quantile' -%}
    {{ rows }}.{{ feature }}_in_own_unit
    {%- else -%}
    {{ rows }}.{{ feature }}
    {%- endif -%}
{%- endmacro %}

{% macro filled(template, marks) -%}
    {#- A text with its {marks} replaced by the columns <mark>_text. -#}
    {%- for mark in marks %}replace({% endfor %}{{ template }}
    {%- for mark in marks %}, '{{ '{' ~ mark ~ '}' }}', {{ mark }}_text){% endfor %}
{%- endmacro %}
