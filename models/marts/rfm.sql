-- A state without a successor lasts for ever. Not null: an `or … is null` in a join makes it a nested loop.
{% set end_of_time = "timestamp '9999-12-31'" %}
{% set history_months = var('history_months') %}

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
        is_value_imputed,
    from {{ ref('orders') }}
    where {{ counted_at() }} is not null
),

reviews as (
    select
        review_id,
        order_id,
        review_score,
        review_answered_at,
    from {{ ref('stg_order_reviews') }}
    where review_answered_at is not null
),

order_timeline as (
    -- Each order opens a state of its customer, which holds until the customer's next order.
    select
        customer_unique_id,
        counted_at,
        count(*) over customer_so_far as frequency,
        sum(order_value) over customer_so_far as monetary,
        max(purchased_at) over customer_so_far as last_purchased_at,
        min(purchased_at) over customer_so_far as first_purchased_at,
        sum(cast(is_value_imputed as int)) over customer_so_far as imputed_orders,
        coalesce(
            lead(counted_at) over (partition by customer_unique_id order by counted_at, order_id),
            {{ end_of_time }}
        ) as next_counted_at,
    from counted_orders
    window customer_so_far as (
        partition by customer_unique_id order by counted_at, order_id rows unbounded preceding
    )
),

review_events as (
    select
        counted_orders.customer_unique_id,
        reviews.review_id,
        reviews.order_id,
        reviews.review_score,
        greatest(reviews.review_answered_at, counted_orders.counted_at) as known_at,
    from reviews
    inner join counted_orders on reviews.order_id = counted_orders.order_id
),

review_timeline as (
    select
        customer_unique_id,
        known_at,
        count(*) over customer_so_far as review_count,
        sum(review_score) over customer_so_far as review_score_sum,
        coalesce(
            lead(known_at) over (partition by customer_unique_id order by known_at, order_id, review_id),
            {{ end_of_time }}
        ) as next_known_at,
    from review_events
    window customer_so_far as (
        partition by customer_unique_id order by known_at, order_id, review_id rows unbounded preceding
    )
),

order_states as (
    {{ state_at('order_timeline', 'counted_at', 'next_counted_at', 'periods.as_of_date') }}
),

review_states as (
    {{ state_at('review_timeline', 'known_at', 'next_known_at', 'periods.as_of_date') }}
),

{% if history_months is not none -%}
{%- set window_start = "periods.as_of_date - interval " ~ history_months ~ " month" -%}
orders_before_window as (
    {{ state_at('order_timeline', 'counted_at', 'next_counted_at', window_start) }}
),

reviews_before_window as (
    {{ state_at('review_timeline', 'known_at', 'next_known_at', window_start) }}
),

customers as (
    -- What came in the window is what there is at its end less what there was at its start.
    select
        order_states.as_of_date,
        order_states.customer_unique_id,
        order_states.last_purchased_at,
        order_states.first_purchased_at,
        order_states.frequency - coalesce(orders_before_window.frequency, 0) as frequency,
        order_states.monetary - coalesce(orders_before_window.monetary, 0) as monetary,
        order_states.imputed_orders - coalesce(orders_before_window.imputed_orders, 0) as imputed_orders,
        review_states.review_count - coalesce(reviews_before_window.review_count, 0) as review_count,
        review_states.review_score_sum - coalesce(reviews_before_window.review_score_sum, 0) as review_score_sum,
    from order_states
    left join review_states using (as_of_date, customer_unique_id)
    left join orders_before_window using (as_of_date, customer_unique_id)
    left join reviews_before_window using (as_of_date, customer_unique_id)
    where order_states.frequency > coalesce(orders_before_window.frequency, 0)
),
{%- else -%}
customers as (
    select
        order_states.*,
        review_states.review_count,
        review_states.review_score_sum,
    from order_states
    left join review_states using (as_of_date, customer_unique_id)
),
{%- endif %}

final as (
    select
        as_of_date,
        customer_unique_id,
        {{ whole_days('last_purchased_at', 'as_of_date') }} as recency_days,
        cast(frequency as int) as frequency,
        cast(monetary as decimal(14, 2)) as monetary,
        cast(review_score_sum as double) / nullif(review_count, 0) as average_review_score,
        cast(coalesce(review_count, 0) as int) as review_count,
        {{ whole_days('first_purchased_at', 'as_of_date') }} as tenure_days,
        imputed_orders > 0 as is_monetary_imputed,
    from customers
)

select * from final
