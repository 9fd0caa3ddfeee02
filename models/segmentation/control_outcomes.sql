{#- Normal quantile of a power of 80 %. -#}
{% set z_power = 0.8416212335729143 %}
{% set effect = setting('outcomes', 'control_effect') %}
{% set control = setting('outcomes', 'control_share') %}

with counts as (
    select *
    from {{ ref('control_counts') }}
),

shares as (
    select
        *,
        {%- for group in ['treated', 'control'] %}
        cast({{ group }}_ordering as double) / nullif({{ group }}_customers, 0) as {{ group }}_share,
        {{ wilson(group ~ '_ordering', group ~ '_customers', 'low') }} as {{ group }}_low,
        {{ wilson(group ~ '_ordering', group ~ '_customers', 'high') }} as {{ group }}_high,
        {{ group }}_revenue / nullif({{ group }}_customers, 0) as {{ group }}_revenue_per_customer,
        ({{ group }}_squares - {{ group }}_revenue * {{ group }}_revenue / nullif({{ group }}_customers, 0))
        / nullif({{ group }}_customers - 1, 0) / {{ group }}_customers as {{ group }}_revenue_error,
        {%- endfor %}
        cast(treated_ordering + control_ordering as double) / (treated_customers + control_customers) as base_share,
    from counts
),

compared as (
    select
        *,
        treated_share - control_share as difference,
        sqrt(power(treated_share - treated_low, 2) + power(control_high - control_share, 2)) as reach_down,
        sqrt(power(treated_high - treated_share, 2) + power(control_share - control_low, 2)) as reach_up,
        treated_revenue_per_customer - control_revenue_per_customer as revenue_difference,
        {{ z_of_interval() }} * sqrt(treated_revenue_error + control_revenue_error) as revenue_reach,
        least(base_share * {{ 1 + effect }}, 1) as effect_share,
    from shares
),

sized as (
    select
        *,
        {{ 1 - control }} * effect_share + {{ control }} * base_share as mean_share,
    from compared
),

final as (
    select
        as_of_date,
        horizon_days,
        segment_code,
        segment_name,
        cast(treated_customers as bigint) as treated_customers,
        cast(control_customers as bigint) as control_customers,
        cast(treated_ordering as bigint) as treated_ordering,
        cast(control_ordering as bigint) as control_ordering,
        treated_share,
        control_share,
        difference,
        difference - reach_down as difference_low,
        difference + reach_up as difference_high,
        treated_revenue_per_customer,
        control_revenue_per_customer,
        revenue_difference,
        revenue_difference - revenue_reach as revenue_difference_low,
        revenue_difference + revenue_reach as revenue_difference_high,
        {% if 0 < control < 1 -%}
        cast(
            ceil(
                power(
                    {{ z_of_interval() }} * sqrt(mean_share * (1 - mean_share) * {{ 1 / control + 1 / (1 - control) }})
                    + {{ z_power }} * sqrt(
                        base_share * (1 - base_share) / {{ control }}
                        + effect_share * (1 - effect_share) / {{ 1 - control }}
                    ), 2
                ) / nullif(power(effect_share - base_share, 2), 0)
            ) as bigint
        ) as customers_needed,
        {%- else -%}
        cast(null as bigint) as customers_needed,
        {%- endif %}
        is_sparse,
    from sized
)

select * from final
