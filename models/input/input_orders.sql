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
-- Without guests, who are counted in marts.data_quality.
with orders as (
    select
        order_id,
        customer_unique_id,
        event_at as purchased_at,
        cast(null as timestamp) as delivered_at,
        cast(null as string) as customer_state,
        cast(null as string) as main_payment_type,
        amount as order_value,
        false as is_value_imputed
    from {{ ref('shop_events') }}
    where kind = 'order' and customer_unique_id is not null
),
{%- endif %}

final as (
    select *
    from orders
)

select * from final
