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
        bool_or(is_value_imputed) over customer_so_far as is_monetary_imputed,
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

customers as (
    select
        periods.as_of_date,
        order_timeline.*,
    from order_timeline
    inner join periods
        on order_timeline.counted_at < periods.as_of_date
        and order_timeline.next_counted_at >= periods.as_of_date
),

final as (
    select
        customers.as_of_date,
        customers.customer_unique_id,
        {{ whole_days('customers.last_purchased_at', 'customers.as_of_date') }} as recency_days,
        cast(customers.frequency as int) as frequency,
        cast(customers.monetary as decimal(14, 2)) as monetary,
        cast(review_timeline.review_score_sum as double) / review_timeline.review_count as average_review_score,
        cast(coalesce(review_timeline.review_count, 0) as int) as review_count,
        {{ whole_days('customers.first_purchased_at', 'customers.as_of_date') }} as tenure_days,
        customers.is_monetary_imputed,
    from customers
    left join review_timeline
        on customers.customer_unique_id = review_timeline.customer_unique_id
        and review_timeline.known_at < customers.as_of_date
        and review_timeline.next_known_at >= customers.as_of_date
)

select * from final
