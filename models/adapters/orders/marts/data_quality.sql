{{ config(enabled=var('adapter') == 'orders') }}

with lines as (
    select
        order_id,
        customer_unique_id,
        ordered_at,
        amount
    from {{ ref('shop_lines') }}
),

events as (
    select
        customer_unique_id,
        kind,
        amount
    from {{ ref('shop_events') }}
),

people as (
    select
        customer_unique_id,
        sum(amount) as amount,
        count(case when kind = 'order' then 1 end) as order_count
    from events
    where customer_unique_id is not null
    group by customer_unique_id
),

orders_of_several as (
    select
        order_id,
        count(distinct customer_unique_id) as people
    from lines
    where order_id is not null
    group by order_id
),

reviews as (
    select
        order_id,
        review_answered_at
    from {{ ref('shop_reviews') }}
),

latest as (
    select max(as_of_date) as latest_as_of_date
    from {{ ref('periods') }}
),

checks as (
    select
        '(all columns)' as column_name,
        'rows' as check_name,
        count(*) as checked_rows,
        count(case when ordered_at is not null and amount is not null then 1 end) as found_rows,
        sum(case when ordered_at is not null then amount end) as found_amount,
        cast(null as double) as maximum_share,
        cast(null as date) as newest_date
    from lines
    union all
    select
        '(all columns)',
        'rejected',
        count(*),
        count(case when ordered_at is null or amount is null then 1 end),
        sum(case when ordered_at is null then amount end),
        {{ setting('max_rejected_share') }},
        null
    from lines
    union all
    select
        'order_id',
        'key',
        count(*),
        count(case when people > 1 then 1 end),
        null,
        0,
        null
    from orders_of_several
    union all
    select
        'customer_id',
        'guests',
        count(*),
        count(case when customer_unique_id is null then 1 end),
        sum(case when customer_unique_id is null then amount end),
        null,
        null
    from events
    union all
    select
        'amount',
        'refunds',
        count(*),
        count(case when kind = 'refund' then 1 end),
        sum(case when kind = 'refund' then amount end),
        null,
        null
    from events
    where customer_unique_id is not null
    union all
    select
        'customer_id',
        'refunds only',
        count(*),
        count(case when order_count = 0 then 1 end),
        sum(case when order_count = 0 then amount end),
        null,
        null
    from people
    union all
    select
        'ordered_at',
        'freshness',
        count(ordered_at),
        0,
        null,
        0,
        cast(max(ordered_at) as date)
    from lines
    {%- if has_input('average_review_score') %}
    union all
    select
        'order_id of reviews',
        'orphans',
        count(*),
        count(case when order_id not in (select order_id from {{ ref('input_orders') }}) then 1 end),
        null,
        null,
        null
    from reviews
    union all
    select
        'answered_at of reviews',
        'nulls',
        count(*),
        count(case when review_answered_at is null then 1 end),
        null,
        null,
        null
    from reviews
    {%- endif %}
),

final as (
    select
        'orders' as raw_table,
        checks.column_name,
        checks.check_name,
        cast(checks.checked_rows as bigint) as checked_rows,
        cast(checks.found_rows as bigint) as found_rows,
        cast(checks.found_rows as double) / nullif(checks.checked_rows, 0) as found_share,
        cast(null as string) as lowest_value,
        cast(null as string) as highest_value,
        {{ whole_days('cast(checks.newest_date as timestamp)', 'latest.latest_as_of_date') }} as age_days,
        checks.maximum_share,
        (checks.check_name != 'rows' or checks.checked_rows > 0)
        and coalesce(checks.found_rows <= checks.maximum_share * checks.checked_rows, true) as is_as_expected,
        cast(round(checks.found_amount, 2) as decimal(18, 2)) as found_amount
    from checks
    cross join latest
)

select * from final
