{% test unique_combination(model, columns) %}
    {#- Fails for each key, made of several columns, that occurs more than once or has a null part. -#}
    select
        {{ columns | join(', ') }},
        count(*) as occurrences,
    from {{ model }}
    group by {{ columns | join(', ') }}
    having
        count(*) > 1
        {%- for column in columns %}
        or {{ column }} is null
        {%- endfor %}
{% endtest %}
