{#- What differs between the adapters: Olist's nine files (olist), and one table of orders of any shop (orders). -#}

{% macro currency() -%}
    {#- Three letters, ISO 4217; XXX is its code for none. -#}
    {{ return('BRL' if var('adapter') == 'olist' else var('shop').get('currency') or 'XXX') }}
{%- endmacro %}

{% macro money_unit(language) -%}
    {#- What stands after an amount in a sentence: the currency, or where it is not known a word. -#}
    {{ return(currency() if currency() != 'XXX' else 'dépensés' if language == 'fr' else 'spent') }}
{%- endmacro %}

{% macro notice() -%}
    {#- What is printed on a page or file made from the data. -#}
    {{ return(
        'Brazilian E-Commerce Public Dataset by Olist, CC BY-NC-SA 4.0' if var('adapter') == 'olist'
        else (var('shop').get('notice') or 'Own orders') | string
    ) }}
{%- endmacro %}

{% macro shop_name() -%}
    {{ return('Olist' if var('adapter') == 'olist' else (var('shop').get('name') or 'own orders') | string) }}
{%- endmacro %}

{% macro sql_texts(values) -%}
    {#- Texts in a list of SQL, for `in`; of none, one that nothing equals. -#}
    {%- set quoted = [] -%}
    {%- for value in values %}{% do quoted.append(sql_text(value | string)) %}{% endfor -%}
    {{ return(quoted | join(', ') or 'null') }}
{%- endmacro %}

{% macro shop_lines() -%}
    {#-
        The orders that var shop names as a select of order_id, customer_id, ordered_at, amount, status, a column trait_… for each
        trait, review_score and review_answered_at, typed. What they are like is found out by python/customer_segmentation/shop
        (function of its plugin); of a dbt model it looks at a copy.
    -#}
    {% set shop = var('shop') %}
    {% set orders = shop.get('orders') %}
    {% if not execute or not orders %}
        {#- Of a database that is only documented nobody says where its orders are. -#}
        {% if orders is mapping and orders.get('model') %}{% do ref(orders.model) %}{% endif %}
        {% set columns = ['order_id', 'customer_id', 'ordered_at', 'amount', 'status', 'review_score', 'review_answered_at'] %}
        {% for trait in shop_traits() %}{% do columns.append('trait_' ~ trait) %}{% endfor %}
        {{ return('select null as ' ~ columns | join(', null as ')) }}
    {% endif %}
    {% set relation = (ref(orders.model) | string) if orders is mapping and orders.get('model') else none %}
    {% set reading = shop_reading(shop, relation) %}
    {% if reading.problems %}{{ exceptions.raise_compiler_error(orders_cannot_be_used(reading.problems)) }}{% endif %}
    {{ return(reading.sql) }}
{%- endmacro %}

{% macro shop_reading(shop, relation) -%}
    {#- How the orders are read: sql; or problems. The relation is that of a dbt model, or none. -#}
    {{ return(adapter.dispatch('shop_reading')(shop, relation)) }}
{%- endmacro %}

{% macro duckdb__shop_reading(shop, relation) -%}
    {#- Function of the plugin shop/plugin. -#}
    {% set model = {} %}
    {% if relation %}
        {% set copy = first_values("select current_setting('temp_directory') || '.model.parquet'")[0] %}
        {% do run_query("copy (from " ~ relation ~ ") to " ~ sql_text(copy) ~ " (format parquet)") %}
        {% do model.update({'relation': relation, 'copy': copy, 'settings': settings_of_a_shop()}) %}
    {% endif %}
    {{ return(fromjson(first_values(
        "select shop_reading(" ~ sql_text(tojson(shop)) ~ ", " ~ sql_text(tojson(model))
        ~ ", current_setting('temp_directory') || '.shop')"
    )[0])) }}
{%- endmacro %}

{% macro shop_traits() -%}
    {#- Names of the traits that var shop names: columns of the orders, then of the customers. -#}
    {% set shop = var('shop') %}
    {% set found = (shop.get('traits') or {}) | list %}
    {% do found.extend((shop.get('customers') or {}).get('traits') or {}) %}
    {{ return(found) }}
{%- endmacro %}

{% macro shop_reviews() -%}
    {#- The reviews of var shop as a select of order_id, review_score and review_answered_at, typed. -#}
    {% set of_lines %}
    select distinct
        coalesce(order_id, customer_unique_id || '@' || cast(ordered_at as date)) as order_id,
        review_score,
        review_answered_at
    from {{ ref('shop_lines') }}
    where review_score is not null
    {%- endset %}
    {% if not execute or not (var('shop').get('reviews') or {}).get('from') %}{{ return(of_lines) }}{% endif %}
    {% set reading = shop_reviews_reading(var('shop')) %}
    {% if reading.problems %}{{ exceptions.raise_compiler_error(orders_cannot_be_used(reading.problems)) }}{% endif %}
    {{ return(reading.sql) }}
{%- endmacro %}

{% macro shop_reviews_reading(shop) -%}
    {#- How reviews elsewhere than in the orders are read: sql; or problems. -#}
    {{ return(adapter.dispatch('shop_reviews_reading')(shop)) }}
{%- endmacro %}

{% macro duckdb__shop_reviews_reading(shop) -%}
    {{ return(fromjson(first_values(
        "select shop_reviews(" ~ sql_text(tojson(shop)) ~ ", current_setting('temp_directory') || '.reviews')"
    )[0])) }}
{%- endmacro %}

{% macro has_input(feature) -%}
    {#- Whether a shop's orders have what a feature is made of (`needs` of `vars: features:`); Olist's have everything. -#}
    {% set needs = var('features')[feature].needs %}
    {{ return(
        var('adapter') == 'olist' or not needs
        or needs == 'reviews' and (var('shop').get('reviews') or {}) | length > 0
        or needs in shop_traits()
    ) }}
{%- endmacro %}

{% macro settings_of_a_shop() -%}
    {#- What orders are judged by before anything is built. -#}
    {{ return({
        'minimum_customers': setting('minimum_customers'), 'minimum_history_days': setting('minimum_history_days'),
        'first_as_of_date': setting('first_as_of_date'),
    }) }}
{%- endmacro %}

{% macro orders_cannot_be_used(problems) -%}
    {{ return("The orders of var shop cannot be used; nothing was replaced.\n  - " ~ problems | join("\n  - ")) }}
{%- endmacro %}

{% macro shop_problems(shop, settings) -%}
    {#- What speaks against the orders, as sentences: problems. -#}
    {{ return(adapter.dispatch('shop_problems')(shop, settings)) }}
{%- endmacro %}

{% macro duckdb__shop_problems(shop, settings) -%}
    {{ return(fromjson(first_values(
        "select shop_problems(" ~ sql_text(tojson(shop)) ~ ", " ~ sql_text(tojson(settings)) ~ ")"
    )[0])) }}
{%- endmacro %}

{% macro check_shop() -%}
    {#- Before any table is replaced: the orders can be read, and mean what var shop says. -#}
    {% set shop = var('shop') %}
    {% set is_model = shop.get('orders') is mapping and 'model' in shop.orders %}
    {% if execute and flags.WHICH in ['run', 'build'] and var('adapter') == 'orders' and not is_model %}
        {% set found = shop_problems(shop, settings_of_a_shop()) %}
        {% if found.problems %}{{ exceptions.raise_compiler_error(orders_cannot_be_used(found.problems)) }}{% endif %}
    {% endif %}
{%- endmacro %}
