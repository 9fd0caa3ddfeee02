{% macro feature_sets() -%}
    {#- Every feature set that is studied, by name; the one in use first. -#}
    {% set sets = {'in_use': var('segmentation_features')} %}
    {% do sets.update(var('other_feature_sets')) %}
    {{ return(sets) }}
{%- endmacro %}

{% macro transformed(feature, expression) -%}
    {#- The values of a feature as the models see them, by var feature_transforms. -#}
    {{ 'ln(1 + ' ~ expression ~ ')' if var('feature_transforms').get(feature) == 'log1p' else expression }}
{%- endmacro %}
