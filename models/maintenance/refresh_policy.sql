{{ config(materialized='view') }}

with policy as (
    select *
    from {{ ref('policy_measures') }}
),

final as (
    select *
    from policy
)

select * from final
