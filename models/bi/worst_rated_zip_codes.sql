{{ config(enabled=var('adapter') == 'olist') }}

with question_period as (
    select
        as_of_date,
        reviews_from_date
    from {{ ref('question_period') }}
),

order_reviews as (
    select
        review_id,
        review_score,
        review_answered_at,
        customer_zip_code_prefix
    from {{ ref('order_reviews') }}
),

zip_codes as (
    select
        zip_code_prefix,
        city,
        state_code
    from {{ ref('zip_codes') }}
),

answers as (
    -- One answer counts once, even when it serves several orders.
    select
        question_period.as_of_date,
        order_reviews.customer_zip_code_prefix as zip_code_prefix,
        order_reviews.review_id,
        min(order_reviews.review_score) as review_score
    from order_reviews
    cross join question_period
    where
        order_reviews.review_answered_at >= question_period.reviews_from_date
        and order_reviews.review_answered_at < question_period.as_of_date
        and order_reviews.customer_zip_code_prefix is not null
    group by question_period.as_of_date, order_reviews.customer_zip_code_prefix, order_reviews.review_id
),

by_zip_code as (
    select
        as_of_date,
        zip_code_prefix,
        count(*) as review_count,
        cast(sum(review_score) as double) / count(*) as average_review_score
    from answers
    group by as_of_date, zip_code_prefix
    having count(*) > {{ question_limit('worst_rated_zip_codes_reviews_above') }}
),

ranked as (
    select
        *,
        row_number() over (order by average_review_score, review_count desc, zip_code_prefix) as badness_rank
    from by_zip_code
),

final as (
    select
        ranked.as_of_date,
        cast(ranked.badness_rank as int) as badness_rank,
        ranked.zip_code_prefix,
        zip_codes.city,
        zip_codes.state_code,
        cast(ranked.review_count as bigint) as review_count,
        ranked.average_review_score
    from ranked
    left join zip_codes on ranked.zip_code_prefix = zip_codes.zip_code_prefix
    where ranked.badness_rank <= {{ question_limit('worst_rated_zip_codes_count') }}
)

select * from final
