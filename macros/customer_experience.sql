{#- What the questions of the Customer Experience team share. -#}

{% macro known_cancelled(order_status, is_final_status_known) -%}
    {#-
        Whether an order was known to be cancelled. Olist has no time of cancellation, only the status at the
        extract: that is a fact for the latest as-of date, and the future for every earlier one.
    -#}
    ({{ is_final_status_known }} and {{ order_status }} = 'canceled')
{%- endmacro %}


{% macro distance_km(latitude, longitude, other_latitude, other_longitude) -%}
    {#- Great-circle distance of two points in degrees, km. The least() keeps a rounded sine at most 1. -#}
    2 * 6371 * asin(least(1, sqrt(
        pow(sin(radians({{ latitude }} - {{ other_latitude }}) / 2), 2)
        + cos(radians({{ latitude }})) * cos(radians({{ other_latitude }}))
        * pow(sin(radians({{ longitude }} - {{ other_longitude }}) / 2), 2)
    )))
{%- endmacro %}
