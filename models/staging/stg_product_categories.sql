with final as (
    select
        product_category_name,
        product_category_name_english,
    from {{ ref('base_product_categories') }}
    where reject_reason is null
)

select * from final
