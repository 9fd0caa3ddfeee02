{{ config(enabled=var('adapter') == 'olist') }}

with products as (
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
),

categories as (
    select
        product_category_name,
        product_category_name_english,
    from {{ ref('base_product_categories') }}
    where reject_reason is null
),

final as (
    select
        products.*,
        categories.product_category_name_english,
    from products
    left join categories on products.product_category_name = categories.product_category_name
)

select * from final
