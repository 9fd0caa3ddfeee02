{{ config(materialized='view') }}

with description as (
    select unnest(axes) as axis
    from {{ ref('study_description') }}
),

final as (
    select
        axis.as_of_date,
        axis.axis,
        axis.explained_variance_share,
        axis.feature,
        axis.loading,
    from description
)

select * from final
