-- A state without a successor lasts for ever. Not null: an `or … is null` in a join makes it a nested loop.
{% set end_of_time = "timestamp '9999-12-31'" %}

with periods as (
    select as_of_date
    from {{ ref('periods') }}
),

counted_orders as (
    select
        order_id,
        customer_unique_id,
        {{ counted_at() }} as counted_at,
        purchased_at,
        order_value,
        is_value_imputed
    from {{ ref('input_orders') }}
    where {{ counted_at() }} is not null
),

reviews as (
    select
        order_id,
        review_score,
        review_answered_at
    from {{ ref('input_reviews') }}
),

refunds as (
    select
        customer_unique_id,
        refunded_at,
        refund_value
    from {{ ref('input_refunds') }}
),

events as (
    -- A review is known once it is answered and its order counts.
    select
        customer_unique_id,
        counted_at as event_at,
        purchased_at,
        order_value,
        is_value_imputed,
        null as review_score
    from counted_orders
    union all
    select
        counted_orders.customer_unique_id,
        greatest(reviews.review_answered_at, counted_orders.counted_at) as event_at,
        null as purchased_at,
        null as order_value,
        null as is_value_imputed,
        reviews.review_score
    from reviews
    inner join counted_orders on reviews.order_id = counted_orders.order_id
    union all
    -- A refund changes money only.
    select
        customer_unique_id,
        refunded_at as event_at,
        null as purchased_at,
        -refund_value as order_value,
        null as is_value_imputed,
        null as review_score
    from refunds
),

timeline as (
    -- Each event opens a state of its customer, which holds until the customer's next event. Events of one moment count
    -- together (range) and only one of their states holds for any time, so they need no order among themselves.
    select
        customer_unique_id,
        event_at,
        count(purchased_at) over customer_so_far as frequency,
        sum(order_value) over customer_so_far as monetary,
        max(purchased_at) over customer_so_far as last_purchased_at,
        min(purchased_at) over customer_so_far as first_purchased_at,
        count(case when is_value_imputed then 1 end) over customer_so_far as imputed_orders,
        count(review_score) over customer_so_far as review_count,
        coalesce(sum(cast(review_score as double)) over customer_so_far, 0) as review_score_sum,
        coalesce(
            lead(event_at) over (partition by customer_unique_id order by event_at),
            {{ end_of_time }}
        ) as next_event_at
    from events
    window customer_so_far as (
        partition by customer_unique_id order by event_at
        range unbounded preceding
    )
),

states as (
    {{ state_in_window(
        'timeline', 'event_at', 'next_event_at', setting('history_months'),
        amounts=['frequency', 'monetary', 'imputed_orders', 'review_count', 'review_score_sum'],
        others=['last_purchased_at', 'first_purchased_at']
    ) }}
),

customers as (
    -- Who has only been refunded is no customer yet.
    select *
    from states
    where frequency > 0
),

final as (
    select
        as_of_date,
        customer_unique_id,
        {{ whole_days('last_purchased_at', 'as_of_date') }} as recency_days,
        cast(frequency as int) as frequency,
        cast(monetary as decimal(14, 2)) as monetary,
        cast(review_score_sum as double) / nullif(review_count, 0) as average_review_score,
        cast(review_count as int) as review_count,
        {{ whole_days('first_purchased_at', 'as_of_date') }} as tenure_days,
        imputed_orders > 0 as is_monetary_imputed
    from customers
)

select * from final
