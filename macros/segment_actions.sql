{% macro has_action(actions, segment_code, recency_days) -%}
    {#- Whether a row of seed segment_actions is what to do with a customer, to join by. -#}
    {{ segment_code }} = {{ actions }}.segment_code
        and {{ recency_days }} >= coalesce({{ actions }}.minimum_recency_days, 0)
        and {{ recency_days }} < coalesce({{ actions }}.maximum_recency_days, {{ recency_days }} + 1)
{%- endmacro %}
