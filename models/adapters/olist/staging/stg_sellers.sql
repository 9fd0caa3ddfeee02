{{ config(enabled=var('adapter') == 'olist') }}

with final as (
    select
        seller_id,
        seller_zip_code_prefix,
        seller_city,
        seller_state,
    from {{ ref('base_sellers') }}
    where reject_reason is null
)

select * from final
