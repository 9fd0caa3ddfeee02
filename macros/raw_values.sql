{#-
    Raw text to types, and why a value is not accepted. Each to_… gives null for a value that is not of the type; refused() tells those
    apart from empty ones. The shape is looked at before the cast, which by itself takes 1_000, 1e3, +5, 0x1F and blanks for numbers.
    Times that can be read may still not be right: infinity, the year 1018 or 9999, tomorrow, a year apart from all others.
-#}

{% macro to_key(column) -%}
    {#-
        What names a person, an order or a product, without blanks and invisible characters at its ends: with them it would be
        another one. Empty text, and what programs write for a missing value, names nobody. Nearly every name begins and ends with
        printable ASCII, and is longer than what is written for a missing value or begins with another letter: its ends are
        compared, which takes a quarter of the time of the patterns.
    -#}
    {%- set blanks = '[\\p{Z}\\p{Cc}\\p{Cf}]' -%}
    {%- set missing = '[-.?]*|[(<]?null[)>]?|none|nan|nat|<?na>?|#?n/a|n[.]a[.]|nil|undefined|\\\\n' -%}
    case
        when
            {{ column }} between '!' and '~'
            and substr({{ column }}, -1) between '!' and '~'
            and (length({{ column }}) > 9 or ({{ column }} >= 'a' and {{ column }} < 'n'))
            then {{ column }}
        when {{ matches_whole(column, '(?i)' ~ blanks ~ '*(' ~ missing ~ ')' ~ blanks ~ '*') }} then null
        else {{ without_matches(column, '^' ~ blanks ~ '+|' ~ blanks ~ '+$') }}
    end
{%- endmacro %}

{% macro to_timestamp(column) -%}
    {#-
        In UTC, if the time has an offset (10:00:00-03:00, 10:00:00 +0000, 10:00:00Z, 10:00:00 UTC: after the day there is a
        sign or a letter); as it is, if it has none. A file in which some have one and some have not is refused before.
        A time written as most are leaves no room for an offset, so that the pattern is spared.
    -#}
    coalesce(
        case when {{ column }} like '____-__-__ __:__:__' then {{ time_or_null(column) }} end,
        case
            when {{ has_match('substr(' ~ column ~ ', 12)', '[-+A-Za-z]') }}
                then {{ time_with_offset_or_null("replace(replace(" ~ column ~ ", ' +', '+'), ' -', '-')") }}
            else {{ time_or_null(column) }}
        end
    )
{%- endmacro %}

{% macro to_integer(column) -%}
    {#- Programs that hold integers as doubles write 4.0; DuckDB would cast 4.5 to 5. Most are one digit, which needs no pattern. -#}
    case
        when {{ column }} between '0' and '9' and length({{ column }}) = 1 then {{ integer_or_null(column) }}
        when {{ matches_whole(column, '-?[0-9]+([.]0+)?') }} then {{ integer_or_null(column) }}
    end
{%- endmacro %}

{% macro to_money(column) -%}
    {#-
        A cast rounds 12.345 to 12.35: an amount with a third decimal is not an amount in BRL. What differs from its rounding by no
        more than a single-precision number does, and by less than a hundredth of a centavo, is noise: 21.580000000000002. DuckDB
        reads a double 100 times faster than a decimal of more than 18 digits. An amount that is written as it would be written
        back, as nearly all are, needs no second look.
    -#}
    case
        when cast(try_cast({{ column }} as decimal(14, 2)) as string) = {{ column }}
            then try_cast({{ column }} as decimal(14, 2))
        when
            {{ matches_whole(column, '-?[0-9]*[.]?[0-9]+') }}
            and abs(try_cast({{ column }} as double) - cast(try_cast({{ column }} as decimal(14, 2)) as double))
            <= least(0.0001, 0.0000001 * greatest(1, abs(try_cast({{ column }} as double))))
            then try_cast({{ column }} as decimal(14, 2))
    end
{%- endmacro %}

{% macro to_coordinate(column) -%}
    {#- A million points are read: of what the cast takes only the underscore is not a number, and infinity no place. -#}
    case
        when {{ is_finite(double_or_null(column)) }} and not contains({{ column }}, '_') then {{ double_or_null(column) }}
    end
{%- endmacro %}

{% macro to_zip_prefix(column) -%}
    {#- Brazil's prefixes have five digits; one of four has lost the leading zero of the state of São Paulo to a spreadsheet. -#}
    case
        when {{ matches_whole(column, '[0-9]{5}') }} then {{ column }}
        when {{ matches_whole(column, '[0-9]{4}') }} then '0' || {{ column }}
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

{% macro first_possible_year() -%}{{ return(1900) }}{%- endmacro %}

{% macro last_possible_year() -%}{{ return(2199) }}{%- endmacro %}

{% macro clock_of_the_build() -%}
    {#- When the run began, UTC, and a day more for the time zones: what is later has not happened. -#}
    {% set clock = run_started_at.astimezone(modules.pytz.utc) + modules.datetime.timedelta(days=1) %}
    {{ return("timestamp '" ~ clock.strftime('%Y-%m-%d %H:%M:%S') ~ "'") }}
{%- endmacro %}

{% macro time_problem(raw_column, time, has_happened=true) -%}
    {#- Branches of a case: why a time is not accepted. One that is empty is; a plan, such as a promised day, may lie ahead. -#}
    when {{ refused(raw_column, time) }} then '{{ raw_column }} is not a time'
    when
        {{ time }} < timestamp '{{ first_possible_year() }}-01-01'
        or {{ time }} > timestamp '{{ last_possible_year() }}-12-31 23:59:59.999999'
        then '{{ raw_column }} is not between the years {{ first_possible_year() }} and {{ last_possible_year() }}: correct it'
    {% if has_happened and not setting('allow_future_times') -%}
    when {{ time }} > {{ clock_of_the_build() }}
        then '{{ raw_column }} is later than the clock of this build: correct it, or set var allow_future_times'
    {%- endif %}
{%- endmacro %}

{% macro order_of_times_problem(raw_column, purchased_at, approved_at, promised_at, delivered_at) -%}
    {#-
        Branches of a case: a purchase whose year was mistyped contradicts the times of its own order. None of them lies before
        the purchase in sound data, so a month of slack is much; a parcel may be on its way for more than a year, while approval
        and promise are near.
    -#}
    {% if setting('largest_gap_days') is not none -%}
    when {{ purchased_at }} > least({{ approved_at }}, {{ promised_at }}, {{ delivered_at }}) + interval 30 day
        then '{{ raw_column }} is more than 30 days after the approval, promised day or delivery of its order: correct the year'
    when {{ purchased_at }} < greatest({{ approved_at }}, {{ promised_at }}) - interval {{ setting('largest_gap_days') }} day
        then '{{ raw_column }} is more than {{ setting("largest_gap_days") }} days before the approval or promised day of its order: '
            || 'correct the year, or raise var largest_gap_days'
    {%- endif %}
{%- endmacro %}

{% macro main_stretch(rows, time) -%}
    {#-
        First and last day of the stretch of days that holds most of the rows, one row. Two days belong to one stretch when no gap of
        more than largest_gap_days lies between them; of two equal stretches the later one is taken.
    -#}
    {% if setting('largest_gap_days') is none -%}
    select
        date '{{ first_possible_year() }}-01-01' as first_day,
        date '{{ last_possible_year() }}-12-31' as last_day,
    {%- else -%}
    select
        min(first_day) as first_day,
        min(last_day) as last_day
    from (
        select
            min(day) as first_day,
            max(day) as last_day
        from (
            select
                day,
                row_count,
                sum(gap) over (order by day) as stretch
            from (
                select
                    day,
                    row_count,
                    case when {{ days_late('lag(day) over (order by day)', 'day') }} > {{ setting('largest_gap_days') }} then 1 else 0 end as gap
                from (
                    select
                        cast({{ time }} as date) as day,
                        count(*) as row_count
                    from {{ rows }}
                    group by 1
                ) as days
            ) as gaps
        ) as stretches
        group by stretch
        order by sum(row_count) desc, last_day desc
        limit 1
    ) as main_stretch
    {%- endif %}
{%- endmacro %}
