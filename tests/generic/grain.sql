{% test grain(model, key=none, other_keys=[], not_null=[], has_rows=false, among=none, dates=none) %}
    {#-
        What a row is, in one query: fails for each value of a key (a list of columns; other_keys, a list of such) that occurs more
        than once, for each column of a key or of not_null that has a null, and with has_rows when there is no row at all. Only the
        rows of a condition count when among is given, or those of the as-of dates that meet a condition on marts.periods: dates.
    -#}
    {%- if dates -%}
        {%- set among = 'as_of_date in ' ~ as_of_dates(ref('periods'), dates) -%}
    {%- endif -%}
    {%- set keys = ([key] if key else []) + other_keys -%}
    {%- set columns = (keys | sum(start=[]) + not_null) | unique | list -%}
    {#- Of a raw file it is also said what became of its rows. -#}
    {%- set why -%}
        {%- for file, (staged, _) in staged_files().items() if staged == model.identifier -%}
            ' || (
                select coalesce(' (' || count(*) || ' rows of {{ file }} are refused: ' || min(reject_reason) || ')', ' ({{ file }} is empty)')
                from {{ model }}
            ) || '
        {%- endfor -%}
    {%- endset -%}
    with counted as (
        select
            count(*) as row_count,
            {%- for column in columns %}
            count({{ column }}) as values_{{ loop.index }}{% if not loop.last %},{% endif %}
            {%- endfor %}
        from {{ model }}
        {{ 'where ' ~ among if among }}
    ),

    {% for names in keys %}
    repeated_{{ loop.index }} as (
        select
            {{ names | join(', ') }},
            count(*) as occurrences
        from {{ model }}
        {{ 'where ' ~ among if among }}
        group by {{ names | join(', ') }}
        having count(*) > 1
    ),

    {% endfor %}
    found as (
        select '{{ model.identifier }} has no row{{ why }}: see staging.raw_loads and staging.rejected_rows for what became of the raw file''s rows' as sentence
        from counted
        where row_count = 0 and {{ has_rows }}
        {%- for names in keys %}
        union all
        select
            '{{ model.identifier }}: ' || occurrences || ' rows have {{ names | join(", ") }} '
            || concat_ws(', ', {% for name in names %}coalesce(cast({{ name }} as string), 'null'){{ ', ' if not loop.last }}{% endfor %}) as sentence
        from repeated_{{ loop.index }}
        {%- endfor %}
        {%- for column in columns %}
        union all
        select '{{ model.identifier }}: {{ column }} is null in ' || (row_count - values_{{ loop.index }}) || ' of ' || row_count || ' rows' as sentence
        from counted
        where values_{{ loop.index }} < row_count
        {%- endfor %}
    )

    select sentence
    from found
{% endtest %}
