{% macro is_measured(customer, shares) -%}
    {#- Whether a customer is among those measured at the date of a row of segmentation_work.measured_share. -#}
    ({{ shares }}.halvings = 0 or md5({{ customer }}) < {{ shares }}.digest_below)
{%- endmacro %}
