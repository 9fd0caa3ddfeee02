with final as (
    select
        product_id,
        product_category_name,
        product_name_length,
        product_description_length,
        product_photo_count,
        product_weight_g,
        product_length_cm,
        product_height_cm,
        product_width_cm,
    from {{ ref('base_products') }}
    where reject_reason is null
)

select * from final
