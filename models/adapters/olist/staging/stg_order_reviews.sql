{{ config(enabled=var('adapter') == 'olist') }}

with final as (
    select
        review_id,
        order_id,
        review_score,
        review_comment_title,
        review_comment_message,
        review_created_at,
        review_answered_at,
    from {{ ref('base_order_reviews') }}
    where reject_reason is null
)

select * from final
