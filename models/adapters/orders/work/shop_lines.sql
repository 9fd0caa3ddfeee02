{{ config(enabled=var('adapter') == 'orders') }}

with lines as (
    {{ shop_lines() }}
),

final as (
    select
        cast(order_id as string) as order_id,
        cast(customer_id as string) as customer_unique_id,
        cast(ordered_at as timestamp) as ordered_at,
        -- Exact decimals: a sum of doubles depends on the order of its terms.
        cast(amount as decimal(24, 6)) as amount,
        coalesce(status in ({{ sql_texts(var('shop').get('refund_statuses') or []) }}), false) as is_refund_status,
        {%- for trait in shop_traits() %}
        cast(trait_{{ trait }} as string) as trait_{{ trait }},
        {%- endfor %}
        cast(review_score as int) as review_score,
        cast(review_answered_at as timestamp) as review_answered_at
    from lines
)

select * from final
