with reviews as (
    select
        order_id,
        review_score,
    from {{ ref('stg_order_reviews') }}
),

final as (
    select
        order_id,
        cast(count(*) as int) as review_count,
        cast(sum(review_score) as double) / count(*) as average_review_score,
    from reviews
    group by order_id
)

select * from final
