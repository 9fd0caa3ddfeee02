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
-- Of orders that are not there nothing is known; marts.data_quality counts them.
with reviews as (
    select
        order_id,
        review_score,
        review_answered_at
    from {{ ref('shop_reviews') }}
    where
        review_answered_at is not null
        and order_id in (select order_id from {{ ref('input_orders') }})
),
{%- endif %}

final as (
    select *
    from reviews
)

select * from final
