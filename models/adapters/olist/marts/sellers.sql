{{ config(enabled=var('adapter') == 'olist') }}

with sellers as (
    select
        seller_id,
        seller_zip_code_prefix,
        seller_city,
        seller_state
    from {{ ref('stg_sellers') }}
    where reject_reason is null
),

zip_codes as (
    select
        zip_code_prefix,
        state_code
    from {{ ref('zip_codes') }}
),

order_items as (
    select
        order_id,
        seller_id,
        purchased_at,
        price
    from {{ ref('order_items') }}
),

sales as (
    select
        seller_id,
        count(*) as line_count,
        count(distinct order_id) as order_count,
        sum(price) as items_value,
        min(purchased_at) as first_sale_at,
        max(purchased_at) as last_sale_at
    from order_items
    group by seller_id
),

final as (
    select
        sellers.seller_id,
        sellers.seller_zip_code_prefix,
        sellers.seller_city,
        sellers.seller_state,
        zip_codes.state_code as zip_code_state,
        cast(coalesce(sales.line_count, 0) as bigint) as line_count,
        cast(coalesce(sales.order_count, 0) as bigint) as order_count,
        cast(coalesce(sales.items_value, 0) as decimal(14, 2)) as items_value,
        sales.first_sale_at,
        sales.last_sale_at
    from sellers
    left join zip_codes on sellers.seller_zip_code_prefix = zip_codes.zip_code_prefix
    left join sales on sellers.seller_id = sales.seller_id
)

select * from final
