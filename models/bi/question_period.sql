{{ config(enabled=var('adapter') == 'olist') }}
{% set asked = var('question_as_of_date') %}
{% set months = [var('late_orders_months'), var('engaged_new_sellers_months'), var('worst_rated_zip_codes_months')] %}

with periods as (
    select
        as_of_date,
        history_days,
    from {{ ref('periods') }}
),

span as (
    select
        cast({{ 'null' if asked is none else "'" ~ asked ~ "'" }} as date) as asked_date,
        min(as_of_date - history_days) as first_date,
        max(as_of_date) as latest_as_of_date,
    from periods
),

dated as (
    -- Where a question looks back over a time without any order, "none" would pass for an answer.
    select
        latest_as_of_date,
        case
            when asked_date <= first_date or asked_date - interval {{ months | min }} month >= latest_as_of_date
                then error(
                        'Var question_as_of_date is ' || asked_date || ', and the orders go from ' || first_date
                        || ' to ' || latest_as_of_date - 1 || ': name a date from ' || first_date + 1
                        || ' to ' || latest_as_of_date || ', or null for the latest.'
                    )
            else coalesce(asked_date, latest_as_of_date)
        end as as_of_date,
    from span
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
