{% test has_every_code(model, column, codes, languages=none) %}
    {#-
        Fails for each code that models look a value up by and that is missing (with languages, in one of them), and for each that none
        looks up. The codes are one text, because dbt copies the whole context of a test for each text that it is given; so are languages.
    -#}
    {%- set languages = languages.split() if languages else [] -%}
    with wanted (code{{ ', language' if languages }}) as (
        values
        {%- for code in codes.split() %}
        {%- set code_is_last = loop.last %}
        {%- for language in languages or [none] %}
        ('{{ code }}'{{ ", '" ~ language ~ "'" if language }}){{ ',' if not (code_is_last and loop.last) }}
        {%- endfor %}
        {%- endfor %}
    )

    select
        case
            when wanted.code is null
                then '{{ model.identifier }} has {{ column }} ' || found.{{ column }} {{ "|| ' in language ' || found.language" if languages }} || ', which nothing reads: delete the row, or mend the code.'
            else '{{ model.identifier }} has no {{ column }} ' || wanted.code {{ "|| ' in language ' || wanted.language" if languages }} || ': add the row again.'
        end as sentence
    from wanted
    full join {{ model }} as found
        on wanted.code = found.{{ column }}
        {{ 'and wanted.language = found.language' if languages }}
    where wanted.code is null or found.{{ column }} is null
{% endtest %}
