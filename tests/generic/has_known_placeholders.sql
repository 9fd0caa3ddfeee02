{% test has_known_placeholders(model, columns, placeholders) %}
    {#-
        Fails for each text with a brace that is left when the placeholders are filled: one that nothing fills, or half of one. Columns
        and placeholders are one text each, because dbt copies the whole context of a test for each text that it is given.
    -#}
    {%- set names = placeholders.split() -%}
    with texts as (
        {%- for column in columns.split() %}
        select
            '{{ column }}' as column_name,
            {{ column }} as words,
            {% for name in names %}replace({% endfor %}{{ column }}
            {%- for name in names %}, '{{ '{' ~ name ~ '}' }}', ''){% endfor %} as rest
        from {{ model }}
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    )

    select
        '{{ model.identifier }}: ' || column_name || ' "' || words || '" has a brace that is no placeholder; these are filled: '
        || '{% for name in names %}{{ '{' ~ name ~ '}' }}{{ ', ' if not loop.last }}{% endfor %}.' as sentence
    from texts
    where rest like '%' || '{' || '%' or rest like '%' || '}' || '%'
{% endtest %}
