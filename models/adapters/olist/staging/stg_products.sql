{{ config(enabled=var('adapter') == 'olist', post_hook="{{ keep_csv_rejects('olist_products_dataset') }}") }}

with raw as (
    select
        product_id,
        product_category_name,
        product_name_lenght,
        product_description_lenght,
        product_photos_qty,
        product_weight_g,
        product_length_cm,
        product_height_cm,
        product_width_cm
    from {{ raw_table('olist_products_dataset') }}
),

typed as (
    select
        *,
        {{ to_key('product_id') }} as product_key,
        {{ to_key('product_category_name') }} as category,
        {{ to_integer('product_name_lenght') }} as name_length,
        {{ to_integer('product_description_lenght') }} as description_length,
        {{ to_integer('product_photos_qty') }} as photo_count,
        {{ to_integer('product_weight_g') }} as weight_g,
        {{ to_integer('product_length_cm') }} as length_cm,
        {{ to_integer('product_height_cm') }} as height_cm,
        {{ to_integer('product_width_cm') }} as width_cm
    from raw
),

checked as (
    select
        *,
        case
            when product_key is null then 'product_id is empty'
            when {{ refused('product_name_lenght', 'name_length') }} then 'product_name_lenght is not a whole number'
            when {{ refused('product_description_lenght', 'description_length') }}
                then 'product_description_lenght is not a whole number'
            when {{ refused('product_photos_qty', 'photo_count') }} then 'product_photos_qty is not a whole number'
            when {{ refused('product_weight_g', 'weight_g') }} then 'product_weight_g is not a whole number'
            when {{ refused('product_length_cm', 'length_cm') }} then 'product_length_cm is not a whole number'
            when {{ refused('product_height_cm', 'height_cm') }} then 'product_height_cm is not a whole number'
            when {{ refused('product_width_cm', 'width_cm') }} then 'product_width_cm is not a whole number'
        end as row_problem
    from typed
),

numbered as (
    {{ numbered_by_key('checked', ['product_key'], [
        'product_category_name', 'product_name_lenght', 'product_description_lenght', 'product_photos_qty',
        'product_weight_g', 'product_length_cm', 'product_height_cm', 'product_width_cm', 'product_id'
    ]) }}
),

judged as (
    select
        *,
        case
            when row_problem is not null then row_problem
            when key_occurrence > 1 then 'duplicate key: product_id'
        end as reject_reason
    from numbered
),

final as (
    select
        product_key as product_id,
        category as product_category_name,
        name_length as product_name_length,
        description_length as product_description_length,
        photo_count as product_photo_count,
        weight_g as product_weight_g,
        length_cm as product_length_cm,
        height_cm as product_height_cm,
        width_cm as product_width_cm,
        reject_reason,
        case
            when reject_reason is not null
                then {{ json_object([
                    'product_id', 'product_category_name', 'product_name_lenght', 'product_description_lenght',
                    'product_photos_qty', 'product_weight_g', 'product_length_cm', 'product_height_cm',
                    'product_width_cm'
                ]) }}
        end as raw_text
    from judged
)

select * from final
