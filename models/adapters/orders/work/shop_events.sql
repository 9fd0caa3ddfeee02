{{ config(enabled=var('adapter') == 'orders') }}

-- make shop runs this without dbt: no macro but ref.
with lines as (
    select
        order_id,
        customer_unique_id,
        ordered_at,
        amount,
        is_refund_status
    from {{ ref('shop_lines') }}
    where ordered_at is not null and amount is not null
),

days_of_orders as (
    -- The lines of one order id are summed, each day apart: as of a date in between only the earlier ones are known.
    select
        order_id,
        max(max(customer_unique_id)) over (partition by order_id) as customer_unique_id,
        min(ordered_at) as event_at,
        is_refund_status,
        cast(round(sum(amount), 2) as decimal(14, 2)) as amount,
        count(*) as line_count
    from lines
    where order_id is not null
    group by order_id, cast(ordered_at as date), is_refund_status
),

ranked as (
    select
        *,
        is_refund_status or amount < 0 as takes_money_back,
        row_number() over (
            partition by order_id
            order by is_refund_status or amount < 0 nulls last, event_at nulls last
        ) as order_rank
    from days_of_orders
),

days_of_people as (
    -- Without an order id: one order per person and day. Guests cannot be told apart, so each line of theirs is one.
    select
        customer_unique_id,
        cast(ordered_at as date) as ordered_on,
        is_refund_status or amount < 0 as takes_money_back,
        case
            when customer_unique_id is null
                then row_number() over (order by ordered_at nulls last, amount nulls last)
        end as guest_line,
        ordered_at,
        amount
    from lines
    where order_id is null
),

final as (
    select
        order_id,
        customer_unique_id,
        event_at,
        case when order_rank = 1 and not takes_money_back then 'order' else 'refund' end as kind,
        case when is_refund_status then -abs(amount) else amount end as amount,
        line_count
    from ranked
    union all
    select
        customer_unique_id || '@' || ordered_on as order_id,
        customer_unique_id,
        min(ordered_at) as event_at,
        case when takes_money_back then 'refund' else 'order' end as kind,
        cast(
            round(case when takes_money_back then -sum(abs(amount)) else sum(amount) end, 2) as decimal(14, 2)
        ) as amount,
        count(*) as line_count
    from days_of_people
    group by customer_unique_id, ordered_on, takes_money_back, guest_line
)

select * from final
