{#- Values that a business decides on, out of seeds, each as a scalar. -#}

{% macro question_limit(code) -%}
    {#- A limit in a question of the Customer Experience team, by seed question_limits. -#}
    (select limit_value from {{ ref('question_limits') }} where limit_code = '{{ code }}')
{%- endmacro %}

{% macro policy_cost(code) -%}
    {#- A price or time, by seed policy_costs. -#}
    (select cost_value from {{ ref('policy_costs') }} where cost_code = '{{ code }}')
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
