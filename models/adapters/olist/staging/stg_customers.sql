{{ config(enabled=var('adapter') == 'olist', post_hook="{{ keep_csv_rejects('olist_customers_dataset') }}") }}

with raw as (
    select
        customer_id,
        customer_unique_id,
        customer_zip_code_prefix,
        customer_city,
        customer_state
    from {{ raw_table('olist_customers_dataset') }}
),

typed as (
    select
        *,
        {{ to_key('customer_id') }} as order_customer_id,
        {{ to_key('customer_unique_id') }} as person_id,
        {{ to_zip_prefix('customer_zip_code_prefix') }} as zip_code_prefix
    from raw
),

checked as (
    select
        *,
        case
            when order_customer_id is null then 'customer_id is empty'
            when person_id is null then 'customer_unique_id is empty'
            when {{ refused('customer_zip_code_prefix', 'zip_code_prefix') }}
                then 'customer_zip_code_prefix is not five digits'
            when contains(customer_city, chr(10)) then 'customer_city has a line break'
        end as row_problem
    from typed
),

numbered as (
    {{ numbered_by_key('checked', ['order_customer_id'], [
        'customer_unique_id', 'customer_zip_code_prefix', 'customer_city', 'customer_state', 'customer_id'
    ]) }}
),

judged as (
    select
        *,
        case
            when row_problem is not null then row_problem
            when key_occurrence > 1 then 'duplicate key: customer_id'
        end as reject_reason
    from numbered
),

final as (
    select
        order_customer_id,
        person_id as customer_unique_id,
        zip_code_prefix as customer_zip_code_prefix,
        customer_city,
        customer_state,
        reject_reason,
        case
            when reject_reason is not null
                then {{ json_object([
                    'customer_id', 'customer_unique_id', 'customer_zip_code_prefix', 'customer_city', 'customer_state'
                ]) }}
        end as raw_text
    from judged
)

select * from final
