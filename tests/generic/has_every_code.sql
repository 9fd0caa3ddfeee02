{% test has_every_code(model, column, codes) %}
    {#-
        Fails for each code that models look a value up by and that is missing, and for each that none looks up. The codes are one
        text, because dbt copies the whole context of a test for each text that it is given.
    -#}
    with wanted (code) as (
        values
        {%- for code in codes.split() %}
        ('{{ code }}'){% if not loop.last %},{% endif %}
        {%- endfor %}
    )

    select
        case
            when wanted.code is null
                then '{{ model.identifier }} has {{ column }} ' || found.{{ column }} || ', which nothing reads: delete the row, or mend the code.'
            else '{{ model.identifier }} has no {{ column }} ' || wanted.code || ': add the row again.'
        end as sentence
    from wanted
    full join {{ model }} as found on wanted.code = found.{{ column }}
    where wanted.code is null or found.{{ column }} is null
{% endtest %}
