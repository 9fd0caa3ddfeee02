{% set asked = var('question_as_of_date') %}

with periods as (
    select as_of_date
    from {{ ref('periods') }}
),

latest as (
    select max(as_of_date) as latest_as_of_date
    from periods
),

dated as (
    select
        latest_as_of_date,
        {{ 'latest_as_of_date' if asked is none else "date '" ~ asked ~ "'" }} as as_of_date,
    from latest
),

final as (
    select
        as_of_date,
        as_of_date >= latest_as_of_date as is_final_status_known,
        cast(as_of_date - interval {{ var('late_orders_months') }} month as date) as late_orders_from_date,
        cast(as_of_date - interval {{ var('engaged_new_sellers_months') }} month as date) as new_sellers_after_date,
        cast(as_of_date - interval {{ var('worst_rated_zip_codes_months') }} month as date) as reviews_from_date,
    from dated
)

select * from final
