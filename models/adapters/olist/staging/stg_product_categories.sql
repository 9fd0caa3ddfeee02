{{ config(enabled=var('adapter') == 'olist', post_hook="{{ keep_csv_rejects('product_category_name_translation') }}") }}

with raw as (
    select
        product_category_name,
        product_category_name_english
    from {{ raw_table('product_category_name_translation') }}
),

typed as (
    select
        *,
        {{ to_key('product_category_name') }} as category,
        {{ to_key('product_category_name_english') }} as category_english
    from raw
),

checked as (
    select
        *,
        case
            when category is null then 'product_category_name is empty'
            when category_english is null then 'product_category_name_english is empty'
        end as row_problem
    from typed
),

numbered as (
    {{ numbered_by_key('checked', ['category'], ['product_category_name_english', 'product_category_name']) }}
),

judged as (
    select
        *,
        case
            when row_problem is not null then row_problem
            when key_occurrence > 1 then 'duplicate key: product_category_name'
        end as reject_reason
    from numbered
),

final as (
    select
        category as product_category_name,
        category_english as product_category_name_english,
        reject_reason,
        case
            when reject_reason is not null
                then {{ json_object([
                    'product_category_name', 'product_category_name_english'
                ]) }}
        end as raw_text
    from judged
)

select * from final
