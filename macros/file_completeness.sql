{% macro file_completeness_checks() -%}
    {#-
        What the raw files say of each other: the keys in the accepted rows of some columns must be found in any row of another
        file, which was cut off when more are missing than setting largest_missing_shares allows. A review comes weeks after its order.
    -#}
    {{ return({
        'orders_without_customer': {
            'file': 'olist_customers_dataset', 'counted_as': 'orders have no customer',
            'counted': [('base_orders', 'order_customer_id')], 'found_in': ('base_customers', 'order_customer_id'),
        },
        'customers_without_order': {
            'file': 'olist_orders_dataset', 'counted_as': 'customers have no order',
            'counted': [('base_customers', 'order_customer_id')], 'found_in': ('base_orders', 'order_customer_id'),
        },
        'orders_without_payment': {
            'file': 'olist_order_payments_dataset', 'counted_as': 'orders have no payment',
            'counted': [('base_orders', 'order_id')], 'found_in': ('base_order_payments', 'order_id'),
        },
        'orders_without_line': {
            'file': 'olist_order_items_dataset', 'counted_as': 'orders have no order line',
            'counted': [('base_orders', 'order_id')], 'found_in': ('base_order_items', 'order_id'),
        },
        'orders_without_review': {
            'file': 'olist_order_reviews_dataset', 'counted_as': 'orders older than 60 days have no review',
            'counted': [('stg_orders', 'order_id')], 'found_in': ('base_order_reviews', 'order_id'),
            'where': 'purchased_at < (select settled_before from settled)',
        },
        'products_missing': {
            'file': 'olist_products_dataset', 'counted_as': 'products that were ordered are missing',
            'counted': [('base_order_items', 'product_id')], 'found_in': ('base_products', 'product_id'),
        },
        'sellers_missing': {
            'file': 'olist_sellers_dataset', 'counted_as': 'sellers of order lines are missing',
            'counted': [('base_order_items', 'seller_id')], 'found_in': ('base_sellers', 'seller_id'),
        },
        'zip_prefixes_missing': {
            'file': 'olist_geolocation_dataset', 'counted_as': 'zip-code prefixes of customers and sellers are missing',
            'found_in': ('stg_geolocation', 'zip_code_prefix'),
            'counted': [('base_customers', 'customer_zip_code_prefix'), ('base_sellers', 'seller_zip_code_prefix')],
        },
        'categories_missing': {
            'file': 'product_category_name_translation', 'counted_as': 'categories of products are missing',
            'counted': [('base_products', 'product_category_name')],
            'found_in': ('base_product_categories', 'product_category_name'),
        },
    }) }}
{%- endmacro %}
