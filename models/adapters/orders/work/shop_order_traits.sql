{{ config(enabled=var('adapter') == 'orders') }}

with lines as (
    select
        coalesce(order_id, customer_unique_id || '@' || cast(ordered_at as date)) as order_id,
        customer_unique_id,
        cast(ordered_at as date) as ordered_on,
        {%- for trait in shop_traits() %}
        trait_{{ trait }},
        {%- endfor %}
        amount
    from {{ ref('shop_lines') }}
    where
        customer_unique_id is not null
        and ordered_at is not null
        and amount >= 0
        and not is_refund_status
),

traits as (
    {%- for trait in shop_traits() %}
    select
        order_id,
        customer_unique_id,
        ordered_on,
        '{{ trait }}' as trait,
        trait_{{ trait }} as value,
        amount
    from lines
    where trait_{{ trait }} is not null
    union all
    {%- endfor %}
    select
        order_id,
        customer_unique_id,
        ordered_on,
        cast(null as string) as trait,
        cast(null as string) as value,
        amount
    from lines
    where false
),

final as (
    select
        order_id,
        customer_unique_id,
        ordered_on,
        trait,
        value,
        sum(amount) as amount
    from traits
    group by order_id, customer_unique_id, ordered_on, trait, value
)

select * from final
