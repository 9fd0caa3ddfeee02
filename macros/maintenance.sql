{% macro shown(expression, digits=3) -%}
    {#- A number in a sentence. -#}
    cast(cast({{ expression }} as decimal(18, {{ digits }})) as string)
{%- endmacro %}

{% macro thresholds_in_one_row(codes) -%}
    {#- The rows of seed maintenance_thresholds named in codes as columns <code>_watch and <code>_act. -#}
    select
        {%- for code in codes %}
        max(case when threshold_code = '{{ code }}' then watch_value end) as {{ code }}_watch,
        max(case when threshold_code = '{{ code }}' then act_value end) as {{ code }}_act,
        {%- endfor %}
    from {{ ref('maintenance_thresholds') }}
{%- endmacro %}
