{{ config(enabled=var('adapter') == 'olist') }}

with raw_loads as (
    select
        file_name,
        raw_rows,
        staged_rows,
        rejected_rows
    from {{ ref('raw_loads') }}
),

latest as (
    select max(as_of_date) as latest_as_of_date
    from {{ ref('periods') }}
),

checks as (
    select
        file_name as raw_table,
        '(all columns)' as column_name,
        'rows' as check_name,
        raw_rows as checked_rows,
        staged_rows as found_rows,
        cast(null as string) as lowest_value,
        cast(null as string) as highest_value,
        cast(null as double) as maximum_share,
        cast(null as date) as newest_date
    from raw_loads
    union all
    select
        file_name,
        '(all columns)',
        'rejected',
        raw_rows,
        rejected_rows,
        null,
        null,
        {{ setting('max_rejected_share') }},
        null
    from raw_loads
    {{ data_quality_checks() }}
),

final as (
    select
        checks.raw_table,
        checks.column_name,
        checks.check_name,
        cast(checks.checked_rows as bigint) as checked_rows,
        cast(checks.found_rows as bigint) as found_rows,
        cast(checks.found_rows as double) / nullif(checks.checked_rows, 0) as found_share,
        checks.lowest_value,
        checks.highest_value,
        {{ whole_days('cast(checks.newest_date as timestamp)', 'latest.latest_as_of_date') }} as age_days,
        cast(checks.maximum_share as double) as maximum_share,
        (checks.check_name != 'rows' or checks.checked_rows > 0)
        and coalesce(checks.found_rows <= checks.maximum_share * checks.checked_rows, true) as is_as_expected,
        cast(null as decimal(18, 2)) as found_amount
    from checks
    cross join latest
)

select * from final
