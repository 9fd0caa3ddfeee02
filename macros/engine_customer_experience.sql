{#- Engine differences of the customer-experience models; as engine.sql. -#}

{% macro days_late(promised_at, received_at) -%}
    {#- Calendar days from the promised day to the day of receipt; negative when early. -#}
    {{ return(adapter.dispatch('days_late')(promised_at, received_at)) }}
{%- endmacro %}

{% macro duckdb__days_late(promised_at, received_at) -%}
    cast(date_diff('day', cast({{ promised_at }} as date), cast({{ received_at }} as date)) as int)
{%- endmacro %}


{% macro sorted_list(column) -%}
    {#- The different values of a group in alphabetical order, as one text. -#}
    {{ return(adapter.dispatch('sorted_list')(column)) }}
{%- endmacro %}

{% macro duckdb__sorted_list(column) -%}
    string_agg(distinct {{ column }}, ', ' order by {{ column }})
{%- endmacro %}
