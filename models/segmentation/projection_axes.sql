{{ config(materialized='view') }}

with final as (
    select
        as_of_date,
        axis,
        explained_variance_share,
        feature,
        loading,
    from {{ ref('study_axes') }}
)

select * from final
