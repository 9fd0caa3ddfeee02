{#- Traits in bands: name, expression, and the upper limits of the bands (the last one is open). -#}
{% set banded = {
    'payment_installments': ('payment_installments', [1, 3, 6]),
    'review_score': ('average_review_score', [2, 3, 4]),
    'delivery_delay_days': ('delivery_delay_days', [-15, -8, 0, 7]),
    'freight_share': ('freight_share', [0.1, 0.2, 0.3]),
    'city_size_customers': ('customers_in_city', [10, 100, 1000]),
    'last_purchase_hour': ('last_purchase_hour', [5, 11, 17]),
} %}
{% set named = [
    'state', 'region', 'product_category', 'payment_type', 'last_purchase_weekday',
] %}

with customers as (
    select *
    from {{ ref('study_customers') }}
),

final as (
    {%- for trait in named %}
    select
        as_of_date,
        customer_unique_id,
        '{{ trait }}' as trait,
        {{ trait }} as value,
    from customers
    union all
    {%- endfor %}
    select
        as_of_date,
        customer_unique_id,
        'first_order_quarter' as trait,
        year(first_order_quarter) || '-Q' || quarter(first_order_quarter) as value,
    from customers
    {%- for trait, (column, limits) in banded.items() %}
    union all
    select
        as_of_date,
        customer_unique_id,
        '{{ trait }}' as trait,
        case
            when {{ column }} is null then 'unknown'
            {%- for limit in limits %}
            {%- set band = ('above ' ~ limits[loop.index0 - 1] ~ ' ' if not loop.first else '') ~ 'up to ' ~ limit %}
            when {{ column }} <= {{ limit }} then '{{ loop.index }}. {{ band }}'
            {%- endfor %}
            else '{{ limits | length + 1 }}. above {{ limits | last }}'
        end as value,
    from customers
    {%- endfor %}
)

select * from final
