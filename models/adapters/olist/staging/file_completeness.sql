{{ config(enabled=var('adapter') == 'olist', materialized='table') }}

with settled as (
    select max(purchased_at) - interval 60 day as settled_before
    from {{ ref('stg_orders') }}
    where reject_reason is null
),

keys as (
    {% for check_name, check in file_completeness_checks().items() -%}
    {% for model, column in check.counted -%}
    select
        '{{ check_name }}' as check_name,
        {{ column }} as row_key,
        true as is_counted,
        false as is_found
    from {{ ref(model) }}
    where
        {{ column }} is not null
        and reject_reason is null
        {{ 'and ' ~ check.where if check.where }}
    union all
    {% endfor -%}
    select
        '{{ check_name }}' as check_name,
        {{ check.found_in[1] }} as row_key,
        false as is_counted,
        true as is_found
    from {{ ref(check.found_in[0]) }}
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

by_key as (
    -- One grouping for all checks: the engine can spill it, which it cannot do with nine at once.
    select
        check_name,
        row_key,
        max(is_found) as is_found
    from keys
    group by check_name, row_key
    having max(is_counted)
),

counted as (
    select
        check_name,
        count(*) as checked_rows,
        count(case when not is_found then 1 end) as missing_rows
    from by_key
    group by check_name
),

checks as (
    {% for check_name, check in file_completeness_checks().items() -%}
    select
        '{{ check_name }}' as check_name,
        '{{ check.file }}' as file_name,
        '{{ check.counted_as }}' as counted_as,
        {{ setting('largest_missing_shares')[check_name] }} as maximum_share
    {{ 'union all' if not loop.last }}
    {% endfor -%}
),

final as (
    select
        checks.check_name,
        checks.file_name,
        checks.counted_as,
        coalesce(cast(counted.checked_rows as bigint), 0) as checked_rows,
        coalesce(cast(counted.missing_rows as bigint), 0) as missing_rows,
        cast(counted.missing_rows as double) / nullif(counted.checked_rows, 0) as missing_share,
        cast(checks.maximum_share as double) as maximum_share,
        -- Of a few rows, a share says little.
        coalesce(counted.missing_rows, 0) <= 3
        or counted.missing_rows <= checks.maximum_share * counted.checked_rows as is_complete
    from checks
    left join counted on checks.check_name = counted.check_name
)

select * from final
