{#-
    Raw text to types. Each gives null for a value that is not of the type; refused() tells those apart from empty ones.
    The shape is looked at before the cast, which by itself takes 1_000, 1e3, +5, 0x1F and blanks for numbers.
-#}

{% macro to_key(column) -%}
    {#-
        What names a person, an order or a product, without blanks and invisible characters at its ends: with them it would be
        another one. Empty text, and what programs write for a missing value, names nobody. Nearly every name is printable ASCII
        without blanks at its ends, so that the slower expressions are spared.
    -#}
    {%- set blanks = '[\\p{Z}\\p{Cc}\\p{Cf}]' -%}
    {%- set missing = '[-.?]*|[(<]?null[)>]?|none|nan|nat|<?na>?|#?n/a|n[.]a[.]|nil|undefined|\\\\n' -%}
    case
        when regexp_full_match({{ column }}, '[!-~]([ -~]*[!-~])?') and length({{ column }}) > 9 then {{ column }}
        when regexp_full_match({{ column }}, '(?i){{ blanks }}*({{ missing }}){{ blanks }}*') then null
        else regexp_replace({{ column }}, '^{{ blanks }}+|{{ blanks }}+$', '', 'g')
    end
{%- endmacro %}

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
    {#- Programs that hold integers as doubles write 4.0; DuckDB would cast 4.5 to 5. -#}
    case when regexp_full_match({{ column }}, '-?[0-9]+([.]0+)?') then try_cast({{ column }} as int) end
{%- endmacro %}

{% macro to_money(column) -%}
    {#-
        A cast rounds 12.345 to 12.35: an amount with a third decimal is not an amount in BRL. What differs from its rounding by no
        more than a single-precision number does, and by less than a hundredth of a centavo, is noise: 21.580000000000002. DuckDB
        reads a double 100 times faster than a decimal of more than 18 digits.
    -#}
    case
        when
            regexp_full_match({{ column }}, '-?[0-9]*[.]?[0-9]+')
            and abs(try_cast({{ column }} as double) - cast(try_cast({{ column }} as decimal(14, 2)) as double))
            <= least(0.0001, 0.0000001 * greatest(1, abs(try_cast({{ column }} as double))))
            then try_cast({{ column }} as decimal(14, 2))
    end
{%- endmacro %}

{% macro to_coordinate(column) -%}
    {#- A million points are read: of what the cast takes only the underscore is not a number, and infinity no place. -#}
    case
        when isfinite(try_cast({{ column }} as double)) and not contains({{ column }}, '_') then try_cast({{ column }} as double)
    end
{%- endmacro %}

{% macro to_zip_prefix(column) -%}
    {#- Brazil's prefixes have five digits; one of four has lost the leading zero of the state of São Paulo to a spreadsheet. -#}
    case
        when regexp_full_match({{ column }}, '[0-9]{5}') then {{ column }}
        when regexp_full_match({{ column }}, '[0-9]{4}') then '0' || {{ column }}
    end
{%- endmacro %}

{% macro refused(raw_column, typed_column) -%}
    ({{ raw_column }} is not null and {{ typed_column }} is null)
{%- endmacro %}

{% macro amount_problem(raw_column, amount) -%}
    {#- Branches of a case: why an amount is not accepted. -#}
    when {{ amount }} is null then '{{ raw_column }} is not an amount'
    when {{ amount }} < 0 then '{{ raw_column }} is negative'
    when {{ amount }} > {{ setting('largest_amount') }}
        then '{{ raw_column }} is above {{ "{:,}".format(setting("largest_amount")) }} BRL (var largest_amount)'
{%- endmacro %}
