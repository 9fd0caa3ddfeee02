{#- Numbers in sentences. -#}

{% macro decimals(expression, places) -%}
    cast(round({{ expression }}, {{ places }}) as decimal(18, {{ places }}))
{%- endmacro %}

{% macro percent(expression, places) -%}
    cast(round(100 * ({{ expression }}), {{ places }}) as decimal(18, {{ places }})) || ' %'
{%- endmacro %}
