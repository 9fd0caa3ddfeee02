{#- What the macros of the project ask of the adapter about somebody's own orders. DuckDB, in the driver, reads them into Parquet. -#}

{% macro spark__shop_problems(shop, settings) -%}
    {{ return(adapter.shop_problems(shop, settings)) }}
{%- endmacro %}

{% macro spark__shop_reading(shop, relation) -%}
    {{ return(adapter.shop_reading(shop, relation, settings_of_a_shop())) }}
{%- endmacro %}

{% macro spark__shop_reviews_reading(shop) -%}
    {{ return(adapter.shop_reviews(shop)) }}
{%- endmacro %}
