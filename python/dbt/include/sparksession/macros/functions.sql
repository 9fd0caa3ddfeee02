{#- Functions of dbt.adapters.sparksession.functions: those of C, as DuckDB and Python have them. -#}

{% macro spark__natural_logarithm(number) -%}
    c_logarithm({{ number }})
{%- endmacro %}

{% macro spark__exponential(number) -%}
    c_exponential({{ number }})
{%- endmacro %}
