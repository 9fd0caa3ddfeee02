{#- A row for every day, both ends included. Another engine adds its own `<adapter>__` version. -#}

{% macro days_between(first_day, last_day) -%}
    {{ return(adapter.dispatch('days_between')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__days_between(first_day, last_day) -%}
    unnest(generate_series(cast(cast({{ first_day }} as date) as timestamp), cast({{ last_day }} as timestamp), interval 1 day))
{%- endmacro %}
