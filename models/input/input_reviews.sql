{% if var('adapter') == 'olist' -%}
with reviews as (
    select
        order_id,
        review_score,
        review_answered_at
    from {{ ref('stg_order_reviews') }}
    where reject_reason is null and review_answered_at is not null
),
{%- else -%}
-- A table of orders has no reviews.
with reviews as (
    select
        order_id,
        cast(null as int) as review_score,
        cast(null as timestamp) as review_answered_at
    from {{ ref('shop_events') }}
    where false
),
{%- endif %}

final as (
    select *
    from reviews
)

select * from final
