{#- Numbers in sentences. -#}

{% macro decimals(expression, places) -%}
    cast(round({{ expression }}, {{ places }}) as decimal(18, {{ places }}))
{%- endmacro %}

{% macro percent(expression, places) -%}
    cast(round(100 * ({{ expression }}), {{ places }}) as decimal(18, {{ places }})) || ' %'
{%- endmacro %}

{% macro number_text(expression, is_whole) -%}
    {#- A number as people write it: whole ones without a point, others with up to six decimals and no zeros at the end. -#}
    case
        when {{ is_whole }} then cast(cast(round({{ expression }}) as bigint) as string)
        else regexp_replace(cast(cast(round({{ expression }}, 6) as decimal(24, 6)) as string), '\.?0+$', '')
    end
{%- endmacro %}

{% macro with_decimal_mark(text, language) -%}
    {#- A number as people of a language write it; nothing for null. -#}
    coalesce(case when {{ language }} = 'fr' then replace({{ text }}, '.', ',') else {{ text }} end, '')
{%- endmacro %}
