{% if var('adapter') == 'olist' -%}
with orders as (
    select
        order_id,
        customer_unique_id,
        purchased_at,
        delivered_at,
        customer_state,
        main_payment_type,
        order_value,
        is_value_imputed
    from {{ ref('orders') }}
),
{%- else -%}
{% set traits = ['state', 'payment_type'] | select('in', shop_traits()) | list %}
-- Without guests, who are counted in marts.data_quality.
with events as (
    select *
    from {{ ref('shop_events') }}
    where kind = 'order' and customer_unique_id is not null
),

{% for trait in traits -%}
{{ trait }}s as (
    -- Of several within an order, the one with most money on its first day.
    select
        order_id,
        value,
        row_number() over (
            partition by order_id
            order by ordered_on nulls last, amount desc nulls last, value nulls last
        ) as value_rank
    from {{ ref('shop_order_traits') }}
    where trait = '{{ trait }}'
),

{% endfor -%}
orders as (
    select
        events.order_id,
        events.customer_unique_id,
        events.event_at as purchased_at,
        cast(null as timestamp) as delivered_at,
        {{ 'states.value' if 'state' in traits else 'cast(null as string)' }} as customer_state,
        {{ 'payment_types.value' if 'payment_type' in traits else 'cast(null as string)' }} as main_payment_type,
        events.amount as order_value,
        false as is_value_imputed
    from events
    {% for trait in traits %}
    left join {{ trait }}s on events.order_id = {{ trait }}s.order_id and {{ trait }}s.value_rank = 1
    {% endfor %}
),
{%- endif %}

final as (
    select *
    from orders
)

select * from final
