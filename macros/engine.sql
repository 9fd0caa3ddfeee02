{#- The few things that engines say differently. Another engine adds its own `<adapter>__` version. -#}

{% macro whole_days(earlier, later) -%}
    {{ return(adapter.dispatch('whole_days')(earlier, later)) }}
{%- endmacro %}

{% macro duckdb__whole_days(earlier, later) -%}
    cast(date_sub('day', {{ earlier }}, cast({{ later }} as timestamp)) as int)
{%- endmacro %}

{% macro month_starts(first_date, last_date) -%}
    {#- A row for the first date, and for the same day of every later month up to the last. A column of its own: no expression may be around it. -#}
    {{ return(adapter.dispatch('month_starts')(first_date, last_date)) }}
{%- endmacro %}

{% macro duckdb__month_starts(first_date, last_date) -%}
    cast(unnest(generate_series(cast({{ first_date }} as timestamp), cast({{ last_date }} as timestamp), interval 1 month)) as date)
{%- endmacro %}

{% macro json_object(columns, prefix='') -%}
    {#- A text of names and values; with a prefix, those of the columns that are called so with it before. -#}
    {{ return(adapter.dispatch('json_object')(columns, prefix)) }}
{%- endmacro %}

{% macro duckdb__json_object(columns, prefix) -%}
    cast(to_json(struct_pack(
        {%- for column in columns -%}
            {{ '"' ~ column ~ '"' if prefix else column }} := {{ prefix }}{{ column }}{{ ', ' if not loop.last }}
        {%- endfor -%}
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

{% macro days_between(first_day, last_day) -%}
    {#- A row for every day, both ends included. A column of its own, too. -#}
    {{ return(adapter.dispatch('days_between')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__days_between(first_day, last_day) -%}
    cast(unnest(generate_series(cast(cast({{ first_day }} as date) as timestamp), cast({{ last_day }} as timestamp), interval 1 day)) as date)
{%- endmacro %}

{% macro months_between(first_day, last_day) -%}
    {#- How many firsts of a month lie after the first day, up to the last. -#}
    {{ return(adapter.dispatch('months_between')(first_day, last_day)) }}
{%- endmacro %}

{% macro duckdb__months_between(first_day, last_day) -%}
    date_diff('month', cast({{ first_day }} as date), cast({{ last_day }} as date))
{%- endmacro %}

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

{% macro ordered_list(value, separator, order_by) -%}
    {#- The values of a group as one text, in a stated order; `filter (where …)` may follow. -#}
    {{ return(adapter.dispatch('ordered_list')(value, separator, order_by)) }}
{%- endmacro %}

{% macro duckdb__ordered_list(value, separator, order_by) -%}
    string_agg({{ value }}, '{{ separator }}' order by {{ order_by }})
{%- endmacro %}

{% macro all_but(columns) -%}
    {#- After a star: all columns but these. -#}
    {{ return(adapter.dispatch('all_but')(columns)) }}
{%- endmacro %}

{% macro duckdb__all_but(columns) -%}
    exclude ({{ columns | join(', ') }})
{%- endmacro %}

{% macro rows_of_list(column) -%}
    {#- A row for each struct in a list, with the struct's fields as columns. -#}
    {{ return(adapter.dispatch('rows_of_list')(column)) }}
{%- endmacro %}

{% macro duckdb__rows_of_list(column) -%}
    unnest({{ column }}, recursive := true)
{%- endmacro %}

{% macro is_finite(number) -%}
    {{ return(adapter.dispatch('is_finite')(number)) }}
{%- endmacro %}

{% macro duckdb__is_finite(number) -%}
    isfinite({{ number }})
{%- endmacro %}

{% macro natural_logarithm(number) -%}
    {#- To the last bit: C and Java differ in it. -#}
    {{ return(adapter.dispatch('natural_logarithm')(number)) }}
{%- endmacro %}

{% macro duckdb__natural_logarithm(number) -%}
    ln({{ number }})
{%- endmacro %}

{% macro exponential(number) -%}
    {#- To the last bit, too. -#}
    {{ return(adapter.dispatch('exponential')(number)) }}
{%- endmacro %}

{% macro duckdb__exponential(number) -%}
    exp({{ number }})
{%- endmacro %}

{% macro stop_with(message) -%}
    {#- An expression that ends the query with a message, itself an expression. -#}
    {{ return(adapter.dispatch('stop_with')(message)) }}
{%- endmacro %}

{% macro duckdb__stop_with(message) -%}
    error({{ message }})
{%- endmacro %}

{% macro nulls_last(keys) -%}
    {#- Keys of an order that may be null: DuckDB puts null last, Spark first, unless it is said. -#}
    {%- for key in keys %}{{ key }} nulls last{{ ', ' if not loop.last }}{% endfor -%}
{%- endmacro %}

{% macro last_known(column) -%}
    {#- The last value in a window that is not null; `over (…)` follows. -#}
    {{ return(adapter.dispatch('last_known')(column)) }}
{%- endmacro %}

{% macro duckdb__last_known(column) -%}
    last_value({{ column }} ignore nulls)
{%- endmacro %}

{% macro with_thousands(number) -%}
    {#- A whole number as text, with commas between thousands. -#}
    {{ return(adapter.dispatch('with_thousands')(number)) }}
{%- endmacro %}

{% macro duckdb__with_thousands(number) -%}
    format('{:,}', {{ number }})
{%- endmacro %}

{% macro matches_whole(text, pattern) -%}
    {#- Whether a text is as a pattern says, from its beginning to its end. Patterns are in words that RE2 and Java know. -#}
    {{ return(adapter.dispatch('matches_whole')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__matches_whole(text, pattern) -%}
    regexp_full_match({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro has_match(text, pattern) -%}
    {{ return(adapter.dispatch('has_match')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__has_match(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro without_matches(text, pattern) -%}
    {#- Without anything that is as the pattern says. -#}
    {{ return(adapter.dispatch('without_matches')(text, pattern)) }}
{%- endmacro %}

{% macro duckdb__without_matches(text, pattern) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '', 'g')
{%- endmacro %}

{% macro time_or_null(text) -%}
    {#- The time that a text without an offset says. -#}
    {{ return(adapter.dispatch('time_or_null')(text)) }}
{%- endmacro %}

{% macro duckdb__time_or_null(text) -%}
    try_cast({{ text }} as timestamp)
{%- endmacro %}

{% macro time_with_offset_or_null(text) -%}
    {#- The same in UTC, for a text with an offset. -#}
    {{ return(adapter.dispatch('time_with_offset_or_null')(text)) }}
{%- endmacro %}

{% macro duckdb__time_with_offset_or_null(text) -%}
    try_cast({{ text }} as timestamptz) at time zone 'UTC'
{%- endmacro %}

{% macro integer_or_null(text) -%}
    {#- Of digits, which may be followed by a point and zeros. -#}
    {{ return(adapter.dispatch('integer_or_null')(text)) }}
{%- endmacro %}

{% macro duckdb__integer_or_null(text) -%}
    try_cast({{ text }} as int)
{%- endmacro %}

{% macro double_or_null(text) -%}
    {{ return(adapter.dispatch('double_or_null')(text)) }}
{%- endmacro %}

{% macro duckdb__double_or_null(text) -%}
    try_cast({{ text }} as double)
{%- endmacro %}
