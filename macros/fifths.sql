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
        {{ 'min' if direction == 'asc' else 'max' }}(case when fifth >= {{ fifth }} then {{ column }} end) as bound_{{ fifth }},
        {%- endfor %}
    from (
        select
            as_of_date,
            {{ column }},
            floor(cast(rows_before as double) / nullif(date_rows - 1, 0) * 5) + 1 as fifth,
        from (
            select
                as_of_date,
                {{ column }},
                sum(count(*)) over (
                    partition by as_of_date order by {{ column }} {{ direction }}
                ) - count(*) as rows_before,
                sum(count(*)) over (partition by as_of_date) as date_rows,
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
