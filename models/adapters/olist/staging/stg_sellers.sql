{{ config(enabled=var('adapter') == 'olist', post_hook="{{ keep_csv_rejects('olist_sellers_dataset') }}") }}

with raw as (
    select
        seller_id,
        seller_zip_code_prefix,
        seller_city,
        seller_state
    from {{ raw_table('olist_sellers_dataset') }}
),

typed as (
    select
        *,
        {{ to_key('seller_id') }} as seller_key,
        {{ to_zip_prefix('seller_zip_code_prefix') }} as zip_code_prefix
    from raw
),

checked as (
    select
        *,
        case
            when seller_key is null then 'seller_id is empty'
            when {{ refused('seller_zip_code_prefix', 'zip_code_prefix') }}
                then 'seller_zip_code_prefix is not five digits'
            when contains(seller_city, chr(10)) then 'seller_city has a line break'
        end as row_problem
    from typed
),

numbered as (
    {{ numbered_by_key('checked', ['seller_key'], [
        'seller_zip_code_prefix', 'seller_city', 'seller_state', 'seller_id'
    ]) }}
),

judged as (
    select
        *,
        case
            when row_problem is not null then row_problem
            when key_occurrence > 1 then 'duplicate key: seller_id'
        end as reject_reason
    from numbered
),

final as (
    select
        seller_key as seller_id,
        zip_code_prefix as seller_zip_code_prefix,
        seller_city,
        seller_state,
        reject_reason,
        case
            when reject_reason is not null
                then {{ json_object([
                    'seller_id', 'seller_zip_code_prefix', 'seller_city', 'seller_state'
                ]) }}
        end as raw_text
    from judged
)

select * from final
