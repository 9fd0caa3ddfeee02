{% macro medians_of_counts(counts, keys) -%}
    {#-
        The median of each measure by keys, from a CTE with keys, measure, value and how many rows have it (occurrences).
        median() holds every value in memory, beyond what DuckDB spills; the values of a measure in whole days or orders are
        few, however many the rows. The same number: the middle value, or half-way between the two in the middle.
    -#}
    select
        {{ keys | join(', ') }},
        measure,
        min(case when 2 * rows_so_far >= row_count then value end)
        + (
            min(case when 2 * rows_so_far >= row_count + 1 then value end)
            - min(case when 2 * rows_so_far >= row_count then value end)
        ) * 0.5 as median,
    from (
        select
            {{ keys | join(', ') }},
            measure,
            value,
            sum(occurrences) over (partition by {{ keys | join(', ') }}, measure order by value) as rows_so_far,
            sum(occurrences) over (partition by {{ keys | join(', ') }}, measure) as row_count,
        from {{ counts }}
    ) as ranked
    group by {{ keys | join(', ') }}, measure
{%- endmacro %}
