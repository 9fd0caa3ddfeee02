{{ config(post_hook="{{ keep_csv_rejects('olist_customers_dataset') }}") }}

with raw as (
    select
        customer_id,
        customer_unique_id,
        customer_zip_code_prefix,
        customer_city,
        customer_state,
    from {{ raw_table('olist_customers_dataset') }}
),

checked as (
    select
        *,
        case
            when customer_id is null then 'customer_id is empty'
            when customer_unique_id is null then 'customer_unique_id is empty'
            when not {{ is_zip_prefix('customer_zip_code_prefix') }}
                then 'customer_zip_code_prefix is not five digits'
            when contains(customer_city, chr(10)) then 'customer_city has a line break'
        end as row_problem,
    from raw
),

numbered as (
    -- Of several rows with one key a sound one is kept, and which one does not depend on the file's order.
    select
        *,
        row_number() over (
            partition by customer_id
            order by
                row_problem is not null,
                customer_unique_id, customer_zip_code_prefix, customer_city, customer_state
        ) as key_occurrence,
    from checked
),

judged as (
    select
        *,
        case
            when row_problem is not null then row_problem
            when key_occurrence > 1 then 'duplicate key: customer_id'
        end as reject_reason,
    from numbered
),

final as (
    select
        customer_id as order_customer_id,
        customer_unique_id,
        customer_zip_code_prefix,
        customer_city,
        customer_state,
        reject_reason,
        case
            when reject_reason is not null
                then {{ json_object([
                    'customer_id', 'customer_unique_id', 'customer_zip_code_prefix', 'customer_city', 'customer_state'
                ]) }}
        end as raw_text,
    from judged
)

select * from final
