{% macro study_interval_months() -%}
    {%- set months = var('study_interval_months') -%}
    {{ return(months.get(var('refresh_mode')) if months is mapping else months) }}
{%- endmacro %}

{% macro study_as_of_date() -%}
    {#-
        The study's date, in a query on rows with as_of_date and is_segmentable. Before the first date of the interval there
        is none: the study's tables are empty.
    -#}
    {%- set first = var('first_as_of_date') | string -%}
    {%- set interval_months = study_interval_months() -%}
    {% if var('study_as_of_date') is none and interval_months is none -%}
        max(case when is_segmentable then as_of_date end) over ()
    {%- elif var('study_as_of_date') is none -%}
        max(
            case
                when is_segmentable
                    and extract(day from as_of_date) = 1
                    and (
                        12 * extract(year from as_of_date) + extract(month from as_of_date)
                        - {{ 12 * first[:4] | int + first[5:7] | int }}
                    ) % {{ interval_months }} = 0
                    then as_of_date
            end
        ) over ()
    {%- else -%}
        date '{{ var('study_as_of_date') }}'
    {%- endif %}
{%- endmacro %}
