{#- Raw text to types. Each gives null for a value that is not of the type; refused() tells those apart from empty ones. -#}

{% macro to_timestamp(column) -%}
    {#-
        In UTC, if the time has an offset (10:00:00-03:00, 10:00:00 +0000, 10:00:00Z, 10:00:00 UTC: after the day there is a
        sign or a letter); as it is, if it has none. A file in which some have one and some have not is refused before.
    -#}
    case
        when regexp_matches(substr({{ column }}, 12), '[-+A-Za-z]')
            then try_cast(replace(replace({{ column }}, ' +', '+'), ' -', '-') as timestamptz) at time zone 'UTC'
        else try_cast({{ column }} as timestamp)
    end
{%- endmacro %}

{% macro to_integer(column) -%}
    {#- DuckDB casts '4.5' to 5: a value with a fraction is not an integer. -#}
    case when try_cast({{ column }} as double) = try_cast({{ column }} as int) then try_cast({{ column }} as int) end
{%- endmacro %}

{% macro to_money(column) -%}
    {#-
        A cast rounds '12.345' to 12.35: an amount with a third decimal is not an amount in BRL. No two amounts of up to 14
        digits are the same double, and DuckDB reads one 100 times faster than a decimal of more than 18 digits.
    -#}
    case
        when try_cast({{ column }} as double) = cast(try_cast({{ column }} as decimal(14, 2)) as double)
            then try_cast({{ column }} as decimal(14, 2))
    end
{%- endmacro %}

{% macro to_coordinate(column) -%}
    case when isfinite(try_cast({{ column }} as double)) then try_cast({{ column }} as double) end
{%- endmacro %}

{% macro refused(raw_column, typed_column) -%}
    ({{ raw_column }} is not null and {{ typed_column }} is null)
{%- endmacro %}

{% macro is_zip_prefix(column) -%}
    (length({{ column }}) = 5 and try_cast({{ column }} as int) between 0 and 99999)
{%- endmacro %}
