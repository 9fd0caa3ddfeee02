{#- What differs between the adapters: Olist's nine files (olist), and one table of orders of any shop (orders). -#}

{% macro currency() -%}
    {#- Three letters, ISO 4217; XXX is its code for none. -#}
    {{ return('BRL' if var('adapter') == 'olist' else var('shop').get('currency') or 'XXX') }}
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
        The orders that var shop names as a select of order_id, customer_id, ordered_at, amount and status, typed. What the files
        are like is found out by python/customer_segmentation/shop (function of its plugin); a dbt model is read as it is.
    -#}
    {% set shop = var('shop') %}
    {% set orders = shop.get('orders') %}
    {% if not execute %}
        {% if orders is mapping and orders.get('model') %}{% do ref(orders.model) %}{% endif %}
        {{ return('select null as order_id, null as customer_id, null as ordered_at, null as amount, null as status') }}
    {% endif %}
    {% set relation, columns = none, [] %}
    {% if orders is mapping and orders.get('model') %}
        {% set relation = ref(orders.model) | string %}
        {% for column in adapter.get_columns_in_relation(builtins.ref(orders.model)) %}
            {% do columns.append([column.name, column.data_type]) %}
        {% endfor %}
    {% endif %}
    {% set reading = fromjson(first_values(
        "select shop_reading(" ~ sql_text(tojson(shop)) ~ ", " ~ sql_text(tojson({'relation': relation, 'columns': columns}))
        ~ ", current_setting('temp_directory') || '.shop')"
    )[0]) %}
    {% if reading.problems %}{{ exceptions.raise_compiler_error(reading.problems | join("\n")) }}{% endif %}
    {{ return(reading.sql) }}
{%- endmacro %}

{% macro check_shop() -%}
    {#- Before any table is replaced: the orders can be read, and mean what var shop says. -#}
    {% set shop = var('shop') %}
    {% set is_model = shop.get('orders') is mapping and 'model' in shop.orders %}
    {% if execute and flags.WHICH in ['run', 'build'] and var('adapter') == 'orders' and not is_model %}
        {% set settings = {
            'minimum_customers': setting('minimum_customers'), 'minimum_history_days': setting('minimum_history_days'),
            'first_as_of_date': setting('first_as_of_date'),
        } %}
        {% set found = fromjson(first_values(
            "select shop_problems(" ~ sql_text(tojson(shop)) ~ ", " ~ sql_text(tojson(settings)) ~ ")"
        )[0]) %}
        {% if found.problems %}
            {{ exceptions.raise_compiler_error(
                "The orders of var shop cannot be used; nothing was replaced.\n  - " ~ found.problems | join("\n  - ")
            ) }}
        {% endif %}
    {% endif %}
{%- endmacro %}
