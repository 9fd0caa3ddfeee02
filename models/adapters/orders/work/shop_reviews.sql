{{ config(enabled=var('adapter') == 'orders') }}

with reviews as (
    {{ shop_reviews() }}
),

final as (
    select
        cast(order_id as string) as order_id,
        cast(review_score as int) as review_score,
        cast(review_answered_at as timestamp) as review_answered_at
    from reviews
    where review_score is not null
)

select * from final
