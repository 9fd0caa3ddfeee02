{% macro state_at(timeline, since, until, moment) -%}
    {#-
        The state that each customer of a timeline (a CTE with one row per state) is in just before a moment of each period
        (a CTE with as_of_date): the one that began before it and has no successor before it.
    -#}
    select
        periods.as_of_date,
        {{ timeline }}.*,
    from {{ timeline }}
    inner join periods
        on {{ timeline }}.{{ since }} < {{ moment }}
        and {{ timeline }}.{{ until }} >= {{ moment }}
{%- endmacro %}
