{#- What the questions of the Customer Experience team share. -#}

{% macro known_cancelled(order_status, is_final_status_known) -%}
    {#-
        Whether an order was known to be cancelled. Olist has no time of cancellation, only the status at the
        extract: that is a fact for the latest as-of date, and the future for every earlier one.
    -#}
    ({{ is_final_status_known }} and {{ order_status }} = 'canceled')
{%- endmacro %}


{% macro is_iso_date(value) -%}
    {#- Whether a text is a day of the calendar, as 2018-10-18. -#}
    {% set match = modules.re.fullmatch('([0-9]{4})-(0[1-9]|1[0-2])-([0-3][0-9])', value) %}
    {% if not match %}{{ return(false) }}{% endif %}
    {% set year, month, day = match.group(1) | int, match.group(2) | int, match.group(3) | int %}
    {% set leap_day = 1 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 0 %}
    {% set days = [31, 28 + leap_day, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] %}
    {{ return(year > 0 and 1 <= day <= days) }}
{%- endmacro %}


{% macro distance_km(latitude, longitude, other_latitude, other_longitude) -%}
    {#- Great-circle distance of two points in degrees, km. The least() keeps a rounded sine at most 1. -#}
    2 * 6371 * asin(least(1, sqrt(
        pow(sin(radians({{ latitude }} - {{ other_latitude }}) / 2), 2)
        + cos(radians({{ latitude }})) * cos(radians({{ other_latitude }}))
        * pow(sin(radians({{ longitude }} - {{ other_longitude }}) / 2), 2)
    )))
{%- endmacro %}
