{{ config(enabled=var('adapter') == 'olist', post_hook="{{ keep_csv_rejects('olist_order_payments_dataset') }}") }}

with raw as (
    select
        order_id,
        payment_sequential,
        payment_type,
        payment_installments,
        payment_value
    from {{ raw_table('olist_order_payments_dataset') }}
),

orders as (
    select order_id
    from {{ ref('stg_orders') }}
    where reject_reason is null
),

typed as (
    select
        *,
        {{ to_key('order_id') }} as order_key,
        {{ to_key('payment_type') }} as means_of_payment,
        {{ to_integer('payment_sequential') }} as payment_number,
        {{ to_integer('payment_installments') }} as installments,
        {{ to_money('payment_value') }} as amount
    from raw
),

checked as (
    select
        *,
        case
            when order_key is null then 'order_id is empty'
            when payment_number is null then 'payment_sequential is not a whole number'
            when means_of_payment is null then 'payment_type is empty'
            when installments is null then 'payment_installments is not a whole number'
            when installments < 0 then 'payment_installments is negative'
            {{ amount_problem('payment_value', 'amount') }}
        end as row_problem
    from typed
),

numbered as (
    {{ numbered_by_key('checked', ['order_key', 'payment_number'], [
        'payment_type', 'payment_installments', 'payment_value', 'order_id', 'payment_sequential'
    ]) }}
),

judged as (
    select
        *,
        case
            when row_problem is not null then row_problem
            when key_occurrence > 1 then 'duplicate key: order_id + payment_sequential'
            when order_key not in (select order_id from orders)
                then 'orphan: order_id is not an accepted row of olist_orders_dataset'
        end as reject_reason
    from numbered
),

final as (
    select
        order_key as order_id,
        payment_number as payment_sequential,
        means_of_payment as payment_type,
        installments as payment_installments,
        amount as payment_value,
        reject_reason,
        case
            when reject_reason is not null
                then {{ json_object([
                    'order_id', 'payment_sequential', 'payment_type', 'payment_installments', 'payment_value'
                ]) }}
        end as raw_text
    from judged
)

select * from final
