{% macro is_measured(customer, shares) -%}
    {#- Whether a customer is among those measured at the date of a row of segmentation_work.period_inputs. -#}
    ({{ shares }}.halvings = 0 or md5({{ customer }}) < {{ shares }}.digest_below)
{%- endmacro %}
