{{ config(enabled=var('adapter') == 'olist', materialized='table') }}

with rejected as (
    select
        file_name,
        count(*) as rejected_rows,
        count(record_number) as refused_by_reader
    from {{ ref('rejected_rows') }}
    group by file_name
),

read as (
    {% for file_name, (model, _) in staged_files().items() -%}
    select
        '{{ file_name }}' as file_name,
        count(*) as parsed_rows,
        count(*) filter (where reject_reason is null) as staged_rows
    from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        read.file_name,
        cast(read.parsed_rows + coalesce(rejected.refused_by_reader, 0) as bigint) as raw_rows,
        cast(read.staged_rows as bigint) as staged_rows,
        cast(coalesce(rejected.rejected_rows, 0) as bigint) as rejected_rows,
        cast(coalesce(rejected.rejected_rows, 0) as double)
        / nullif(read.parsed_rows + coalesce(rejected.refused_by_reader, 0), 0) as rejected_share,
        cast({{ is_synthetic() }} as boolean) as is_synthetic
    from read
    left join rejected on read.file_name = rejected.file_name
)

select * from final
