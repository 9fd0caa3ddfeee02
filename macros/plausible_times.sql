{#- Times that can be read and cannot be right: infinity, the year 1018 or 9999, tomorrow, a year apart from all others. -#}

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
        min(last_day) as last_day,
    from (
        select
            min(day) as first_day,
            max(day) as last_day,
        from (
            select
                day,
                row_count,
                sum(gap) over (order by day) as stretch,
            from (
                select
                    day,
                    row_count,
                    case when day - lag(day) over (order by day) > {{ setting('largest_gap_days') }} then 1 else 0 end as gap,
                from (
                    select
                        cast({{ time }} as date) as day,
                        count(*) as row_count,
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
