with customers as (
    select
        customer_unique_id,
        customer_zip_code_prefix,
        customer_city,
        customer_state,
        order_count,
        first_order_at,
        last_order_at,
        total_spent
    from {{ ref('customers') }}
),

final as (
    select
        customer_unique_id,
        customer_zip_code_prefix,
        customer_city,
        customer_state,
        order_count as nbr_commande,
        first_order_at as date_premiere_commande,
        last_order_at as date_derniere_commande,
        total_spent as total_achat
    from customers
)

select * from final
