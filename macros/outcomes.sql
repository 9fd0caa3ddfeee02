{#- Arithmetic of shares of customers who ordered later. -#}

{% macro z_of_interval() -%}
    {#- Normal quantile of a two-sided interval of 95 %. -#}
    1.959963984540054
{%- endmacro %}

{% macro wilson(successes, trials, end) -%}
    {#-
        End (low or high) of the score interval of a share, 95 %; null without trials. Source: Wilson (1927), JASA 22, without
        continuity correction; measure/association.py of the package has the same.
    -#}
    {%- set z = z_of_interval() -%}
    {%- set share = '(cast(' ~ successes ~ ' as double) / nullif(' ~ trials ~ ', 0))' -%}
    {%- set reach = z ~ ' * sqrt(' ~ trials ~ ' * ' ~ share ~ ' * (1 - ' ~ share ~ ') + ' ~ z ~ ' * ' ~ z ~ ' / 4)' -%}
    case
            when {{ successes }} = {{ 0 if end == 'low' else trials }} and {{ trials }} > 0 then {{ 0 if end == 'low' else 1 }}
            else ({{ successes }} + {{ z }} * {{ z }} / 2 {{ '-' if end == 'low' else '+' }} {{ reach }})
                / nullif({{ trials }} + {{ z }} * {{ z }}, 0)
        end
{%- endmacro %}

{% macro is_control(customer) -%}
    {#-
        Whether a customer is in the control group of campaigns: the digest of settings control_salt and the customer's number is
        among the lowest control_share of all digests, so that a person is on the same side in every build and campaign.
    -#}
    {%- set share = var('control_share') | float -%}
    {%- if share >= 1 -%}
    true
    {%- else -%}
    left(md5('{{ var("control_salt") | replace("'", "''") }}:' || {{ customer }}), 8) < '{{ "%08x" | format((share * 4294967296) | round | int) }}'
    {%- endif -%}
{%- endmacro %}

{% macro customers_who_order(customers, share, overall) -%}
    {#- How many ordered, in words. -#}
    {{ customers }} || ' ordered, ' || {{ percent(share, 2) }} || ' of them; of all customers ' || {{ percent(overall, 2) }} || '.'
{%- endmacro %}
