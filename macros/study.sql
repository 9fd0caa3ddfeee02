{% macro study_as_of_date() -%}
    {#- The study's date, in a query on rows with as_of_date and is_segmentable. -#}
    {% if var('study_as_of_date') is none -%}
        max(case when is_segmentable then as_of_date end) over ()
    {%- else -%}
        date '{{ var('study_as_of_date') }}'
    {%- endif %}
{%- endmacro %}
