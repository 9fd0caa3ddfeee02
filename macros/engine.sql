{#- The few things that engines say differently. Another engine adds its own `<adapter>__` version. -#}

{% macro whole_days(earlier, later) -%}
    {{ return(adapter.dispatch('whole_days')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__whole_days(earlier, later) -%}
    cast(date_sub('day', {{ earlier }}, cast({{ later }} as timestamp)) as int)
{%- endmacro %}


{% macro month_starts(first_date, last_date) -%}
    {{ return(adapter.dispatch('month_starts')(first_date, last_date)) }}
{%- endmacro %}

{% macro duckdb__month_starts(first_date, last_date) -%}
    unnest(generate_series(cast({{ first_date }} as timestamp), cast({{ last_date }} as timestamp), interval 1 month))
{%- endmacro %}


{% macro json_object(columns) -%}
    {{ return(adapter.dispatch('json_object')(columns)) }}
{%- endmacro %}

{% macro duckdb__json_object(columns) -%}
    cast(to_json(struct_pack(
        {%- for column in columns %}{{ column }} := {{ column }}{{ ', ' if not loop.last }}{% endfor -%}
    )) as string)
{%- endmacro %}


{% macro rows_fingerprint(columns) -%}
    {#- A text that changes when a row of the group does, whatever the order of the rows. -#}
    {{ return(adapter.dispatch('rows_fingerprint')(columns)) }}
{%- endmacro %}

{% macro duckdb__rows_fingerprint(columns) -%}
    {#- A sum, not an exclusive or, so that a row that occurs twice does not cancel itself. -#}
    count(*) || '-' || sum(hash({{ columns | join(', ') }}))
{%- endmacro %}
