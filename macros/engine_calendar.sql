{#- What engines say differently about days and months. Another engine adds its own `<adapter>__` version. -#}

{% macro days_between(first_day, last_day) -%}
    {#- A row for every day, both ends included. -#}
    {{ return(adapter.dispatch('days_between')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__days_between(first_day, last_day) -%}
    unnest(generate_series(cast(cast({{ first_day }} as date) as timestamp), cast({{ last_day }} as timestamp), interval 1 day))
{%- endmacro %}


{% macro months_between(first_day, last_day) -%}
    {#- How many firsts of a month lie after the first day, up to the last. -#}
    {{ return(adapter.dispatch('months_between')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__months_between(first_day, last_day) -%}
    date_diff('month', cast({{ first_day }} as date), cast({{ last_day }} as date))
{%- endmacro %}
