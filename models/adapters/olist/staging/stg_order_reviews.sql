{{ config(enabled=var('adapter') == 'olist', post_hook="{{ keep_csv_rejects('olist_order_reviews_dataset') }}") }}

with raw as (
    select
        review_id,
        order_id,
        review_score,
        review_comment_title,
        review_comment_message,
        review_creation_date,
        review_answer_timestamp
    from {{ raw_table('olist_order_reviews_dataset') }}
),

orders as (
    select order_id
    from {{ ref('stg_orders') }}
    where reject_reason is null
),

typed as (
    select
        *,
        {{ to_key('review_id') }} as review_key,
        {{ to_key('order_id') }} as order_key,
        {{ to_integer('review_score') }} as score,
        {{ to_timestamp('review_creation_date') }} as review_created_at,
        {{ to_timestamp('review_answer_timestamp') }} as review_answered_at
    from raw
),

checked as (
    select
        *,
        case
            when review_key is null then 'review_id is empty'
            when order_key is null then 'order_id is empty'
            when score is null then 'review_score is not a whole number'
            when score not between 1 and 5 then 'review_score is not between 1 and 5'
            {{ time_problem('review_creation_date', 'review_created_at') }}
            {{ time_problem('review_answer_timestamp', 'review_answered_at') }}
        end as row_problem
    from typed
),

-- Of several reviews with one key the first that was answered is kept: a later one must not change what was known.
numbered as (
    {{ numbered_by_key('checked', ['review_key', 'order_key'], [
        'review_answered_at', 'review_score', 'review_comment_title', 'review_comment_message',
        'review_creation_date', 'review_answer_timestamp', 'review_id', 'order_id'
    ]) }}
),

judged as (
    select
        *,
        case
            when row_problem is not null then row_problem
            when key_occurrence > 1 then 'duplicate key: review_id + order_id'
            when order_key not in (select order_id from orders)
                then 'orphan: order_id is not an accepted row of olist_orders_dataset'
        end as reject_reason
    from numbered
),

final as (
    select
        review_key as review_id,
        order_key as order_id,
        score as review_score,
        review_comment_title,
        review_comment_message,
        review_created_at,
        review_answered_at,
        reject_reason,
        case
            when reject_reason is not null
                then {{ json_object([
                    'review_id', 'order_id', 'review_score', 'review_comment_title', 'review_comment_message',
                    'review_creation_date', 'review_answer_timestamp'
                ]) }}
        end as raw_text
    from judged
)

select * from final
