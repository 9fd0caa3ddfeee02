{{ config(enabled=var('adapter') == 'olist') }}
{% set asked = setting('question_as_of_date') %}
{% set no_such_date %}
    'Var question_as_of_date is ' || asked_date || ', and the orders go from ' || first_date
    || ' to ' || (latest_as_of_date - 1) || ': name a date from ' || (first_date + 1)
    || ' to ' || latest_as_of_date || ', or null for the latest.'
{% endset %}

with limits as (
    -- Days are counted back by whole months.
    select
        cast({{ question_limit('late_orders_months') }} as int) as late_orders_months,
        cast({{ question_limit('engaged_new_sellers_months') }} as int) as new_sellers_months,
        cast({{ question_limit('worst_rated_zip_codes_months') }} as int) as reviews_months
),

periods as (
    select
        as_of_date,
        history_days
    from {{ ref('periods') }}
),

span as (
    select
        cast({{ 'null' if asked is none else "'" ~ asked ~ "'" }} as date) as asked_date,
        min(as_of_date - history_days) as first_date,
        max(as_of_date) as latest_as_of_date
    from periods
),

dated as (
    -- Where a question looks back over a time without any order, "none" would pass for an answer.
    select
        latest_as_of_date,
        case
            when
                asked_date <= first_date
                or asked_date - interval 1 month * least(late_orders_months, new_sellers_months, reviews_months)
                >= latest_as_of_date
                then {{ stop_with(no_such_date) }}
            else coalesce(asked_date, latest_as_of_date)
        end as as_of_date,
        limits.*
    from span
    cross join limits
),

final as (
    select
        as_of_date,
        as_of_date >= latest_as_of_date as is_final_status_known,
        cast(as_of_date - interval 1 month * late_orders_months as date) as late_orders_from_date,
        cast(as_of_date - interval 1 month * new_sellers_months as date) as new_sellers_after_date,
        cast(as_of_date - interval 1 month * reviews_months as date) as reviews_from_date
    from dated
)

select * from final
