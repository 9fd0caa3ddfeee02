{{ config(enabled=var('adapter') == 'olist', materialized='table') }}

{% set base_models = {
    'base_customers': ('olist_customers_dataset', ['order_customer_id']),
    'base_geolocation': ('olist_geolocation_dataset', ['zip_code_prefix']),
    'base_order_items': ('olist_order_items_dataset', ['order_id', 'order_item_number']),
    'base_order_payments': ('olist_order_payments_dataset', ['order_id', 'payment_sequential']),
    'base_order_reviews': ('olist_order_reviews_dataset', ['review_id', 'order_id']),
    'base_orders': ('olist_orders_dataset', ['order_id']),
    'base_product_categories': ('product_category_name_translation', ['product_category_name']),
    'base_products': ('olist_products_dataset', ['product_id']),
    'base_sellers': ('olist_sellers_dataset', ['seller_id']),
} %}

with refused_by_reader as (
    select
        file_name,
        record_number,
        cast(null as string) as row_key,
        reason,
        raw_text,
    from {{ source('reader', 'csv_rejects') }}
),

{% for model, (file_name, key) in base_models.items() -%}
{{ model }}_rejected as (
    select
        '{{ file_name }}' as file_name,
        cast(null as bigint) as record_number,
        concat_ws(' + ', {{ key | join(', ') }}) as row_key,
        reject_reason as reason,
        raw_text,
    from {{ ref(model) }}
    where reject_reason is not null
),

{% endfor -%}

final as (
    select * from refused_by_reader
    {% for model in base_models -%}
    union all
    select * from {{ model }}_rejected
    {% endfor %}
)

select * from final
