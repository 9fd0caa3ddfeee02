"""The nine files of the Olist data set: their names and columns, in the order of the files."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CUSTOMERS = "olist_customers_dataset.csv"
GEOLOCATION = "olist_geolocation_dataset.csv"
ORDER_ITEMS = "olist_order_items_dataset.csv"
ORDER_PAYMENTS = "olist_order_payments_dataset.csv"
ORDER_REVIEWS = "olist_order_reviews_dataset.csv"
ORDERS = "olist_orders_dataset.csv"
PRODUCTS = "olist_products_dataset.csv"
SELLERS = "olist_sellers_dataset.csv"
TRANSLATION = "product_category_name_translation.csv"

FILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        CUSTOMERS: (
            "customer_id",
            "customer_unique_id",
            "customer_zip_code_prefix",
            "customer_city",
            "customer_state",
        ),
        GEOLOCATION: (
            "geolocation_zip_code_prefix",
            "geolocation_lat",
            "geolocation_lng",
            "geolocation_city",
            "geolocation_state",
        ),
        ORDER_ITEMS: (
            "order_id",
            "order_item_id",
            "product_id",
            "seller_id",
            "shipping_limit_date",
            "price",
            "freight_value",
        ),
        ORDER_PAYMENTS: (
            "order_id",
            "payment_sequential",
            "payment_type",
            "payment_installments",
            "payment_value",
        ),
        ORDER_REVIEWS: (
            "review_id",
            "order_id",
            "review_score",
            "review_comment_title",
            "review_comment_message",
            "review_creation_date",
            "review_answer_timestamp",
        ),
        ORDERS: (
            "order_id",
            "customer_id",
            "order_status",
            "order_purchase_timestamp",
            "order_approved_at",
            "order_delivered_carrier_date",
            "order_delivered_customer_date",
            "order_estimated_delivery_date",
        ),
        # "lenght" is the spelling of the data set.
        PRODUCTS: (
            "product_id",
            "product_category_name",
            "product_name_lenght",
            "product_description_lenght",
            "product_photos_qty",
            "product_weight_g",
            "product_length_cm",
            "product_height_cm",
            "product_width_cm",
        ),
        SELLERS: (
            "seller_id",
            "seller_zip_code_prefix",
            "seller_city",
            "seller_state",
        ),
        TRANSLATION: (
            "product_category_name",
            "product_category_name_english",
        ),
    }
)

SYNTHETIC_MARKER = "_synthetic.json"
"""File beside the nine whose presence says: made by the generator, not measured."""
