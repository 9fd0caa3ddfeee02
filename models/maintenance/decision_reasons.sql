{{ config(materialized='view') }}

with reasons as (
    select *
    from {{ ref('refresh_decisions') }}
),

final as (
    select
        as_of_date,
        reason_number,
        decision,
        threshold_code,
        level,
        value,
        threshold,
        reason,
    from reasons
)

select * from final
