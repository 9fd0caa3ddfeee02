{% macro counted_at() -%}
    {#- The moment from which an order counts, by var order_basis; null for one that never does. -#}
    {{ 'purchased_at' if setting('order_basis') == 'placed' else 'delivered_at' }}
{%- endmacro %}
