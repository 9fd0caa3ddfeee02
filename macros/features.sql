{#- The features, which `vars: features:` of dbt_project.yml states. -#}

{% macro features_with(attribute) -%}
    {#- Names of the features that have an attribute. -#}
    {% set found = [] %}
    {% for name, stated in var('features').items() if stated[attribute] %}{% do found.append(name) %}{% endfor %}
    {{ return(found) }}
{%- endmacro %}

{% macro features_of(table) -%}
    {#- Those that are facts of a table, rfm or customer_facts: name to column there. -#}
    {% set found = {} %}
    {% for name, stated in var('features').items() if stated.of == table %}{% do found.update({name: stated.column or name}) %}{% endfor %}
    {{ return(found) }}
{%- endmacro %}

{% macro watched_features() -%}
    {#- Those that are described, whether used for the segments or not, and every other one in use: drift is measured on them. -#}
    {{ return((features_with('is_described') + setting('segmentation_features')) | unique | list) }}
{%- endmacro %}

{% macro feature_columns() -%}
    {#- The columns of segmentation_features that a fit rests on: a ranked feature has its own unit beside it. -#}
    {% set columns = setting('segmentation_features') | list %}
    {% for feature in setting('segmentation_features') if setting('feature_transforms').get(feature) == 'quantile' %}
        {% do columns.append(feature ~ '_in_own_unit') %}
    {% endfor %}
    {{ return(columns) }}
{%- endmacro %}

{% macro transformed(feature, expression, is_in_fit, within) -%}
    {#-
        The values of a feature as the models see them, by var feature_transforms. A robust feature is as it was: its
        scaler makes the difference (python/customer_segmentation/cluster/transforms.py).
    -#}
    {%- set transform = setting('feature_transforms').get(feature) -%}
    {%- if transform == 'log1p' -%}
    {{ natural_logarithm('1 + greatest(' ~ expression ~ ', 0)') }}
    {%- elif transform == 'quantile' -%}
    {{ mid_rank(expression, is_in_fit, within) }}
    {%- else -%}
    {{ expression }}
    {%- endif -%}
{%- endmacro %}

{% macro mid_rank(expression, is_in_fit, within) -%}
    {#-
        The share of the rows in the fit that are lower, plus half of those that are equal: 0 to 1, and on average 0.5
        over them. Any other row gets the share that its value has among them; null stays null. Source: the
        mid-distribution function (Parzen 2004), the uniform rank transform of Conover and Iman (1981) with ties kept together.
        within: what a rank is counted within, such as the as-of date.
    -#}
    {%- set fitted = 'count(case when ' ~ is_in_fit ~ ' then ' ~ expression ~ ' end)' -%}
    case
            when {{ expression }} is not null
                then (
                    {{ fitted }} over (partition by {{ within }} order by {{ expression }} nulls last)
                    - {{ fitted }} over (partition by {{ within }}, {{ expression }}) / cast(2 as double)
                ) / nullif({{ fitted }} over (partition by {{ within }}), 0)
        end
{%- endmacro %}
