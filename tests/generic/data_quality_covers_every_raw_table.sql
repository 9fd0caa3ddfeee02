{% test data_quality_covers_every_raw_table(model) %}
    {#- Fails for each raw table without a row for one of the kinds of checks that every table has. -#}
    with raw_loads as (
        select file_name
        from {{ ref('raw_loads') }}
    ),

    found as (
        select
            raw_table,
            count(distinct check_name) as kinds
        from {{ model }}
        where check_name in ('rows', 'rejected', 'key', 'duplicates', 'nulls', 'freshness')
        group by raw_table
    )

    select
        raw_loads.file_name,
        found.kinds
    from raw_loads
    left join found on raw_loads.file_name = found.raw_table
    where found.kinds is distinct from 6
{% endtest %}
