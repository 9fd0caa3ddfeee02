{{ config(materialized='view') }}

with description as (
    select {{ rows_of_list('axes') }}
    from {{ ref('study_description') }}
),

final as (
    select
        as_of_date,
        axis,
        explained_variance_share,
        feature,
        loading
    from description
)

select * from final
