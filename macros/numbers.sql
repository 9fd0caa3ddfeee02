{#- Arithmetic whose result depends on no order of threads or rows, and numbers in sentences. -#}

{% macro exact_average(column) -%}
    {#- A mean whose bits do not depend on the order in which threads add: the sum is of decimals. -#}
    cast(sum(cast({{ column }} as decimal(18, 6))) as double) / nullif(count({{ column }}), 0)
{%- endmacro %}

{% macro medians_of_few_values(rows, keys, measures) -%}
    {#-
        The median of each measure by keys, as median_<measure>, from a CTE. median() holds every value in memory, beyond what
        DuckDB spills; the values of a measure in whole days or orders are few, however many the rows. The same number: the middle
        value, or half-way between the two in the middle.
    -#}
    {%- set by = keys | join(', ') -%}
    select
        {{ by }},
        {%- for measure in measures %}
        {%- set middle = "min(case when measure = '" ~ measure ~ "' and 2 * rows_so_far >= row_count" %}
        {{ middle }} then value end) + (
            {{ middle }} + 1 then value end) - {{ middle }} then value end)
        ) * 0.5 as median_{{ measure }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from (
        select
            {{ by }},
            measure,
            value,
            sum(occurrences) over (partition by {{ by }}, measure order by value nulls last) as rows_so_far,
            sum(occurrences) over (partition by {{ by }}, measure) as row_count
        from (
            {%- for measure in measures %}
            select
                {{ by }},
                '{{ measure }}' as measure,
                cast({{ measure }} as double) as value,
                count(*) as occurrences
            from {{ rows }}
            where {{ measure }} is not null
            group by {{ by }}, {{ measure }}
            {{ 'union all' if not loop.last }}
            {%- endfor %}
        ) as counted
    ) as ranked
    group by {{ by }}
{%- endmacro %}

{% macro fifth_bounds(rows, column, direction='asc') -%}
    {#-
        One row per date: from which value on a row belongs to the second, third, fourth and last fifth of the rows of
        its date (bound_2 to bound_5, null where no value does). The fifth of a value is 1 + floor(5 x its percent rank),
        at most 5: ranks, not NTILE, so that rows with the same value are in the same one. Distinct values are counted
        and ranked, which spares a sort of all rows.

        rows: a relation or CTE with as_of_date and the column; direction: of the values, the first fifth first.
    -#}
    select
        as_of_date,
        {%- for fifth in range(2, 6) %}
        {{ 'min' if direction == 'asc' else 'max' }}(case when fifth >= {{ fifth }} then {{ column }} end) as bound_{{ fifth }}{% if not loop.last %},{% endif %}
        {%- endfor %}
    from (
        select
            as_of_date,
            {{ column }},
            floor(cast(rows_before as double) / nullif(date_rows - 1, 0) * 5) + 1 as fifth
        from (
            select
                as_of_date,
                {{ column }},
                sum(count(*)) over (
                    partition by as_of_date order by {{ column }} {{ direction }} nulls last
                ) - count(*) as rows_before,
                sum(count(*)) over (partition by as_of_date) as date_rows
            from {{ rows }}
            group by as_of_date, {{ column }}
        ) as counted
    ) as ranked
    group by as_of_date
{%- endmacro %}

{% macro fifth_of(value, bounds, direction='asc') -%}
    {#- The fifth of a value, 1 to 5, by a row that fifth_bounds gives; the value must not be null. -#}
    1
        {%- for fifth in range(2, 6) %}
        + case when {{ value }} {{ '>=' if direction == 'asc' else '<=' }} {{ bounds }}.bound_{{ fifth }} then 1 else 0 end
        {%- endfor %}
{%- endmacro %}

{% macro distance_km(latitude, longitude, other_latitude, other_longitude) -%}
    {#- Great-circle distance of two points in degrees, km. The least() keeps a rounded sine at most 1. A product is quicker than a power. -#}
    {%- set north = 'sin(radians(' ~ latitude ~ ' - ' ~ other_latitude ~ ') / 2)' -%}
    {%- set east = 'sin(radians(' ~ longitude ~ ' - ' ~ other_longitude ~ ') / 2)' -%}
    2 * 6371 * asin(least(1, sqrt(
        {{ north }} * {{ north }} + cos(radians({{ latitude }})) * cos(radians({{ other_latitude }})) * ({{ east }} * {{ east }})
    )))
{%- endmacro %}

{% macro decimals(expression, places) -%}
    cast(round({{ expression }}, {{ places }}) as decimal(18, {{ places }}))
{%- endmacro %}

{% macro percent(expression, places) -%}
    cast(round(100 * ({{ expression }}), {{ places }}) as decimal(18, {{ places }})) || ' %'
{%- endmacro %}

{% macro number_text(expression, is_whole) -%}
    {#- A number as people write it: whole ones without a point, others with up to six decimals and no zeros at the end. -#}
    case
        when {{ is_whole }} then cast(cast(round({{ expression }}) as bigint) as string)
        else regexp_replace(cast(cast(round({{ expression }}, 6) as decimal(24, 6)) as string), '[.]?0+$', '')
    end
{%- endmacro %}

{% macro with_decimal_mark(text, language) -%}
    {#- A number as people of a language write it; nothing for null. -#}
    coalesce(case when {{ language }} = 'fr' then replace({{ text }}, '.', ',') else {{ text }} end, '')
{%- endmacro %}

{% macro counted(expression, noun) -%}
    {#- A whole number and what it counts, such as 1 customer, 2 customers. -#}
    {{ expression }} || ' {{ noun }}' || case when {{ expression }} = 1 then '' else 's' end
{%- endmacro %}

{% macro date_text(day, language) -%}
    {#- A date as people of a language write it: 2018-10-01 in English, 01/10/2018 in French. -#}
    {%- set text = 'cast(cast(' ~ day ~ ' as date) as string)' -%}
    case
            when {{ language }} = 'fr'
                then substr({{ text }}, 9, 2) || '/' || substr({{ text }}, 6, 2) || '/' || substr({{ text }}, 1, 4)
            else {{ text }}
        end
{%- endmacro %}

{% macro measure_text(value, unit, limit, language) -%}
    {#- What was measured, as people write it: an index with two decimals, or four where two would hide that it crosses its limit. -#}
    {%- set text -%}
    case
            when {{ unit }} = 'share' then {{ percent(value, 1) }}
            when {{ unit }} in ('months', 'orders') then {{ number_text(value, 'true') }}
            when round({{ value }}, 2) = {{ limit }} and {{ value }} != {{ limit }} then cast({{ decimals(value, 4) }} as string)
            else cast({{ decimals(value, 2) }} as string)
        end
    {%- endset -%}
    {{ with_decimal_mark(text, language) }}
{%- endmacro %}

{% macro limit_text(limit, unit, language) -%}
    {#- A limit in its unit, without zeros at the end. -#}
    {%- set text -%}
    case
            when {{ unit }} = 'share' then {{ number_text('100 * ' ~ limit, 'false') }} || ' %'
            else {{ number_text(limit, 'false') }}
        end
    {%- endset -%}
    {{ with_decimal_mark(text, language) }}
{%- endmacro %}

{% macro filled(template, marks) -%}
    {#- A text with its {marks} replaced by the columns <mark>_text. -#}
    {%- for mark in marks %}replace({% endfor %}{{ template }}
    {%- for mark in marks %}, '{{ '{' ~ mark ~ '}' }}', {{ mark }}_text){% endfor %}
{%- endmacro %}

{% macro z_of_interval() -%}
    {#- Normal quantile of a two-sided interval of 95 %. A double: the square of a long decimal leaves no room for a large count. -#}
    1.959963984540054e0
{%- endmacro %}

{% macro z_of_several() -%}
    {#- That of 99 %: four or five of them are all right in at least 95 of 100 cases (Bonferroni). -#}
    2.5758293035489004e0
{%- endmacro %}

{% macro wilson(successes, trials, end, z=none) -%}
    {#-
        End (low or high) of the score interval of a share, 95 % or of another z; null without trials. Source: Wilson (1927), JASA 22, without
        continuity correction; measure/association.py of the package has the same.
    -#}
    {%- set z = z or z_of_interval() -%}
    {%- set share = '(cast(' ~ successes ~ ' as double) / nullif(' ~ trials ~ ', 0))' -%}
    {%- set reach = z ~ ' * sqrt(' ~ trials ~ ' * ' ~ share ~ ' * (1 - ' ~ share ~ ') + ' ~ z ~ ' * ' ~ z ~ ' / 4)' -%}
    case
            when {{ successes }} = {{ 0 if end == 'low' else trials }} and {{ trials }} > 0 then {{ 0 if end == 'low' else 1 }}
            else ({{ successes }} + {{ z }} * {{ z }} / 2 {{ '-' if end == 'low' else '+' }} {{ reach }})
                / nullif({{ trials }} + {{ z }} * {{ z }}, 0)
        end
{%- endmacro %}

{% macro customers_needed(base) -%}
    {#-
        Customers, of both groups together, with whom a share that rises by outcomes.control_effect above base is seen at 5 %
        two-sided with a power of 80 %, when outcomes.control_share of them are the control group; null without a rise.
        Source: Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, 4.
    -#}
    {%- set control = setting('outcomes', 'control_share') -%}
    {%- if not 0 < control < 1 -%}{{ return('cast(null as bigint)') }}{%- endif -%}
    {%- set z_power = '0.8416212335729143e0' -%}
    {%- set effect = 'least(' ~ base ~ ' * ' ~ (1 + setting('outcomes', 'control_effect')) ~ ', 1)' -%}
    {%- set mean = '(' ~ (1 - control) ~ ' * ' ~ effect ~ ' + ' ~ control ~ ' * ' ~ base ~ ')' -%}
    cast(
            ceil(
                power(
                    {{ z_of_interval() }} * sqrt({{ mean }} * (1 - {{ mean }}) * {{ 1 / control + 1 / (1 - control) }})
                    + {{ z_power }} * sqrt(
                        {{ base }} * (1 - {{ base }}) / {{ control }} + {{ effect }} * (1 - {{ effect }}) / {{ 1 - control }}
                    ), 2
                ) / nullif(power({{ effect }} - {{ base }}, 2), 0)
            ) as bigint
        )
{%- endmacro %}

{% macro customers_who_order(customers, share, overall) -%}
    {#- How many ordered, in words. -#}
    {{ customers }} || ' ordered, ' || {{ percent(share, 2) }} || ' of them; of all customers of the same dates '
        || {{ percent(overall, 2) }} || '.'
{%- endmacro %}
