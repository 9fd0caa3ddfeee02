{{ config(enabled=var('adapter') == 'olist') }}

with final as (
    select
        order_customer_id,
        customer_unique_id,
        customer_zip_code_prefix,
        customer_city,
        customer_state,
    from {{ ref('base_customers') }}
    where reject_reason is null
)

select * from final
