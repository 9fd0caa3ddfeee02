{{ config(enabled=var('adapter') == 'olist', materialized='table') }}

{% set staged = {
    'olist_customers_dataset': 'base_customers',
    'olist_geolocation_dataset': 'base_geolocation',
    'olist_order_items_dataset': 'base_order_items',
    'olist_order_payments_dataset': 'base_order_payments',
    'olist_order_reviews_dataset': 'base_order_reviews',
    'olist_orders_dataset': 'base_orders',
    'product_category_name_translation': 'base_product_categories',
    'olist_products_dataset': 'base_products',
    'olist_sellers_dataset': 'base_sellers',
} %}

with rejected as (
    select
        file_name,
        count(*) as rejected_rows,
        count(record_number) as refused_by_reader,
    from {{ ref('rejected_rows') }}
    group by file_name
),

read as (
    {% for file_name, model in staged.items() -%}
    select
        '{{ file_name }}' as file_name,
        count(*) as parsed_rows,
        count(*) filter (where reject_reason is null) as staged_rows,
    from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

final as (
    select
        read.file_name,
        cast(read.parsed_rows + coalesce(rejected.refused_by_reader, 0) as bigint) as raw_rows,
        cast(read.staged_rows as bigint) as staged_rows,
        cast(coalesce(rejected.rejected_rows, 0) as bigint) as rejected_rows,
        cast(coalesce(rejected.rejected_rows, 0) as double)
        / nullif(read.parsed_rows + coalesce(rejected.refused_by_reader, 0), 0) as rejected_share,
        cast({{ is_synthetic() }} as boolean) as is_synthetic,
    from read
    left join rejected on read.file_name = rejected.file_name
)

select * from final
