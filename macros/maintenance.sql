{% macro shown(expression, digits=3) -%}
    {#- A number in a sentence. -#}
    cast(cast({{ expression }} as decimal(18, {{ digits }})) as string)
{%- endmacro %}
