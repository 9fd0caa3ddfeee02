{#- What Spark says differently: macros/engine.sql of the project has the DuckDB versions. Its raw'…' texts keep their backslashes. -#}

{% macro spark__whole_days(earlier, later) -%}
    {#- timestampdiff(day, …) counts midnights in some versions; a day is whole when the time of day is reached. -#}
    (
        datediff(cast({{ later }} as date), cast({{ earlier }} as date))
        - cast(
            {{ earlier }} - cast(cast({{ earlier }} as date) as timestamp)
            > cast({{ later }} as timestamp) - cast(cast({{ later }} as date) as timestamp) as int
        )
    )
{%- endmacro %}

{% macro spark__month_starts(first_date, last_date) -%}
    explode(sequence(cast({{ first_date }} as date), cast({{ last_date }} as date), interval 1 month))
{%- endmacro %}

{% macro spark__json_object(columns, prefix) -%}
    to_json(struct(
        {%- for column in columns -%}
            {{ prefix }}{{ column }} as `{{ column }}`{{ ', ' if not loop.last }}
        {%- endfor -%}
    ), map('ignoreNullFields', 'false'))
{%- endmacro %}

{% macro spark__rows_fingerprint(columns) -%}
    count(*) || '-' || sum(cast(xxhash64({{ columns | join(', ') }}) as decimal(38, 0)))
{%- endmacro %}

{% macro spark__days_between(first_day, last_day) -%}
    explode(sequence(cast({{ first_day }} as date), cast({{ last_day }} as date), interval 1 day))
{%- endmacro %}

{% macro spark__months_between(first_day, last_day) -%}
    (
        12 * (year({{ last_day }}) - year({{ first_day }})) + month({{ last_day }}) - month({{ first_day }})
    )
{%- endmacro %}

{% macro spark__days_late(promised_at, received_at) -%}
    datediff(cast({{ received_at }} as date), cast({{ promised_at }} as date))
{%- endmacro %}

{% macro spark__sorted_list(column) -%}
    listagg(distinct {{ column }}, ', ') within group (order by {{ column }})
{%- endmacro %}

{% macro spark__ordered_list(value, separator, order_by) -%}
    listagg({{ value }}, '{{ separator }}') within group (order by {{ order_by }})
{%- endmacro %}

{% macro spark__all_but(columns) -%}
    except ({{ columns | join(', ') }})
{%- endmacro %}

{% macro spark__rows_of_list(column) -%}
    inline({{ column }})
{%- endmacro %}

{% macro spark__is_finite(number) -%}
    abs({{ number }}) < double('infinity')
{%- endmacro %}

{% macro spark__stop_with(message) -%}
    raise_error({{ message }})
{%- endmacro %}

{% macro spark__last_known(column) -%}
    last({{ column }}, true)
{%- endmacro %}

{% macro spark__with_thousands(number) -%}
    format_number({{ number }}, 0)
{%- endmacro %}

{% macro spark__matches_whole(text, pattern) -%}
    regexp_like({{ text }}, r'^(?:{{ pattern }})\z')
{%- endmacro %}

{% macro spark__has_match(text, pattern) -%}
    regexp_like({{ text }}, r'{{ pattern }}')
{%- endmacro %}

{% macro spark__without_matches(text, pattern) -%}
    regexp_replace({{ text }}, r'{{ pattern }}', '')
{%- endmacro %}

{% macro spark__time_or_null(text) -%}
    {#- Spark by itself takes 2018 and 2018-01 for times, too, and DuckDB does not. -#}
    case
            when {{ spark__matches_whole(text, time_shape() ~ '[ ]*') }} then try_cast(replace({{ text }}, '/', '-') as timestamp_ntz)
        end
{%- endmacro %}

{% macro spark__time_with_offset_or_null(text) -%}
    {#- The session's time zone is UTC. -#}
    case
            when {{ spark__matches_whole(text, time_shape() ~ '[ ]*(?:Z|UTC|[-+][0-9]{1,2}(?::?[0-9]{2})?)?[ ]*') }}
                then cast(try_cast(replace({{ text }}, '/', '-') as timestamp_ltz) as timestamp_ntz)
        end
{%- endmacro %}

{% macro time_shape() -%}
    {{ return('[ ]*[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}(?:[ T][0-9]{1,2}:[0-9]{1,2}(?::[0-9]{1,2}(?:[.][0-9]{1,9})?)?)?') }}
{%- endmacro %}

{% macro spark__integer_or_null(text) -%}
    try_cast(regexp_replace({{ text }}, '[.]0+$', '') as int)
{%- endmacro %}

{% macro spark__double_or_null(text) -%}
    {#- Java reads 1.5d and 0x1p3, too. -#}
    case
            when {{ spark__matches_whole(text, '[ ]*[-+]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][-+]?[0-9]+)?[ ]*') }} then try_cast({{ text }} as double)
        end
{%- endmacro %}

{% macro spark__sql_text(value) -%}
    {{ return("'" ~ (value | replace("\\", "\\\\") | replace("'", "\\'")) ~ "'") }}
{%- endmacro %}
