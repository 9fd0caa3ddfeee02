{{ config(enabled=var('adapter') == 'olist') }}

with final as (
    select
        order_id,
        payment_sequential,
        payment_type,
        payment_installments,
        payment_value,
    from {{ ref('base_order_payments') }}
    where reject_reason is null
)

select * from final
