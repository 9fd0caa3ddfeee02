{% macro exact_average(column) -%}
    {#- A mean whose bits do not depend on the order in which threads add: the sum is of decimals. -#}
    cast(sum(cast({{ column }} as decimal(18, 6))) as double) / nullif(count({{ column }}), 0)
{%- endmacro %}

{% macro weighted_average(column, weight) -%}
    {#- The same for rows that stand for several. -#}
    cast(sum(cast({{ column }} as decimal(18, 6)) * {{ weight }}) as double) / nullif(sum({{ weight }}), 0)
{%- endmacro %}
