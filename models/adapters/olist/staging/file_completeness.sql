{{ config(enabled=var('adapter') == 'olist', materialized='table') }}

with settled as (
    select max(purchased_at) - interval 60 day as settled_before
    from {{ ref('stg_orders') }}
    where reject_reason is null
),

{% for check_name, check in file_completeness_checks().items() -%}
{{ check_name }}_counted as (
    {% for model, column in check.counted -%}
    select distinct {{ column }} as row_key
    from {{ ref(model) }}
    where
        {{ column }} is not null
        and reject_reason is null
        {{ 'and ' ~ check.where if check.where }}
    {{ 'union' if not loop.last }}
    {% endfor -%}
),

{{ check_name }}_found as (
    select distinct {{ check.found_in[1] }} as row_key
    from {{ ref(check.found_in[0]) }}
),

{{ check_name }} as (
    select
        '{{ check_name }}' as check_name,
        '{{ check.file }}' as file_name,
        '{{ check.counted_as }}' as counted_as,
        count(*) as checked_rows,
        count(case when found.row_key is null then 1 end) as missing_rows,
        {{ setting('largest_missing_shares')[check_name] }} as maximum_share
    from {{ check_name }}_counted as counted
    left join {{ check_name }}_found as found on counted.row_key = found.row_key
),

{% endfor -%}
checks as (
    {% for check_name in file_completeness_checks() -%}
    select * from {{ check_name }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

final as (
    select
        check_name,
        file_name,
        counted_as,
        cast(checked_rows as bigint) as checked_rows,
        cast(missing_rows as bigint) as missing_rows,
        cast(missing_rows as double) / nullif(checked_rows, 0) as missing_share,
        cast(maximum_share as double) as maximum_share,
        -- Of a few rows, a share says little.
        missing_rows <= 3 or missing_rows <= maximum_share * checked_rows as is_complete
    from checks
)

select * from final
